"""`history` and `explain`: what the versions of a table say of themselves."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakehouse.cli.printing import Json, print_answer, print_table

if TYPE_CHECKING:
    from lakehouse.answers.version import Explanation


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (history, explain):
        app.command()(command)


def history(
    name: Annotated[str, typer.Argument(help="layer.entities")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many from the newest")] = 20,
    as_json: Json = False,
) -> None:
    """The versions of a table: who wrote each, from what, how many rows, how many checks hold."""
    from lakehouse.answers.version import explanations
    from lakehouse.workspace import current_workspace

    print_answer(explanations(current_workspace(), name, limit), as_json, _print_history)


def _print_history(versions: "Sequence[Explanation]") -> None:
    columns = ("version", "committed (UTC)", "operation", "by", "run", "rows", "checks", "from", "seconds")
    print_table(columns, [_line(version) for version in versions])


def _line(version: "Explanation") -> tuple[str, ...]:
    return (
        str(version.version),
        version.committed_at.strftime("%Y-%m-%d %H:%M:%S"),
        version.operation,
        version.who or _unnamed(version),
        version.run or "",
        ", ".join(f"{count} {name}" for name, count in version.rows.items()),
        f"{len(version.checks) - len(version.failed)}/{len(version.checks)}" if version.checks else "",
        ", ".join(str(read) for read in version.reads),
        "" if version.seconds is None else f"{version.seconds:.1f}",
    )


def _unnamed(version: "Explanation") -> str:
    """Who wrote a version whose commit names nobody."""
    if version.upkeep is not None:
        return "upkeep"
    return "" if version.is_ours else version.engine.partition(" ")[0]


def explain(
    target: Annotated[
        str, typer.Argument(help="layer.entities, or layer.entities@version; the latest, if none is given")
    ],
    as_json: Json = False,
) -> None:
    """Why a version is as it is: who wrote it, from what, with which code, how many rows, which checks, how long.

    Read from its commit alone.
    """
    from lakehouse.answers.version import explain as explained
    from lakehouse.workspace import current_workspace

    print_answer(explained(current_workspace(), target), as_json, _print_version)


def _print_version(version: "Explanation") -> None:
    for heading, text in _paragraphs(version):
        print(f"{heading:<12} {text}")
    if version.checks:
        print()
        columns = ("check", "severity", "holds", "rows against it", "observed")
        print_table(columns, [_check(check) for check in version.checks])


def _paragraphs(version: "Explanation") -> Iterator[tuple[str, str]]:
    yield "version", f"{version.table}@{version.version}, committed {version.committed_at:%Y-%m-%d %H:%M:%S} UTC"
    if not version.is_ours:
        yield "written by", f"{version.engine or 'unknown'}, past the door: only what Delta says of it is known"
    elif version.upkeep is not None:
        yield "written by", "upkeep after a publish: files were joined, no row changed"
        yield "why", "{small} {why} ({bytes} bytes) among {files}".format(**version.upkeep)
    else:
        yield "written by", f"{version.who or 'unknown'}, run {version.run}"
    yield from _source(version)
    for name, counts in (("rows", version.rows), ("in total", version.totals)):
        if counts:
            yield name, ", ".join(f"{count} {what}" for what, count in counts.items())
    for named, values in (("metrics", version.metrics), ("parameters", version.parameters)):
        if values:
            yield "Delta's", f"{named}: " + ", ".join(f"{key} {value}" for key, value in values.items())
    for message in version.messages:
        yield "told", message


def _source(version: "Explanation") -> Iterator[tuple[str, str]]:
    """How, with which code, and from what."""
    mode = f"{version.mode}, by Delta's {version.operation}" if version.mode else version.operation
    took = "" if version.seconds is None else f", {version.seconds:.1f} s from start to decision"
    yield "how", mode + took
    if version.code or version.commit:
        yield "code", f"{version.code or 'unknown'}" + (f", commit {version.commit}" if version.commit else "")
    for number, read in enumerate(version.reads):
        yield "" if number else "from", str(read)
    if version.partitions is not None:
        yield "partitions", ", ".join(version.partitions)
    if version.replay:
        yield "replay", ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in version.replay.items())


def _check(check: dict[str, Any]) -> tuple[Any, ...]:
    against = check.get("unexpected_count")
    of = check.get("element_count")
    return (
        check.get("label") or check.get("name"),
        check.get("severity", ""),
        "yes" if check.get("success") else "no",
        "" if against is None else f"{against} of {of}",
        check.get("error") or ("" if check.get("observed") is None else str(check["observed"])),
    )
