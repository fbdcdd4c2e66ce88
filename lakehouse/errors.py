"""The one error family. A message names the table, the state it was left in, expected and got, and what to do.

Messages never hold values from the data, nor secrets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


class LakehouseError(Exception):
    """Base of everything that this library raises on purpose."""


class DeclarationError(LakehouseError):
    """A table, column, write mode or read was declared in a way that cannot work. Raised at import."""


class SuiteError(LakehouseError):
    """A suite cannot be read: malformed JSON, unknown expectation, unknown column or key, two with one id."""


class SettingsError(LakehouseError):
    """A setting is missing or cannot be used; the message names the variable and an example."""


class ServiceError(LakehouseError):
    """A server of the workspace did not start, does not answer, or is not there."""


class CodeLocationError(ServiceError):
    """Dagster answers, but could not load the project; `errors` says why, by code location. Dagster stays up."""

    def __init__(self, url: str, errors: Mapping[str, str]) -> None:
        self.url, self.errors = url, dict(errors)
        lines = "\n".join(f"{name}: {why}" for name, why in errors.items()).replace("\n", "\n  ")
        super().__init__(
            f"dagster answers at {url}, but the project does not load:\n  {lines}\n"
            "Mend it and run `lakehouse up ui` again, which loads it anew. `lakehouse logs dagster` has the rest."
        )


class DownloadError(LakehouseError):
    """A jar or a server archive could not be fetched, or its digest is not the expected one."""


class WorkspaceBusyError(LakehouseError):
    """Another process holds the workspace; the message names it."""


class FencedError(LakehouseError):
    """This workspace is no longer the warehouse's one committer: another took the lease. Nothing more is written."""

    def __init__(self, home: str, warehouse: str, holder: object | None) -> None:
        self.home, self.warehouse, self.holder = home, warehouse, holder
        super().__init__(
            f"{home} is no longer the one committer of {warehouse}: "
            f"{holder or 'its lease was removed, so nobody'} has the lease now.\n"
            "A server that gave no sign of life for too long loses it (a pause, a laptop's sleep, a stuck disk). "
            "What was committed before stands; nothing more is written from here.\n"
            "Run `lakehouse down` here. Run `lakehouse up` when the other is down, or use its server "
            "(LAKEHOUSE_SPARK__REMOTE and LAKEHOUSE_METASTORE__URI)."
        )


class ConcurrentWriteError(LakehouseError):
    """A rival committed between the decision and the commit; nothing was written."""


@dataclass(frozen=True)
class Problem:
    """One disagreement between a declaration and what came.

    Args:
        name: Column (or key, or constraint) that the problem is about.
        expected: What the declaration says.
        got: What was found.
        near: A similar name that was found instead, if any.
    """

    name: str
    expected: str
    got: str
    near: str | None = None

    def __str__(self) -> str:
        hint = f" (did you mean `{self.near}`?)" if self.near else ""
        return f"{self.name}  expected {self.expected}, got {self.got}{hint}"


def state_of(version: int | None) -> str:
    """Words for the state that a table was left in."""
    return "it does not exist yet" if version is None else f"it stays at version {version}"


class SchemaMismatchError(LakehouseError):
    """The frame has other columns or types than the declaration. Nothing was computed or written."""

    def __init__(self, table: str, version: int | None, problems: Sequence[Problem]) -> None:
        self.table, self.version, self.problems = table, version, tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            f"{table} was not written, {state_of(version)}.\n{lines}\n"
            f"Cast or rename in assets/{table.replace('.', '/')}.py, "
            "or change the Table there if the source really changed."
        )


class AuditFailedError(LakehouseError):
    """A critical expectation failed. The staged rows were not published."""

    def __init__(
        self,
        table: str,
        version: int | None,
        failures: Sequence[Problem],
        suite: str,
        results: Sequence[Any] = (),
        *,
        by_partition: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        self.table, self.version, self.failures, self.suite = table, version, tuple(failures), suite
        self.results, self.by_partition = tuple(results), dict(by_partition or {})
        lines = "\n".join(f"  {failure}" for failure in self.failures)
        super().__init__(
            f"{table} was not published, {state_of(version)}.\n{lines}\n"
            f"Mend the source or the transform in assets/{table.replace('.', '/')}.py, "
            f"or change the expectation in {suite} if the rule is wrong."
        )

    def tell_withheld(self) -> None:
        """Say that the rows that it is about are kept where they can be looked at."""
        shown = f"`lakehouse quarantine show {self.table}`"
        if shown not in str(self):
            self.args = (f"{self}\nThe rows that it is about are withheld in quarantine: {shown}.",)


class TooManyRejectedError(AuditFailedError):
    """More rows of a batch were rejected than the table allows. None was published; the next run reads them again."""

    def __init__(
        self, table: str, version: int | None, failures: Sequence[Problem], suite: str, results: Sequence[Any] = ()
    ) -> None:
        super().__init__(table, version, failures, suite, results)
        lines = "\n".join(f"  {failure}" for failure in self.failures)
        self.args = (
            f"{table} was not published, {state_of(version)}: too many rows were rejected.\n{lines}\n"
            f"They are withheld in quarantine (`lakehouse quarantine show {table}`) until the next run reads the batch "
            f"again. Mend the source, the transform in assets/{table.replace('.', '/')}.py or the rule in {suite}. If "
            f"so many rows are to be rejected, declare `max_rejected=` of the table.",
        )


class PartitionsFailedError(AuditFailedError):
    """Some partitions of a run failed a critical expectation and stay as they were; the others were published.

    `published` says what was, `failed` the keys that were not.
    """

    def __init__(
        self, failed: Mapping[str, Sequence[Any]], published: Any, *, failures: Sequence[Problem], suite: str
    ) -> None:
        self.failed, self.published = tuple(failed), published
        super().__init__(published.table, published.version, failures, suite, by_partition=failed)
        self.args = (
            f"{published.table}: the partitions {', '.join(failed)} were not published and stay as they were; "
            f"the others are version {published.version}.\n"
            + "\n".join(f"  {failure}" for failure in failures)
            + f"\nMend the source or the transform in assets/{published.table.replace('.', '/')}.py, or change the "
            f"expectation in {suite} if the rule is wrong. A new run makes only these partitions again.",
        )


class StagedFilesGoneError(LakehouseError):
    """The rows of a decision that a crash left are not there any more. Nothing was published."""

    def __init__(self, table: str, version: int | None, *, expected: int, still_staged: int) -> None:
        super().__init__(
            f"{table} was not written, {state_of(version)}. A run decided about {expected} rows and was cut off; "
            f"{still_staged} of them are still staged and whole (VACUUM sweeps what waits longer than its retention).\n"
            f"Run {table} again: its position is still the one before that run, so the rows are read again."
        )


class DecisionFailedError(LakehouseError):
    """What a run has decided could not be carried out, for a reason of the data or of its files."""

    def __init__(self, table: str, version: int | None, run: str, reason: str) -> None:
        self.table, self.version, self.run, self.reason = table, version, run, reason
        super().__init__(
            f"{table} was not published, {state_of(version)}: what run {run} has decided could not be carried out "
            f"({reason}). The next run of {table} tries it once more. If it fails for the same reason again, the "
            f"decision is set aside, its rows are withheld in quarantine with the reason, and the inputs are read "
            f"again."
        )


class DamagedDecisionError(LakehouseError):
    """The file in which a run has noted its decision cannot be read. Nothing was written."""

    def __init__(self, table: str, file: str, reason: str) -> None:
        self.table, self.file, self.reason = table, file, reason
        super().__init__(
            f"{table} was not written: a run was cut off, and its decision in {file} cannot be read ({reason}).\n"
            f"The rows of {table} are those of its latest version. The next run of it sets the file aside and reads "
            f"what that run had read again."
        )


class PartitionMismatchError(LakehouseError):
    """The batch has rows of other partitions than those of the run. Nothing was written."""

    def __init__(self, table: str, version: int | None, column: str, keys: Sequence[str], others: int) -> None:
        super().__init__(
            f"{table} was not written, {state_of(version)}.\n"
            f"  {column}  expected only the partitions of the run ({', '.join(keys)}), got {others} others\n"
            f"Filter the rows in assets/{table.replace('.', '/')}.py to the partitions that the run is for."
        )


class StorageFullError(LakehouseError):
    """The disk is full, or a quota is used up. The table is whole; the next run does the work."""

    def __init__(self, table: str, where: str, version: int | None, *, is_decided: bool) -> None:
        self.table, self.where, self.version, self.is_decided = table, where, version, is_decided
        state = state_of(None) if version is None else f"it is whole at version {version}"
        what = (
            "What this run decided stands, its rows are staged: the next run carries it out."
            if is_decided
            else "Nothing of this run is kept."
        )
        super().__init__(
            f"{table} was not written to the end, {state}: there is no room left for it in {where}. {what}\n"
            f"Make room (`df -h {where}` says how much there is), then run {table} again."
        )


class ChangeFeedGoneError(LakehouseError):
    """The changes since the last position cannot be read any more, and reading all again would not be safe."""


class DeclarationDiffersError(LakehouseError):
    """A table is stored otherwise than it is declared. Nothing was read, computed or written."""

    def __init__(self, table: str, version: int, differences: Sequence[object]) -> None:
        self.table, self.version, self.differences = table, version, tuple(differences)
        lines = "\n".join(f"  {difference}" for difference in self.differences)
        super().__init__(
            f"{table} was not written, {state_of(version)}. It is stored otherwise than it is declared:\n{lines}\n"
            f"Run `lakehouse plan {table}` to see what would change, then `lakehouse apply {table}`."
        )


class TableMissingError(LakehouseError):
    """A table that was there is not where it is kept any more. Nothing was read, computed or written."""

    def __init__(self, table: str, folder: str, elsewhere: str | None, way_out: str) -> None:
        self.table, self.folder, self.found = table, folder, elsewhere
        super().__init__(f"{table} was not written: there is no table in {folder} any more.\n{way_out}")


class DamagedLogError(LakehouseError):
    """An entry of a table's log is missing, empty or torn. Nothing was read or written."""

    def __init__(self, table: str, folder: str, version: int, kind: str, last_good: int) -> None:
        self.table, self.folder, self.version, self.kind, self.last_good = table, folder, version, kind, last_good
        what = f"{table} was not read or written: entry {version} of its log is {kind} ({folder}/{version:020d}.json)."
        if last_good < 0:
            super().__init__(f"{what}\nNo version before it is left. Restore the table's folder from a copy.")
            return
        super().__init__(
            f"{what}\nThe last good version is {last_good}. `lakehouse repair {table}` says what came after it; with "
            f"`--yes` it moves the broken entry and what follows aside and goes back to version {last_good}.\n"
            f'To look at it before: `deltalake.DeltaTable("{folder.rpartition("/")[0]}", version={last_good})`.'
        )


class UnreadableTableError(LakehouseError):
    """A table's log is whole, but says what no reader here understands. Nothing was read or written."""

    def __init__(self, table: str, folder: str, reason: str) -> None:
        self.table, self.folder, self.reason = table, folder, reason
        super().__init__(
            f"{table} was not read or written: its log in {folder} is whole, but says what cannot be read ({reason}). "
            f"Another writer has made a version so. Go back to one before it by the engine, `RESTORE TABLE {table} TO "
            f"VERSION AS OF <version>`, or begin anew after `lakehouse drop {table}`."
        )


# A table whose log cannot be followed: its own run says why, and it must not hide other tables.
UNREADABLE = (DamagedLogError, UnreadableTableError)


class CommitDiffersError(LakehouseError):
    """A version has other files than it was to have. It was committed; nothing was built on it."""

    def __init__(self, table: str, version: int, intended: int, files: int) -> None:
        self.table, self.version, self.intended, self.files = table, version, intended, files
        super().__init__(
            f"{table} is at version {version}, which has {files} files where {intended} were to be. Rows may be "
            f"doubled or missing: go back by `RESTORE TABLE {table} TO VERSION AS OF {version - 1}`, and report this."
        )


class SnapshotError(LakehouseError):
    """A snapshot cannot be compared with the history: it is empty, in parts, of several moments or of an older one."""

    def __init__(self, table: str, version: int | None, why: str) -> None:
        self.table, self.version = table, version
        super().__init__(f"{table} was not published, {state_of(version)}.\n{why}")


class ComputationError(LakehouseError):
    """The rows, or an expression, could not be computed: a value, a name, a file or a function of the project.

    `condition` is Spark's name of the error, or the kind of the function's. The error itself, whose text may hold
    values of the data, is the context of this one (`__context__`).
    """

    def __init__(self, doing: str, condition: str, reason: str, advice: str) -> None:
        self.condition = condition
        super().__init__(f"{doing}: {reason}.\n{advice}")


class ValueTooLargeError(LakehouseError):
    """One text or binary value is larger than the engine can work with. Nothing was written.

    `place` is the column, or the file and line, of the first that was seen.
    """

    def __init__(self, doing: str, place: str, limit: int) -> None:
        self.place, self.limit = place, limit
        super().__init__(
            f"{doing}: one value is too large for the engine.\n"
            f"  {place}  expected at most {limit // 2**20} MiB, got more\n"
            f"Split it in the source, leave the row out, or keep the bytes in a file and its path in the table."
        )


class NoFrameError(LakehouseError):
    """The function of an asset gave no frame of Spark. Nothing was computed or written."""

    def __init__(self, table: str, version: int | None, got: str, place: str) -> None:
        self.table, self.version = table, version
        super().__init__(
            f"{table} was not written, {state_of(version)}.\n"
            f"  its function  expected to return a DataFrame of Spark, got {got} ({place})\n"
            f"Let it return the frame; a frame of pandas becomes one by `an_input.sparkSession.createDataFrame(...)`."
        )


class InvalidKeyError(LakehouseError):
    """Keys of a merge are null, or several rows of one batch have the same key and no order was declared."""


def near_miss(name: str, candidates: Sequence[str]) -> str | None:
    """The candidate most like `name`, or None where nothing is alike."""
    return next(iter(get_close_matches(name, candidates, n=1, cutoff=0.6)), None)
