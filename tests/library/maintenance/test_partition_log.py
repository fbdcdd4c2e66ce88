"""A partition's digest against a model: logs of random writes, deletions in place, compactions and checkpoints."""

import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.delta.partition_digests import partition_digests
from tests.library.examples import thorough

PARTS = ("a", "b c/d%")
SCHEMA = {
    "type": "struct",
    "fields": [{"name": name, "type": "string", "nullable": True, "metadata": {}} for name in ("day", "id")],
}
FEATURES = {
    "minReaderVersion": 3,
    "minWriterVersion": 7,
    "readerFeatures": ["deletionVectors"],
    "writerFeatures": ["deletionVectors"],
}
CREATED = {
    "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
    "format": {"provider": "parquet", "options": {}},
    "schemaString": json.dumps(SCHEMA),
    "partitionColumns": ["day"],
    "configuration": {"delta.enableDeletionVectors": "true"},
    "createdTime": 0,
}


class Model:
    """A table's log, and how often the rows of each partition changed."""

    def __init__(self, root: str) -> None:
        self.log = Path(root) / "_delta_log"
        self.log.mkdir()
        self.version, self.names = 0, itertools.count()
        # File to its deletion vector, by partition.
        self.files: dict[str, dict[str, int]] = {part: {} for part in PARTS}
        self.changes = dict.fromkeys(PARTS, 0)
        # Changes by which a partition may be again as it once was.
        self.backward: set[tuple[str, int]] = set()
        self.commit([{"protocol": FEATURES}, {"metaData": CREATED}])

    def commit(self, actions: list[dict[str, Any]]) -> None:
        lines = [{"commitInfo": {"timestamp": 0, "operation": "ANY"}}, *actions]
        (self.log / f"{self.version:020d}.json").write_text("\n".join(map(json.dumps, lines)) + "\n")
        self.version += 1

    def said(self, part: str, path: str, *, news: bool) -> dict[str, Any]:
        said: dict[str, Any] = {"path": path, "partitionValues": {"day": part}, "size": 1, "dataChange": news}
        if vector := self.files[part].get(path, 0):
            said["deletionVector"] = {
                "storageType": "u",
                "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^",
                "offset": vector,
                "sizeInBytes": 40,
                "cardinality": 1,
            }
        return said

    def gone(self, part: str, path: str, *, news: bool) -> dict[str, Any]:
        return {"remove": self.said(part, path, news=news) | {"deletionTimestamp": 1, "extendedFileMetadata": True}}

    def there(self, part: str, path: str, *, news: bool) -> dict[str, Any]:
        return {"add": self.said(part, path, news=news) | {"modificationTime": 1, "stats": '{"numRecords":2}'}}

    def write(self, part: str, *, replaces: bool = False) -> None:
        removed = [self.gone(part, path, news=True) for path in self.files[part]] if replaces else []
        if replaces:
            self.files[part].clear()
        path = f"run-{next(self.names)}/x.parquet"
        self.files[part][path] = 0
        self.commit([*removed, self.there(part, path, news=True)])
        self.changes[part] += 1

    def delete(self, part: str) -> None:
        """Some rows of one file, in place."""
        if not self.files[part]:
            return
        path = min(self.files[part])
        removed = self.gone(part, path, news=True)
        self.files[part][path] = next(self.names) + 1
        self.commit([removed, self.there(part, path, news=True)])
        self.changes[part] += 1

    def drop(self, part: str) -> None:
        """All rows of one file."""
        if not self.files[part]:
            return
        path = max(self.files[part])
        removed = self.gone(part, path, news=True)
        del self.files[part][path]
        self.commit([removed])
        self.changes[part] += 1
        self.backward.add((part, self.changes[part]))

    def compact(self, _: str) -> None:
        """All partitions in one commit; two files come of many."""
        actions = []
        for part, held in self.files.items():
            if len(held) < 2:
                continue
            actions += [self.gone(part, path, news=False) for path in held]
            held.clear()
            for path in (f"c-{next(self.names)}.parquet", f"c-{next(self.names)}.parquet"):
                held[path] = 0
                actions.append(self.there(part, path, news=False))
        self.commit(actions)

    def checkpoint(self, _: str) -> None:
        DeltaTable(str(self.log.parent)).create_checkpoint()

    def digests(self) -> dict[str, str]:
        return partition_digests(DeltaTable(str(self.log.parent)), "day", PARTS)


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "replace", "delete", "drop", "compact", "checkpoint"]), st.sampled_from(PARTS)),
    max_size=14,
)


@thorough(25, 120)
@given(STEPS)
def test_it_changes_exactly_where_the_rows_do(steps: list[tuple[str, str]]):
    with tempfile.TemporaryDirectory() as root:
        model = Model(root)
        seen: dict[str, dict[int, str]] = {part: {} for part in PARTS}
        for step, part in [("checkpoint", PARTS[0]), *steps]:
            if step == "replace":
                model.write(part, replaces=True)
            else:
                getattr(model, step)(part)
            for key, digest in model.digests().items():
                has_files = bool(model.files[key])
                # An emptied partition is as one that never was.
                known = seen[key].setdefault(model.changes[key] if has_files else -1, digest)
                assert digest == known
        for key, by_change in seen.items():
            forward = [digest for change, digest in by_change.items() if (key, change) not in model.backward]
            assert len(set(forward)) == len(forward)
            assert all(by_change[change] != by_change.get(change - 1) for change in by_change)


@thorough(12, 60)
@given(STEPS)
def test_vectors_are_known_when_the_log_has_forgotten_their_commits(steps: list[tuple[str, str]]):
    with tempfile.TemporaryDirectory() as root:
        model = Model(root)
        for step, part in steps:
            if step in ("write", "delete", "drop"):
                getattr(model, step)(part)
        before = model.digests()
        model.checkpoint("")
        for file in model.log.glob("*.json"):
            if file.stem.isdecimal() and int(file.stem) < model.version - 1:
                file.unlink()

        assert model.digests() == before
