"""Differences of columns: added, renamed, widened, allowed or forbidden to be null, commented; dropped is refused."""

from collections.abc import Iterator, Sequence

from lakehouse.declare.column import Column
from lakehouse.declare.sql_text import literal, quote
from lakehouse.declare.table import Table
from lakehouse.declare.types import is_wider
from lakehouse.errors import near_miss
from lakehouse.schema.difference import Difference, alter, forbid_null, forbids_null, freed
from lakehouse.schema.stored import MAPPING, Stored, StoredColumn

_WIDENING = "delta.enableTypeWidening"
FEATURE = "typeWidening"


def column_differences(table: Table, stored: Stored, origins: dict[str, StoredColumn]) -> Iterator[Difference]:
    """What differs in the declared columns, in their order. A new column's place is after the one before it."""
    used = {column.name for column in origins.values()}
    extra = [column for column in stored.columns if column.name not in used]
    previous = ""
    for column in table.stored:
        origin = origins.get(column.name)
        if origin is not None:
            yield from _changes(table, stored, column, origin)
            previous = column.name
        else:
            near = _suspect(column, extra, table, origins)
            difference = _unclear_rename(column, near) if near else _added(table, column, previous)
            previous = column.name if difference.is_safe and not difference.against else previous
            yield difference


def _suspect(column: Column, extra: Sequence[StoredColumn], table: Table, origins: dict[str, StoredColumn]) -> str:
    """A stored column that nobody declares and that a missing one may be: alike, or the only one of its type."""
    near = near_miss(column.name, [other.name for other in extra])
    missing = [declared for declared in table.stored if declared.name not in origins]
    if near is None and len(missing) == len(extra) == 1 and extra[0].type == column.type:
        near = extra[0].name
    return near or ""


def _unclear_rename(column: Column, near: str) -> Difference:
    return Difference(
        "rename column",
        column.name,
        f"`{near}`",
        f"`{column.name}`",
        way_out=f'If it is `{near}` renamed, declare `renamed_from="{near}"` in its Column; '
        f"if it is a new one, declare `{near}` again beside it.",
    )


def _added(table: Table, column: Column, previous: str) -> Difference:
    place = f" AFTER {quote(previous)}" if previous else " FIRST"
    add = alter(table, f"ADD COLUMNS ({quote(column.name)} {column.type} COMMENT {literal(column.comment)}{place})")
    declared = column.type
    if column.name not in table.stored_required:
        return Difference("add column", column.name, "nothing", declared, (add,))
    return Difference(
        "add column",
        column.name,
        "nothing",
        f"{declared} not null",
        (add, forbid_null(table, column.name)),
        against=f"SELECT count(*) FROM {quote(table.name)}",
        way_out="They would hold null. Declare it nullable, fill it, then make it not null.",
    )


def _changes(table: Table, stored: Stored, column: Column, origin: StoredColumn) -> Iterator[Difference]:
    """What is different in a column that is there."""
    if origin.name != column.name:
        mapping = () if stored.is_mapped else (alter(table, f"SET TBLPROPERTIES ('{MAPPING}' = 'name')"),)
        rename = alter(table, f"RENAME COLUMN {quote(origin.name)} TO {quote(column.name)}")
        free = freed(table, stored, origin.name)
        yield Difference(
            "rename column", column.name, f"`{origin.name}`", f"`{column.name}`", (*mapping, *free, rename)
        )
    yield from _type(table, stored, column, origin)
    is_required = column.name in table.stored_required
    if not is_required and not origin.nullable:
        allow = alter(table, f"ALTER COLUMN {quote(column.name)} DROP NOT NULL")
        yield Difference("allow null", column.name, "not null", "nullable", (allow,))
    if is_required and origin.nullable and not forbids_null(stored, origin.name):
        yield Difference(
            "forbid null",
            column.name,
            "nullable",
            "not null",
            (forbid_null(table, column.name),),
            against=f"SELECT count(*) FROM {quote(table.name)} WHERE {quote(origin.name)} IS NULL",
            way_out="Fill or delete them, or declare it nullable.",
        )
    if column.comment != origin.comment:
        comment = alter(table, f"ALTER COLUMN {quote(column.name)} COMMENT {literal(column.comment)}")
        yield Difference("comment column", column.name, f"`{origin.comment}`", f"`{column.comment}`", (comment,))


def _type(table: Table, stored: Stored, column: Column, origin: StoredColumn) -> Iterator[Difference]:
    declared = column.type
    if declared == origin.type:
        return
    if not is_wider(origin.type, declared):
        narrow = is_wider(declared, origin.type)
        yield Difference(
            "narrow type" if narrow else "change type",
            column.name,
            origin.type,
            declared,
            way_out=f"Declare it {origin.type} again, or add a column of another name with type {declared}, "
            f"fill it from this one, and read that one.",
        )
        return
    settings = {_WIDENING: "true"}
    if declared == "timestamp_ntz":
        settings["delta.feature.timestampNtz"] = "supported"
    missing = {
        key: value
        for key, value in settings.items()
        if dict(stored.properties).get(key) != value and key.removeprefix("delta.feature.") not in stored.features
    }
    listed = ", ".join(f"'{key}' = '{value}'" for key, value in missing.items())
    allow = (alter(table, f"SET TBLPROPERTIES ({listed})"),) if missing else ()
    widen = alter(table, f"ALTER COLUMN {quote(column.name)} TYPE {column.type}")
    free = freed(table, stored, origin.name)
    yield Difference("widen type", column.name, origin.type, declared, (*allow, *free, widen, _drop_feature(table)))


def widening_left(table: Table, stored: Stored) -> Iterator[Difference]:
    """The feature that a widening by another tool, or by an older release, left on."""
    if FEATURE in stored.features:
        reason = "on, so neither Trino nor delta-rs reads columns that were widened"
        yield Difference("drop feature", FEATURE, reason, "off", (_drop_feature(table),))


def _drop_feature(table: Table) -> str:
    """The statement that writes the files of narrower values anew: until then Trino does not show a wider column."""
    return alter(table, f"DROP FEATURE {FEATURE}")


def dropped_columns(table: Table, stored: Stored, origins: dict[str, StoredColumn]) -> Iterator[Difference]:
    """Stored columns that are not declared: never dropped by a command."""
    used = {column.name for column in origins.values()}
    missing = [column for column in table.stored if column.name not in origins]
    extra = [column for column in stored.columns if column.name not in used]
    suspects = {_suspect(column, extra, table, origins) for column in missing}
    for column in extra:
        if column.name not in suspects:
            mapping = "" if stored.is_mapped else alter(table, f"SET TBLPROPERTIES ('{MAPPING}' = 'name')") + "; "
            drop = alter(table, f"DROP COLUMN {quote(column.name)}")
            yield Difference(
                "drop column",
                column.name,
                column.type,
                "nothing",
                way_out=f"Declare it again; or, where its values are not wanted any more, drop it by hand: "
                f"{mapping}{drop}",
            )
