"""Declared against stored: what is safe is done by one statement each, what is not is refused with its way out."""

import json
import subprocess
import sys
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.types import is_wider
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.history import history
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.errors import DeclarationDiffersError, TableMissingError
from lakehouse.runs.run import run
from lakehouse.schema.apply import Applied, apply, plan, refused_by_rows
from lakehouse.schema.create import ensure
from lakehouse.schema.differences import differences, pending
from lakehouse.schema.missing import missing
from lakehouse.schema.stored import Stored, StoredColumn, stored_of
from lakehouse.workspace import Workspace

ID = Column("id", "bigint", "Key", nullable=False)
NOTE = Column("note", "string", "A note")
VALUE = Column("value", "int", "A number")


@pytest.fixture
def table(fresh: Any) -> Table:
    return Table(fresh("silver"), columns=(ID, NOTE, VALUE), grain="one row per test row")


@pytest.fixture
def connection(workspace: Workspace, spark: Any) -> Connection:
    connection = Connection(workspace)
    connection._session = spark
    return connection


@pytest.fixture
def made(workspace: Workspace, spark: Any, table: Table) -> Table:
    ensure(Tables(workspace), spark, table)
    spark.sql(f"INSERT INTO {table.name} VALUES (1, 'a', 10), (2, 'b', null)")
    return table


def said(changes: Any) -> list[str]:
    return [str(difference) for difference in changes]


def test_a_table_is_made_as_it_is_declared_and_then_nothing_differs(
    workspace: Workspace, connection: Connection, table: Table
):
    assert said(plan(workspace, [table])[0].differences) == [
        "create table: stored nothing, declared one row per test row"
    ]
    assert pending(workspace, table) == ()

    done = apply(connection, table)

    assert [difference.kind for difference in done.done] == ["create table"]
    assert plan(workspace, [table]) == []
    assert apply(connection, table) == Applied(table.name, done.version, (), ())


def test_what_is_safe_is_done_and_says_so(workspace: Workspace, spark: Any, connection: Connection, made: Table):
    declared = replace(
        made,
        grain="one row per thing",
        columns=(
            ID,
            Column("added_at", "timestamp", "It's new\\ here"),
            replace(NOTE, comment="Another comment"),
            Column("amount", "bigint", "A number", renamed_from="value"),
        ),
        constraints=(("id_positive", "id > 0"),),
        clustered_by=("id",),
        properties=(("delta.logRetentionDuration", "interval 90 days"),),
    )

    before = pending(workspace, declared)
    done = apply(connection, declared)

    assert said(before) == [
        "set property `delta.logRetentionDuration`: stored nothing, declared interval 90 days",
        "rename column `amount`: stored `value`, declared `amount`",
        "add column `added_at`: stored nothing, declared timestamp",
        "widen type `amount`: stored int, declared bigint",
        "comment column `note`: stored `A note`, declared `Another comment`",
        "comment table: stored `one row per test row`, declared `one row per thing`",
        "add constraint `id_positive`: stored nothing, declared `id > 0`",
        "cluster: stored by nothing, declared by id",
    ]
    assert (said(done.done), done.refused) == (said(before), ())
    assert pending(workspace, declared) == ()
    stored = stored_of(workspace, made.name)
    assert [(column.name, column.type) for column in stored.columns] == [
        ("id", "bigint"),
        ("added_at", "timestamp"),
        ("note", "string"),
        ("amount", "bigint"),
    ]
    assert stored.clustered_by == ("id",)
    assert [tuple(row) for row in spark.table(made.name).orderBy("id").collect()] == [
        (1, None, "a", 10),
        (2, None, "b", None),
    ]
    assert apply(connection, declared).done == ()


def test_changes_of_one_kind_are_one_commit(workspace: Workspace, connection: Connection, fresh: Any):
    columns = tuple(Column(f"c{number}", "int", "A number") for number in range(8))
    table = Table(fresh("silver"), columns=columns, grain="one row")
    before = apply(connection, table)
    new = (Column("new_1", "int", "First of two"), Column("new_2", "string", "Second of two"))
    changed = tuple(replace(column, comment=f"{column.name}'s number", type="bigint") for column in columns)
    settings = tuple((f"setting {number}", "it's") for number in range(3))

    done = apply(connection, replace(table, columns=(columns[0], *new, *changed[1:]), properties=settings))

    assert [difference.kind for difference in done.done].count("comment column") == 7
    assert len(done.done) == 3 + 2 + 7 + 7
    assert (before.version, done.refused) == (0, ())
    operations = Counter(commit.operation for commit in history(workspace, table.name))
    # Types and comments; what Delta does to drop the feature that widens is its own.
    assert (operations["ADD COLUMNS"], operations["CHANGE COLUMNS"]) == (1, 2)
    stored = stored_of(workspace, table.name)
    assert stored is not None
    assert [column.name for column in stored.columns] == ["c0", "new_1", "new_2", *(c.name for c in columns[1:])]


def test_what_could_lose_something_is_refused_with_the_way_out(
    workspace: Workspace, connection: Connection, made: Table
):
    declared = replace(made, columns=(ID, Column("value", "smallint", "A number")), partitioned_by=("value",))

    done = apply(connection, declared)

    assert done.done == ()
    assert [f"{difference}\n{difference.way_out}" for difference in done.refused] == [
        "narrow type `value`: stored int, declared smallint\nDeclare it int again, or add a column of another name "
        "with type smallint, fill it from this one, and read that one.",
        "drop column `note`: stored string, declared nothing\nDeclare it again; or, where its values are not wanted "
        f"any more, drop it by hand: ALTER TABLE {sql(made)} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name'); "
        f"ALTER TABLE {sql(made)} DROP COLUMN `note`",
        "partition: stored by nothing, declared by value\nThe files lie by their partitions. Declare them as they "
        "are, or declare a table of another name, fill it from this one, and read that one.",
    ]


def sql(table: Table) -> str:
    layer, entity = table.name.split(".")
    return f"`{layer}`.`{entity}`"


def test_a_name_that_is_like_a_stored_one_is_no_new_column(workspace: Workspace, made: Table):
    renamed = pending(workspace, replace(made, columns=(ID, Column("notes", "string", "A note"), VALUE)))
    other = pending(workspace, replace(made, columns=(ID, NOTE, Column("weight", "int", "A number"))))

    assert [f"{difference}. {difference.way_out}" for difference in (*renamed, *other)] == [
        'rename column `notes`: stored `note`, declared `notes`. If it is `note` renamed, declare `renamed_from="note"`'
        " in its Column; if it is a new one, declare `note` again beside it.",
        "rename column `weight`: stored `value`, declared `weight`. If it is `value` renamed, declare "
        '`renamed_from="value"` in its Column; if it is a new one, declare `value` again beside it.',
    ]


def test_rules_that_rows_are_against_are_refused_with_their_number(
    workspace: Workspace, spark: Any, connection: Connection, made: Table
):
    declared = replace(
        made,
        columns=(ID, NOTE, replace(VALUE, nullable=False), Column("new", "int", "New", nullable=False)),
        constraints=(("big", "value > 100"),),
    )
    [planned] = [refused_by_rows(spark, of_table) for of_table in plan(workspace, [declared])]

    done = apply(connection, declared)

    assert [f"{difference.name}: {difference.way_out}" for difference in done.refused] == [
        "new: 2 rows are against it. They would hold null. Declare it nullable, fill it, then make it not null.",
        "value: 1 rows are against it. Fill or delete them, or declare it nullable.",
        "big: 2 rows are against it. Mend or delete them, or change the constraint.",
    ]
    assert (planned.differences, done.done) == (done.refused, ())


def test_nulls_are_forbidden_where_there_are_none_and_allowed_again(
    workspace: Workspace, spark: Any, connection: Connection, made: Table
):
    strict = replace(made, columns=(ID, replace(NOTE, nullable=False), VALUE))
    loose = replace(made, columns=(replace(ID, nullable=True), NOTE, VALUE))

    assert said(apply(connection, strict).done) == ["forbid null `note`: stored nullable, declared not null"]
    with pytest.raises(Exception, match="note_is_not_null"):
        spark.sql(f"INSERT INTO {made.name} VALUES (3, null, 1)")
    assert pending(workspace, strict) == ()
    assert said(apply(connection, loose).done) == [
        "drop constraint `note_is_not_null`: stored ``note` IS NOT NULL`, declared nothing",
        "allow null `id`: stored not null, declared nullable",
    ]
    spark.sql(f"INSERT INTO {made.name} VALUES (null, null, 1)")


def test_a_renamed_or_widened_column_keeps_the_rules_that_name_it(
    workspace: Workspace, spark: Any, connection: Connection, made: Table
):
    spark.sql(f"DELETE FROM {made.name} WHERE value IS NULL")
    ruled = replace(made, columns=(ID, NOTE, replace(VALUE, nullable=False)), constraints=(("big", "value > 5"),))
    apply(connection, ruled)
    moved = replace(
        made,
        columns=(ID, NOTE, Column("amount", "bigint", "A number", nullable=False, renamed_from="value")),
        constraints=(("big", "amount > 5"),),
    )

    done = apply(connection, moved)

    assert (done.refused, pending(workspace, moved)) == ((), ())
    assert dict(stored_of(workspace, made.name).constraints) == {
        "big": "amount > 5",
        "amount_is_not_null": "`amount` IS NOT NULL",
    }
    assert [tuple(row) for row in spark.table(made.name).collect()] == [(1, "a", 10)]


def test_the_clustering_is_found_behind_a_checkpoint_and_can_be_taken_off(
    workspace: Workspace, spark: Any, connection: Connection, fresh: Any
):
    clustered = Table(
        fresh("silver"),
        columns=(ID, VALUE),
        grain="one row",
        clustered_by=("id", "value"),
        properties=(("delta.checkpointInterval", "2"),),
    )
    apply(connection, clustered)
    for number in range(5):
        spark.sql(f"INSERT INTO {clustered.name} VALUES ({number}, 1)")

    assert list(Path(workspace.table_path(clustered.name), "_delta_log").glob("*.checkpoint.parquet"))
    assert pending(workspace, clustered) == ()
    assert said(apply(connection, replace(clustered, clustered_by=())).done) == [
        "cluster: stored by id, value, declared by nothing"
    ]
    assert pending(workspace, replace(clustered, clustered_by=())) == ()


def test_the_quarantine_is_changed_with_its_table(
    workspace: Workspace, spark: Any, connection: Connection, made: Table
):
    from lakehouse.schema.create import quarantine_table

    rejected = ensure(Tables(workspace), spark, quarantine_table(made))
    declared = replace(made, columns=(ID, NOTE, Column("amount", "bigint", "A number", renamed_from="value")))

    done = apply(connection, declared)

    assert [difference.name for difference in done.done if difference.kind == "rename column"] == [
        "amount",
        f"quarantine.{made.name.replace('.', '_')}.amount",
    ]
    rejected.update_incremental()
    assert {field.name for field in rejected.schema().fields} >= {"id", "note", "amount", "_broken_rules"}
    assert plan(workspace, [declared]) == []


@pytest.mark.parametrize(
    ("stored", "declared", "wider"),
    [
        ("tinyint", "smallint", True),
        ("int", "double", True),
        ("bigint", "double", False),
        ("bigint", "decimal(20,0)", True),
        ("int", "decimal(11,2)", False),
        ("decimal(5,2)", "decimal(7,3)", True),
        ("decimal(7,3)", "decimal(7,4)", False),
        ("decimal(5,2)", "decimal(5,2)", False),
        ("date", "timestamp_ntz", True),
        ("date", "timestamp", False),
        ("string", "int", False),
        ("varchar(10)", "string", True),
        ("char(3)", "string", True),
    ],
)
def test_delta_widens_what_we_say_it_does(spark: Any, fresh: Any, stored: str, declared: str, wider: bool):
    name = fresh("silver")
    properties = "'delta.enableTypeWidening' = 'true', 'delta.feature.timestampNtz' = 'supported'"
    spark.sql(f"CREATE TABLE {name} (c {stored}) USING DELTA TBLPROPERTIES ({properties})")
    statement = f"ALTER TABLE {name} ALTER COLUMN c TYPE {declared}"

    assert is_wider(stored, declared) is wider
    if wider:
        spark.sql(statement)
    elif stored != declared:
        with pytest.raises(Exception, match="ALTER"):
            spark.sql(statement)


def test_declared_types_are_found_as_they_are_stored(workspace: Workspace, connection: Connection, fresh: Any):
    types = (
        *("STRING", "Boolean", "byte", "short", "Integer", "LONG", "real", "double", "decimal(12, 2)", "date"),
        *("timestamp", "timestamp_ntz", "binary", "array<int>"),
        *("map<string, array<struct<A: long, b: decimal>>>", "struct<x: int, `y.z-'\"`: struct<z: date>>"),
    )
    columns = tuple(Column(f"c{number}", type_, "One") for number, type_ in enumerate(types))
    table = Table(fresh("silver"), columns=columns, grain="one row", write=Merge(on=("c0",)))

    apply(connection, table)

    assert pending(workspace, table) == ()


def test_a_constraint_is_the_same_with_other_spaces():
    table = Table("silver.things", columns=(NOTE,), grain="one row", constraints=(("short", "length(note)<9"),))
    column = StoredColumn("note", "string", "A note", nullable=True, physical="note")

    def kinds(sql: str) -> list[str]:
        return [
            difference.kind for difference in differences(table, Stored(1, (column,), constraints=(("short", sql),)))
        ]

    assert "change constraint" not in kinds("length ( note ) < 9")
    assert "change constraint" in kinds("length ( note ) < 8")
    assert "change constraint" in [
        difference.kind
        for difference in differences(
            replace(table, constraints=(("short", "note <> 'a b'"),)),
            Stored(1, (column,), constraints=(("short", "note <> 'ab'"),)),
        )
    ]


def test_the_error_says_what_differs_and_what_to_do():
    table = Table("silver.things", columns=(ID, NOTE), grain="one row")
    stored = Stored(7, (StoredColumn("id", "int", "Key", nullable=False, physical="id"),), comment="one row")

    error = DeclarationDiffersError("silver.things", stored.version, differences(table, stored))

    assert str(error) == (
        "silver.things was not written, it stays at version 7. It is stored otherwise than it is declared:\n"
        "  set property `delta.enableChangeDataFeed`: stored nothing, declared true\n"
        "  add column `note`: stored nothing, declared string\n"
        "  widen type `id`: stored int, declared bigint\n"
        "Run `lakehouse plan silver.things` to see what would change, then `lakehouse apply silver.things`."
    )


def test_a_folder_that_was_renamed_is_named(workspace: Workspace, spark: Any, connection: Connection, door: Any):
    table = door.table()
    door.write(table, door.rows((1, "a", 1, None)))
    folder = Path(workspace.table_path(table.name))
    moved = folder.rename(folder.with_name(folder.name + "_old"))

    error = missing(workspace, table)

    assert str(error) == (
        f"{table.name} was not written: there is no table in {folder} any more.\n"
        f"{moved} holds what was written as {table.name}. Move the folder back, or declare the table as "
        f"{table.name}_old."
    )
    with pytest.raises(TableMissingError):
        apply(connection, table)
    moved.rename(folder)
    assert missing(workspace, table) is None


def test_a_folder_that_is_gone_is_told_from_a_table_that_never_was(
    workspace: Workspace, connection: Connection, made: Table
):
    import shutil

    folder = workspace.table_path(made.name)
    shutil.rmtree(folder)

    assert missing(workspace, made) is None
    assert str(missing(workspace, made, is_in_catalogue=True)) == (
        f"{made.name} was not written: there is no table in {folder} any more.\n"
        f"The catalogue knows {made.name}, and no folder of {workspace.warehouse} holds its rows. Restore the folder, "
        f"or begin anew after `lakehouse drop {made.name} --yes`, which takes it out of the catalogue."
    )


def test_a_declaration_that_was_renamed_does_not_begin_anew_unsaid(workspace: Workspace, spark: Any, fresh: Any):
    table = Table(fresh("silver"), columns=(ID, Column("in_no_other_table", "int", "One")), grain="one row")
    ensure(Tables(workspace), spark, table)
    renamed = replace(table, name=table.name + "s")

    error = missing(workspace, renamed, [renamed.name])

    assert missing(workspace, renamed, [renamed.name, table.name]) is None
    assert str(error).partition("\n")[2] == (
        f"{table.name} has its columns, and nothing declares it any more (did you rename it in the declaration?). "
        f"Declare it as {table.name} again, or `lakehouse drop {table.name}` to begin anew."
    )


def test_files_that_the_catalogue_does_not_know_are_made_known(
    workspace: Workspace, spark: Any, connection: Connection, made: Table
):
    folder = Path(workspace.table_path(made.name))
    kept = folder.rename(folder.with_name(folder.name + ".kept"))
    spark.sql(f"DROP TABLE {made.name}")
    kept.rename(folder)

    done = apply(connection, made)

    assert [difference.kind for difference in done.done] == ["register table"]
    assert spark.table(made.name).count() == 2


def test_a_creation_that_was_cut_short_is_finished_by_the_next_run(
    workspace: Workspace, spark: Any, connection: Connection, table: Table
):
    table = replace(table, constraints=(("id_is_positive", "id > 0"),))
    ensure(Tables(workspace), spark, table)
    folder = Path(workspace.table_path(table.name))
    kept = folder.rename(folder.with_name(folder.name + ".kept"))
    spark.sql(f"DROP TABLE {table.name}")
    for entry in (kept / "_delta_log").glob("*"):
        if entry.is_file() and f"{0:020}" not in entry.name:
            entry.unlink()
    kept.rename(folder)

    run(connection, table, lambda: spark.createDataFrame([(1, "a", 10)], table.schema), {}, code="1")

    assert pending(workspace, table) == ()
    assert [tuple(row) for row in spark.table(table.name).collect()] == [(1, "a", 10)]


ASSET = """
from lakehouse import Column, Table, table_asset

THINGS = Table("silver.{entity}", grain="one row per thing", columns=({columns},))


@table_asset(THINGS, reads={{}})
def things():
    return None
"""


def test_plan_and_apply_as_commands(workspace: Workspace, fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    entity = fresh("silver").partition(".")[2]
    name = f"silver.{entity}"
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "__init__.py").touch()
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))

    def declare(columns: str) -> None:
        (tmp_path / "assets" / "things.py").write_text(ASSET.format(entity=entity, columns=columns))

    declare('Column("id", "int", "Key"), Column("size", "int", "How big")')
    code, out, _ = lakehouse("plan")
    # Between them are the tables of other tests: stored, no longer declared.
    assert (code, out.splitlines()[:2], out.splitlines()[-1]) == (
        2,
        [f"{name} (not there yet)", "  create table: stored nothing, declared one row per thing"],
        "1 to do (`lakehouse apply`), 0 refused.",
    )
    assert lakehouse("apply")[0] == 0
    assert lakehouse("plan", name) == (0, "The table is as it is declared.\n", "")
    assert lakehouse("apply", name) == (0, "The table is as it is declared.\n", "")

    declare('Column("id", "bigint", "Key"), Column("note", "string", "A note")')
    code, out, _ = lakehouse("plan", "--json")
    assert (code, [difference["kind"] for difference in json.loads(out)[0]["differences"]]) == (
        2,
        ["add column", "widen type", "drop column"],
    )
    code, out, _ = lakehouse("apply")
    assert (code, out.splitlines()[1:3], out.splitlines()[-1]) == (
        1,
        [
            "  add column `note`: stored nothing, declared string",
            "  widen type `id`: stored int, declared bigint",
        ],
        "2 done, 1 refused.",
    )
    assert lakehouse("plan", name[:-1]) == (1, "", f"{name[:-1]} is not declared in assets/ (did you mean `{name}`?)\n")


def lakehouse(*arguments: str) -> tuple[int, str, str]:
    command = [Path(sys.executable).parent / "lakehouse", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_table_of_the_library_that_several_runs_make_at_one_moment_is_made_once(workspace: Workspace):
    shared = Table(f"ops.t_{uuid.uuid4().hex[:10]}", columns=(ID, NOTE), grain="one row per test row")
    together = threading.Barrier(3)

    def make(_: int) -> int:
        with Connection(workspace) as own:
            session = own.session()
            session.sql("SELECT 1").collect()
            together.wait()
            return ensure(Tables(workspace), session, shared).version()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(make, range(3))) == [0, 0, 0]
    with Connection(workspace) as own:
        assert own.session().table(shared.name).count() == 0
