"""Merges by reference: the same rows, counts and changes as the engine's own MERGE, in every engine that reads them."""

import random
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap64

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, deleted_of
from lakehouse.declare.write_modes import Merge
from lakehouse.delta import log_entry
from lakehouse.delta.deletion_vectors import from_z85, read_vector, write_vectors, z85
from lakehouse.delta.history import history, open_table, row_count
from lakehouse.delta.live_files import live_files
from lakehouse.delta.log import log_of
from lakehouse.delta.log_entry import put_commit
from lakehouse.sql.ask_trino import ask
from tests.library.by_delta_rs import asked
from tests.library.door import Door
from tests.library.examples import thorough

NO_VECTORS = (("delta.enableDeletionVectors", "false"),)
KEYS = st.integers(min_value=0, max_value=12)
BATCHES = st.lists(
    st.dictionaries(KEYS, st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=8),
    min_size=1,
    max_size=5,
)


def way(door: Door, table: Table) -> list[str | None]:
    """For each merge of a table, oldest first: whether it was by reference."""
    commits = history(door.workspace, table.name)
    return [commit.parameters.get("byReference") for commit in commits if commit.operation == "MERGE"][::-1]


def net(door: Door, table: Table, versions: list[int]) -> list[list[tuple]]:
    """The rows that each of the versions took away and added."""
    changes = door.spark.sql(f"SELECT * FROM table_changes('{table.name}', {min(versions)}, {max(versions)})").collect()
    kinds = {"update_preimage": "delete", "update_postimage": "insert"}
    return [
        sorted(
            (kinds.get(row["_change_type"], row["_change_type"]), *(row[name] for name in table.column_names))
            for row in changes
            if row["_commit_version"] == version
        )
        for version in versions
    ]


@pytest.mark.parametrize("sequence", [(), ("sent_at",)], ids=["unordered", "ordered"])
@thorough(1, 2)
@given(batches=BATCHES)
def test_rows_counts_and_changes_are_those_of_the_engines_merge(door: Door, at, sequence, batches):
    mode = Merge(on=("id",), sequence=sequence)
    ours = door.table(mode)
    engines = replace(door.table(mode), properties=NO_VECTORS)
    versions = []
    for number, batch in enumerate(batches):
        frame = door.rows(*((key, f"{number}", value, at(second)) for key, (second, value) in batch.items()))

        done, expected = door.write(ours, frame), door.write(engines, frame)

        read = door.read_in_spark(ours.name)
        assert read == door.read_in_spark(engines.name)
        assert (done.published, done.deduplicated) == (expected.published, expected.deduplicated)
        assert row_count(door.workspace, ours.name) == len(read)
        versions.append((done.version, expected.version))
    assert net(door, ours, [mine for mine, _ in versions]) == net(door, engines, [theirs for _, theirs in versions])
    assert way(door, ours) == ["true"] * (len(batches) - 1)


OPERATION = (Column("operation", "string", "upsert or delete"),)
CHANGES = st.lists(
    st.dictionaries(KEYS, st.tuples(st.integers(0, 5), st.integers(0, 9), st.booleans()), min_size=1, max_size=8),
    min_size=2,
    max_size=5,
)


@pytest.mark.parametrize("sequence", [(), ("sent_at",)], ids=["unordered", "ordered"])
@thorough(1, 2)
@given(batches=CHANGES)
def test_deletions_are_those_of_the_engines_merge(door: Door, at, sequence, batches):
    mode = Merge(on=("id",), sequence=sequence, delete_when="operation = 'delete'", signals=OPERATION)
    ours = door.table(mode)
    engines = replace(door.table(mode), properties=NO_VECTORS)
    versions = []
    for number, batch in enumerate(batches):
        rows = [
            (key, f"{number}", value, at(second), "delete" if deletes else "upsert")
            for key, (second, value, deletes) in batch.items()
        ]
        frame = door.rows(*rows, table=ours)

        done, expected = door.write(ours, frame), door.write(engines, frame)

        read = door.read_in_spark(ours.name)
        assert read == door.read_in_spark(engines.name)
        assert (done.published, done.deduplicated) == (expected.published, expected.deduplicated)
        assert row_count(door.workspace, ours.name) == len(read)
        versions.append((done.version, expected.version))
        if sequence and done.version:
            remembered = [deleted_of(table.name) for table in (ours, engines)]
            assert door.read_in_spark(remembered[0], "id", "sent_at") == door.read_in_spark(
                remembered[1], "id", "sent_at"
            )
    assert net(door, ours, [mine for mine, _ in versions]) == net(door, engines, [theirs for _, theirs in versions])
    assert way(door, ours) == ["true"] * len(batches)


def test_a_deleted_row_is_in_no_file_of_the_batch(door: Door, at):
    mode = Merge(on=("id",), sequence=("sent_at",), delete_when="operation = 'delete'", signals=OPERATION)
    table = door.table(mode)
    door.write(table, door.rows((1, "a", 1, at(1), "upsert"), (2, "b", 2, at(1), "upsert"), table=table))

    done = door.write(table, door.rows((1, "secret", 0, at(2), "delete"), (3, "c", 3, at(2), "upsert"), table=table))

    held = open_table(door.workspace, table.name).file_uris()
    assert (done.published, done.version) == (2, 2)
    assert "secret" not in [name for file in held for name in pq.read_table(file)["name"].to_pylist()]
    assert not list(Path(door.workspace.table_path(table.name)).glob("run-*/*deletion*"))


@pytest.mark.slow
def test_several_keys_of_several_types_and_rows_that_move_between_partitions(door: Door):
    columns = (
        Column("day", "date", "UTC date"),
        Column("id", "string", "Key"),
        Column("place", "decimal(10,2)", "Key"),
        Column("is_left", "boolean", "Key"),
        Column("sent_at", "timestamp", "Order"),
        Column("n", "int", "A number"),
    )
    mode = Merge(on=("id", "place", "is_left", "sent_at"))
    made = door.table()
    ours = Table(made.name, columns, "one row", write=mode, partitioned_by=("day",))
    engines = replace(ours, name=door.table().name, properties=NO_VECTORS)
    pick = random.Random(4)  # noqa: S311 - not for secrets
    for number in range(4):
        rows = door.spark.range(40).selectExpr(
            f"date_add(DATE'2026-01-01', CAST(pmod(hash(id, {number}), 3) AS int)) AS day",
            "concat('k', pmod(id, 7)) AS id",
            "CAST(pmod(id, 3) AS decimal(10,2)) AS place",
            "pmod(id, 2) = 0 AS is_left",
            f"timestamp_seconds({pick.randint(1, 3)} + pmod(id, 2)) AS sent_at",
            f"CAST(id * {number} AS int) AS n",
        )
        rows = rows.dropDuplicates(list(mode.on))
        door.write(ours, rows)
        door.write(engines, rows)

        names = ("day", "id", "place", "is_left", "sent_at")
        assert door.read_in_spark(ours.name, *names) == door.read_in_spark(engines.name, *names)
    assert way(door, ours) == ["true"] * 3


@pytest.fixture
def merged(door: Door, at) -> Table:
    """Three merges, with rows replaced in each."""
    table = door.table(Merge(on=("id",)))
    for number in range(4):
        door.write(table, door.rows(*((key, f"{number}", key, at(1)) for key in range(number, 10, number + 1))))
    return table


NAMES = "0123020321"
ROWS = [(key, NAMES[key], key) for key in range(10)]


def test_every_engine_reads_the_rows(door: Door, merged: Table, sql_layer):
    delta = open_table(door.workspace, merged.name)
    rust = asked(delta, "SELECT id, name, value FROM t ORDER BY id")
    sql = f"SELECT id, name, value FROM {merged.name} ORDER BY id"

    assert door.read_in_spark(merged.name) == ROWS
    assert [tuple(row.values()) for row in rust.to_pylist()] == ROWS
    assert list(ask(door.workspace, sql).rows) == ROWS


def test_the_engine_goes_on_from_there(door: Door, at, merged: Table):
    door.spark.sql(f"DELETE FROM {merged.name} WHERE id IN (4, 9)")
    door.spark.sql(f"UPDATE {merged.name} SET name = 'u' WHERE id = 5")
    done = door.write(merged, door.rows((5, "n", 5, at(2)), (9, "n", 9, at(2)), (6, "n", 6, at(2))))
    changed = {4: None, 9: (9, "n", 9), 5: (5, "n", 5), 6: (6, "n", 6)}
    expected = [row for row in (changed.get(row[0], row) for row in ROWS) if row]
    assert done.published == 3
    assert door.read_in_spark(merged.name) == expected

    door.spark.sql(f"OPTIMIZE {merged.name}")
    door.write(merged, door.rows((1, "o", 1, at(2))))
    door.spark.sql(f"RESTORE {merged.name} TO VERSION AS OF {done.version}")

    assert door.read_in_spark(merged.name) == expected
    assert set(way(door, merged)) == {"true"}


def test_a_version_is_replayed_as_delta_rs_does_also_from_a_checkpoint(door: Door, at, merged: Table):
    for number in range(12):
        door.write(merged, door.rows((number, "c", number, at(3))))
    root = door.workspace.table_path(merged.name)
    log, delta = log_of(root), DeltaTable(root)

    assert log.checkpoints
    replayed = live_files(log, delta.version())
    whole = live_files(replace(log, checkpoints={}), delta.version())
    assert replayed.keys() == whole.keys()
    assert {path: action.get("deletionVector") for path, action in replayed.items()} == {
        path: action.get("deletionVector") for path, action in whole.items()
    }
    assert sorted(replayed) == sorted(delta.get_add_actions(flatten=True)["path"].to_pylist())
    assert len(door.read_in_spark(merged.name)) == 12
    assert way(door, merged)[-1] == "true"


@pytest.mark.parametrize(
    ("columns", "mode", "reason"),
    [
        ("id double, name string, value int, sent_at timestamp", Merge(on=("id",)), "floating point keys"),
        ("id bigint, name string, value int, sent_at timestamp", Merge(("id",), ("value",)), "a sequence that is null"),
    ],
    ids=["float", "null"],
)
def test_what_arrow_would_compare_otherwise_is_left_to_the_engine(door: Door, at, columns, mode, reason):
    made = tuple(Column(*part.split(" "), reason) for part in columns.split(", "))
    table = door.table(mode, made)
    door.write(table, door.rows((1, "a", None, at(1)), (2, "b", 1, at(1)), table=table).selectExpr("*"))

    door.write(table, door.rows((1, "c", 2, at(2)), (2, "d", None, at(2)), table=table))

    assert way(door, table) == [None]
    expected = "c", ("b" if mode.sequence else "d")
    assert [row[0] for row in door.read_in_spark(table.name, "name")] == sorted(expected)


def test_a_rival_that_commits_first_is_seen(door: Door, at, merged: Table, monkeypatch):
    whole, rivals = log_entry.put_commit, [1]

    def late(root, version, actions):
        if rivals:
            rivals.pop()
            door.spark.sql(f"UPDATE {merged.name} SET name = 'rival' WHERE id IN (0, 1)")
        whole(root, version, actions)

    monkeypatch.setattr(log_entry, "put_commit", late)
    done = door.write(merged, door.rows((1, "ours", 1, at(1)), (20, "new", 20, at(1))))

    assert done.published == 2
    assert door.read_in_spark(merged.name)[:2] == [(0, "rival", 0), (1, "ours", 1)]
    assert len(door.read_in_spark(merged.name)) == len(ROWS) + 1


def test_a_version_is_never_written_twice_nor_half(tmp_path: Path):
    log = tmp_path / "_delta_log"
    log.mkdir()
    put_commit(str(tmp_path), 3, [{"commitInfo": {}}])

    with pytest.raises(CommitFailedError):
        put_commit(str(tmp_path), 3, [{"commitInfo": {"other": 1}}])

    assert [file.name for file in log.iterdir()] == ["00000000000000000003.json"]
    assert (log / "00000000000000000003.json").read_text() == '{"commitInfo":{}}\n'


@given(st.binary(min_size=4, max_size=80).map(lambda data: data[: len(data) // 4 * 4]))
def test_z85_gives_back_what_it_took(data: bytes):
    assert from_z85(z85(data)) == data


def test_z85_is_that_of_its_specification():
    # The example of https://rfc.zeromq.org/spec/32/
    assert z85(bytes([0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B])) == "HelloWorld"


@settings(max_examples=30)
@given(st.lists(st.sets(st.integers(0, 2**40), max_size=50), min_size=1, max_size=4))
def test_vectors_are_read_as_they_were_written(tmp_path_factory, rows):
    root = str(tmp_path_factory.mktemp("vectors"))
    written = write_vectors(root, {f"{place}": BitMap64(bits) for place, bits in enumerate(rows)})

    for place, bits in enumerate(rows):
        assert set(read_vector(root, written[f"{place}"])) == bits
        assert written[f"{place}"]["cardinality"] == len(bits)


def test_a_damaged_vector_is_refused(tmp_path: Path):
    written = write_vectors(str(tmp_path), {"a": BitMap64([1, 2])})["a"]
    (file,) = tmp_path.iterdir()
    body = bytearray(file.read_bytes())
    body[-6] ^= 1
    file.write_bytes(bytes(body))

    with pytest.raises(ValueError, match="not what the log says"):
        read_vector(str(tmp_path), written)


def test_an_inline_vector_of_another_writer_is_read(tmp_path: Path):
    # An inline vector of the tests of https://github.com/delta-io/delta-kernel-rs (deletion_vector.rs).
    descriptor = {
        "storageType": "i",
        "pathOrInlineDv": "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
        "sizeInBytes": 44,
        "cardinality": 6,
    }

    assert list(read_vector(str(tmp_path), descriptor)) == [3, 4, 7, 11, 18, 29]
