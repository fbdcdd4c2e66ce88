"""The Dagster seam: a declaration and a pure function become an asset."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lakehouse.dagster.checks import check_result, check_spec, column_schema, declared_expectations, partition_checks
from lakehouse.dagster.definition import connection_of, define, failures_told, short
from lakehouse.declare.table import Table
from lakehouse.delta.history import partition_texts
from lakehouse.delta.partition_values import text_of
from lakehouse.engine.session import Connection
from lakehouse.errors import AuditFailedError, PartitionsFailedError
from lakehouse.runs.code_version import Code, code_of
from lakehouse.runs.plan import Extent
from lakehouse.runs.run import run
from lakehouse.sources.kinds import check_reader, dependency
from lakehouse.workspace import Workspace, current_workspace
from lakehouse.write.batch import Published
from lakehouse.write.table_rules import UNASKED, suite_name

if TYPE_CHECKING:
    import dagster as dg
    from pyspark.sql import DataFrame

# The tag of a run of Dagster that makes its tables, or its partitions, again from all of their inputs: `true`.
FULL = "lakehouse_full"


@dataclass(frozen=True)
class TableAsset:
    """A table and the pure function that makes its rows. Calling it calls the function: that is how it is unit-tested.

    Args:
        table: The declaration.
        transform: Frames in, frame out. A parameter `partitions` gets the keys of the run, None for the whole table.
        reads: Inputs by the function's parameter names.
        options: Passed to Dagster's `asset` as they are.

    Raises:
        DeclarationError: the table cannot be made of what it reads (`check_reader`).
    """

    table: Table
    transform: "Callable[..., DataFrame]"
    reads: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_reader(self.table, self.reads)

    def __call__(self, *frames: Any, **named: Any) -> "DataFrame":
        """The transform itself: no reading, no door."""
        return self.transform(*frames, **named)

    @property
    def key(self) -> str:
        """`layer.entities`."""
        return self.table.name

    def code(self, workspace: Workspace) -> Code:
        """What the table is made of: the transform, its inputs, the declaration and the suite."""
        suite = workspace.settings.project / suite_name(self.table.name)
        rules = suite.read_text() if suite.exists() else ""
        return code_of(self.transform, self.reads, json.dumps(self.table.to_json(), sort_keys=True), rules)

    def materialize(
        self,
        connection: Connection,
        run_id: str | None = None,
        *,
        partitions: Sequence[str] | None = None,
        full: bool = False,
    ) -> Published:
        """Read what is new, transform it, and bring it through the door.

        Args:
            connection: The workspace.
            run_id: The run; made up where none is given.
            partitions: Keys of the partitions to make, for a partitioned asset.
            full: Whether all is read and made again, in one commit.

        Raises:
            LakehouseError: the table is as it was.
        """
        code = self.code(connection.workspace)
        done = run(
            connection,
            self.table,
            self.transform,
            self.reads,
            code=code.digest,
            run_id=run_id,
            extent=Extent(partitions, full),
        )
        return replace(done, messages=(*code.messages, *done.messages))

    @cached_property
    def definition(self) -> "dg.AssetsDefinition":
        """The Dagster asset: key, group, dependencies, columns and checks follow from the declaration."""
        return self.defined()

    def defined(self, *, after: Sequence[str] = ()) -> "dg.AssetsDefinition":
        """The Dagster asset, which also comes after tables that it does not read.

        Args:
            after: `layer.entities` of these tables.
        """
        layer, entity = self.table.layer, self.table.entity
        expectations, broken = declared_expectations(current_workspace(), self.table)
        suite_error = {"suite_error": str(broken)} if broken else {}
        known = {expectation.check_name for expectation in expectations}

        def events(context: Any) -> Iterator[Any]:
            yield from (event for event in self._events(context) if _is_declared(context, event, known))

        return define(
            (layer, entity),
            events,
            reads=[*(name for name in map(dependency, self.reads.values()) if name), *after],
            options=self.options,
            description="\n\n".join([self.table.grain, self.transform.__doc__ or "", *suite_error.values()]),
            kinds={"delta", "spark"},
            metadata={
                "dagster/column_schema": column_schema(self.table),
                "dagster/table_name": self.table.name,
                **suite_error,
            },
            check_specs=[
                check_spec([layer, entity], expectation, self.options.get("partitions_def"))
                for expectation in expectations
            ]
            or None,
        )

    def _events(self, context: Any) -> Iterator[Any]:
        import dagster as dg

        keys = context.partition_keys if context.has_partition_key or context.has_partition_key_range else None
        connection = connection_of(context)
        try:
            with failures_told(but=(AuditFailedError, PartitionsFailedError)):
                full = context.run.tags.get(FULL) == "true"
                done = self.materialize(connection, run_id=short(context.run_id), partitions=keys, full=full)
        except PartitionsFailedError as error:
            yield from (check_result(self.table.name, result) for result in error.published.checks)
            yield from partition_checks(self.table.name, {**error.published.checks_by_partition, **error.by_partition})
            shown = materialization(connection.workspace, error.published)
            for key in error.published.checks_by_partition:
                yield dg.AssetMaterialization(self.table.name.split("."), partition=key, metadata=shown)
            raise dg.Failure(str(error), allow_retries=False) from error
        except AuditFailedError as error:
            yield from (check_result(self.table.name, result) for result in error.results)
            yield from partition_checks(self.table.name, error.by_partition)
            raise dg.Failure(str(error), allow_retries=False) from error
        context.log.info(done.summary)
        for line in done.messages:
            context.log.warning(line)
        yield from (check_result(self.table.name, result) for result in done.checks)
        if len(keys or ()) > 1:
            yield from partition_checks(self.table.name, done.checks_by_partition)
        shown = materialization(connection.workspace, done)
        if keys is None and not done.unchanged:
            for key in self._made(connection.workspace, context.instance):
                yield dg.AssetMaterialization(self.table.name.split("."), partition=key, metadata=shown)
        yield dg.MaterializeResult(metadata={**shown, "dagster/column_schema": column_schema(self.table)})

    def _made(self, workspace: Workspace, instance: Any) -> list[str]:
        """The keys that Dagster knows of the partitions that the table has: a run of the whole table makes them all."""
        definition = self.options.get("partitions_def")
        if definition is None or len(self.table.partitioned_by) != 1:
            return []
        [column] = self.table.partitioned_by
        there = partition_texts(workspace, self.table.name, column, self.table.types[column])
        keys = definition.get_partition_keys(dynamic_partitions_store=instance)
        return [key for key in keys if text_of(key, self.table.types[column], column) in there]


def table_asset(table: Table, *, reads: Mapping[str, Any], **options: Any) -> "Callable[..., TableAsset]":
    """Make a `TableAsset` of a pure function.

    Args:
        table: The declaration.
        reads: What the function's parameters are read from: a Table, `TABLE.changes()`, `Foreign`, `Lines`, `Champion`.
            One more parameter, `partitions`, gets the keys that a run is for.
        **options: Dagster's own arguments of `asset`, passed on as they are.
    """

    def decorate(transform: "Callable[..., DataFrame]") -> TableAsset:
        return TableAsset(table, transform, dict(reads), options)

    return decorate


def _is_declared(context: Any, event: Any, known: set[str]) -> bool:
    """Whether Dagster takes an event: it refuses the result of a check that came into the suite after it was loaded."""
    name = getattr(event, "check_name", None)
    if name is None or name in known:
        return True
    if name in UNASKED:
        return False
    context.log.warning(f"{name}: judged and recorded; Dagster shows what its definitions had when they were loaded")
    return False


def materialization(workspace: Workspace, done: Published) -> dict[str, Any]:
    """Metadata of a materialisation: rows, version, what was quarantined."""
    from lakehouse.delta.history import row_count

    return {
        "dagster/row_count": row_count(workspace, done.table),
        "delta_version": done.version,
        "unchanged": done.unchanged,
        "rows_in": done.rows_in,
        "published": done.published,
        "quarantined": done.quarantined,
        "deduplicated": done.deduplicated,
        "seconds": round(done.seconds, 2),
    }
