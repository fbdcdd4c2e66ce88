"""Notes, positions and decisions are kept for years: those that were written in the form of version 1 still read."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from lakehouse.delta.note import Note, RowCounts, SnapshotNote, Totals, Upkeep
from lakehouse.write.intent import Intent
from lakehouse.write.position import Position
from lakehouse.write.run_kind import ForPartitions, Fresh, Rebuilt, Replayed

GOLDEN = Path(__file__).parent / "golden"
NOTES: dict[str, Any] = json.loads((GOLDEN / "notes_1.json").read_text())
POSITIONS: dict[str, Any] = json.loads((GOLDEN / "positions_1.json").read_text())
KINDS = {
    "append": Fresh,
    "merge_deletes": Fresh,
    "scd2": Fresh,
    "partitions": ForPartitions,
    "rebuild": Rebuilt,
    "replay": Replayed,
}


@pytest.mark.parametrize("name", NOTES)
def test_a_note_of_version_1_reads_and_is_written_as_it_was(name: str):
    text = json.dumps(NOTES[name], separators=(",", ":"))

    note = Note.from_text(text)

    assert note is not None
    assert note.text == text
    assert Note.from_text(note.text) == note
    assert note.version == 1


def test_what_a_note_says_is_found_by_its_fields():
    merged, replayed, joined = (Note.from_json(NOTES[name]) for name in ("merge", "replay", "compaction"))
    made, fixed, recorded = (Note.from_json(NOTES[name]) for name in ("partitions", "fix", "ops_checks"))

    assert (merged.asset, merged.mode, merged.who) == ("silver.merged", "Merge", "ann@desk")
    assert merged.inputs == {"raw": 1}
    assert merged.rows == RowCounts(came=3, quarantined=1, superseded=0)
    assert merged.totals == Totals(came=3, passed=2, superseded=0, quarantined=1, replayed=0)
    assert replayed.quarantine_version == NOTES["replay"]["replay"]["quarantine_version"]
    assert joined.upkeep == Upkeep(**NOTES["compaction"]["upkeep"])
    assert made.partitions == ("2026-01-01", "2026-01-02", "2026-01-03")
    assert (fixed.action, fixed.run) == ("fix", NOTES["fix"]["run"])
    assert recorded.audited == "silver.appended"
    assert Note.from_json(NOTES["dbt"]).beside["dbt_model"] == "model.project.daily"


def test_every_field_of_a_note_stands_in_its_json():
    full = Note(
        asset="silver.things",
        run="r",
        batch="b",
        who="ann@desk",
        started_at="2026-01-01T00:00:00.000+00:00",
        seconds=1.5,
        mode="Append",
        inputs={"raw": 2},
        since={"raw": 1},
        sources={"raw": "bronze.raw"},
        tables={"raw": "0f1e"},
        code="c0de",
        commit="1a2b",
        rows=RowCounts(3, 1, 1),
        checks=({"name": "a", "success": True},),
        totals=Totals(3, 1, 1, 1, 0),
        partitions=("2026-01-01",),
        rebuild=True,
        quarantine_version=4,
        files={"raw": ["a.csv"]},
        messages=("read anew",),
        action="fix",
        audited="silver.things",
        upkeep=Upkeep("small files", 9, 8, 7),
        snapshot=SnapshotNote({"read_at": "2026-01-01T00:00:00+00:00"}, 2),
        beside={"dbt_model": "m"},
    )

    assert all(getattr(full, field.name) is not None for field in fields(full))
    assert Note.from_json(json.loads(full.text)) == full


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "by hand",
        "[1]",
        '{"someone": 1}',
        '{"lakehouse": 1, "inputs": "all"}',
        '{"lakehouse": 1, "upkeep": {"files": 3}}',
    ],
)
def test_what_is_no_note_of_ours_is_none(text: str | None):
    assert Note.from_text(text) is None


@pytest.mark.parametrize("name", POSITIONS)
def test_a_position_of_version_1_reads_and_is_written_as_it_was(name: str):
    position = Position.from_json(POSITIONS[name])

    assert position.to_json() == POSITIONS[name]
    assert set(position.made_from) == set(POSITIONS[name].get("memory", {}))


@pytest.mark.parametrize("name", KINDS)
def test_a_decision_of_version_1_reads_and_is_written_as_it_was(name: str):
    values = json.loads((GOLDEN / f"intent_1_{name}.json").read_text())

    intent = Intent.from_json(values)

    assert intent.to_json() == values
    assert type(intent.kind) is KINDS[name]


def test_a_decision_knows_what_each_partition_was_made_from():
    values = json.loads((GOLDEN / "intent_1_partitions.json").read_text())

    kind = Intent.from_json(values).kind

    assert isinstance(kind, ForPartitions)
    assert kind.keys == ("2026-01-01", "2026-01-02", "2026-01-03")
    assert kind.made_from == values["position"]["memory"]
    assert kind.without({"2026-01-02"}).keys == ("2026-01-01", "2026-01-03")
