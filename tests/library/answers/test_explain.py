"""What a version says of itself, as values and as a person reads it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lakehouse.answers.version import Read, explain, explained, explanations, spans
from lakehouse.delta.history import Commit
from lakehouse.delta.note import Note
from lakehouse.errors import LakehouseError
from lakehouse.workspace import Workspace

NOTE: dict[str, Any] = {
    "lakehouse": 1,
    "asset": "silver.things",
    "run": "run1",
    "who": "ann@desk",
    "started_at": "2026-01-01T00:00:00.000+00:00",
    "seconds": 1.5,
    "mode": "Merge",
    "inputs": {"raw": 44, "lines": {"files": 7, "listing": "abcdef0123456789"}, "all": 3},
    "since": {"raw": 41, "lines": {"files": 5, "listing": "0"}},
    "sources": {"raw": "bronze.things"},
    "files": {"lines": ["landing/f.jsonl", "landing/g.jsonl"]},
    "code": "c0de",
    "commit": "1a2b+",
    "rows": {"in": 100, "quarantined": 5, "superseded": 10},
    "checks": [
        {"name": "a", "label": "id is not null", "severity": "critical", "success": True, "element_count": 100},
        {
            "name": "b",
            "label": "few",
            "severity": "warning",
            "success": False,
            "unexpected_count": 2,
            "element_count": 9,
        },
    ],
    "totals": {"in": 500, "passed": 430, "superseded": 30, "quarantined": 40, "replayed": 0},
    "partitions": ["2026-01-01"],
    "replay": {"quarantine_version": 3},
    "messages": ["read anew"],
}
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
MERGED = {"numTargetRowsInserted": "60", "numTargetRowsUpdated": "20", "numTargetRowsDeleted": "1"}


def commit(note: dict[str, Any], metrics: dict[str, Any] | None = None) -> Commit:
    return Commit(
        44,
        AT,
        "MERGE",
        Note.from_json(note) if note else None,
        metrics or {},
        {"predicate": "x"},
        "Apache-Spark/4.2.0 Delta-Lake/4.4.0",
    )


def test_a_note_is_explained():
    explanation = explained("silver.things", commit(NOTE, MERGED))

    assert explanation.rows == {"in": 100, "published": 81, "quarantined": 5, "deduplicated": 14}
    assert [str(read) for read in explanation.reads] == [
        "bronze.things  versions 41 to 44",
        "lines  7 files, 5 of them known before (listing abcdef012345): landing/f.jsonl, landing/g.jsonl",
        "all  version 3, all of it",
    ]
    assert (explanation.who, explanation.seconds, explanation.partitions, len(explanation.failed)) == (
        "ann@desk",
        1.5,
        ("2026-01-01",),
        1,
    )
    assert (explanation.is_ours, explanation.parameters) == (True, {})
    assert json.loads(json.dumps(explanation.to_json()))["reads"][0] == {
        "name": "raw",
        "source": "bronze.things",
        "since": 41,
        "until": 44,
        "files": [],
    }


def test_an_older_note_says_what_it_can():
    explanation = explained("silver.things", commit({"lakehouse": 1, "run": "r", "inputs": {"raw": 1}}))

    assert (explanation.is_ours, explanation.rows, explanation.reads, explanation.who) == (
        True,
        {},
        (Read("raw", None, None, 1),),
        None,
    )


def test_what_others_wrote_is_told_in_deltas_words():
    explanation = explained("silver.things", commit({}, {"numOutputRows": "3"}))

    assert (explanation.is_ours, explanation.rows, explanation.parameters) == (
        False,
        {"published": 3},
        {"predicate": "x"},
    )


@pytest.mark.parametrize(
    ("versions", "words"), [([3], "3"), ([0, 1, 2], "0 to 2"), ([0, 1, 4, 7, 8], "0 to 1 and 4 and 7 to 8")]
)
def test_versions_in_words(versions: list[int], words: str):
    assert spans(versions) == words


@pytest.fixture(scope="module")
def written(workspace: Workspace, spark: Any, fresh: Any) -> str:
    """A table with a version by the door's words, and one past it."""
    name = fresh("silver")
    spark.sql("CREATE DATABASE IF NOT EXISTS silver LOCATION '" + f"{workspace.warehouse}/silver'")
    spark.sql(f"CREATE TABLE {name} (id INT) USING DELTA")
    frame = spark.createDataFrame([(1,), (2,)], "id int")
    frame.write.format("delta").option("userMetadata", json.dumps(NOTE)).mode("append").saveAsTable(name)
    spark.sql(f"DELETE FROM {name} WHERE id = 1")
    return name


def test_a_version_is_read_from_its_commit(workspace: Workspace, written: str):
    latest, first = explain(workspace, written), explain(workspace, f"{written}@1")

    assert (latest.version, latest.operation, latest.is_ours) == (2, "DELETE", False)
    assert latest.engine.startswith("Apache-Spark/")
    assert (first.version, first.run, first.checks) == (1, "run1", tuple(NOTE["checks"]))
    assert [explanation.version for explanation in explanations(workspace, written, 2)] == [2, 1]


def test_a_version_that_is_not_there_is_refused_with_those_that_are(workspace: Workspace, written: str):
    with pytest.raises(LakehouseError) as unknown:
        explain(workspace, f"{written}@99")
    with pytest.raises(LakehouseError) as other:
        explain(workspace, written[:-1] + "_")
    with pytest.raises(LakehouseError) as malformed:
        explain(workspace, f"{written}@last")

    assert str(unknown.value) == f"{written} has no version 99 in its log. It has the versions 0 to 2."
    assert str(other.value) == (f"{written[:-1]}_ does not exist in {workspace.warehouse} (did you mean `{written}`?)")
    assert str(malformed.value) == (f"`{written}@last` is no table. Expected layer.entities or layer.entities@version.")


def test_a_person_reads_who_what_and_how(written: str):
    shown = lakehouse("explain", f"{written}@1").splitlines()

    assert [line for line in shown if not line.startswith(("version", "Delta's"))] == [
        "written by   ann@desk, run run1",
        "how          Merge, by Delta's WRITE, 1.5 s from start to decision",
        "code         c0de, commit 1a2b+",
        "from         bronze.things  versions 41 to 44",
        "             lines  7 files, 5 of them known before (listing abcdef012345): landing/f.jsonl, landing/g.jsonl",
        "             all  version 3, all of it",
        "partitions   2026-01-01",
        "replay       quarantine version 3",
        "rows         100 in, 85 published, 5 quarantined, 10 deduplicated",
        "in total     500 in, 430 passed, 30 superseded, 40 quarantined, 0 replayed",
        "told         read anew",
        "",
        "check           severity  holds  rows against it  observed",
        "--------------  --------  -----  ---------------  --------",
        "id is not null  critical  yes",
        "few             warning   no     2 of 9",
    ]
    assert "past the door: only what Delta says of it is known" in lakehouse("explain", written)
    assert "DELETE" in lakehouse("history", written)
    assert json.loads(lakehouse("explain", f"{written}@1", "--json"))["rows"]["in"] == 100
    assert [version["version"] for version in json.loads(lakehouse("history", written, "--json"))] == [2, 1, 0]


def lakehouse(*arguments: str) -> str:
    command = [Path(sys.executable).parent / "lakehouse", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
