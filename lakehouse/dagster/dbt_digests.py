"""What each model of dbt is made of, as a digest: a change of another model's file makes no model stale.

What dbt's manifest names as part of a model counts with that one: its own node, the ephemeral models that it reads, its
tests and unit tests. Every other file of the project, such as one of macros, counts with all models.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lakehouse.dagster.dbt_models import Model, is_ephemeral
from lakehouse.dagster.dbt_process import digest_of, source_files

# What differs from one parse to the next or from one checkout to the next, and what a build adds to what it compiled.
_OF_A_BUILD = ("compiled", "compiled_code", "compiled_path", "extra_ctes", "extra_ctes_injected", "_pre_injected_sql")
# A build adds the macros that it came by to those that the parser saw.
_NO_PART = frozenset({"created_at", "build_path", "root_path", "relation_name", "depends_on", *_OF_A_BUILD})
# The kinds of a manifest that come from a file of their own, or from one about models alone.
_KINDS = ("nodes", "sources", "unit_tests")


def digests_of(manifest: Mapping[str, Any], models: Sequence[Model], folder: Path) -> dict[str, str]:
    """The digest of each model, by dbt's id of it.

    Args:
        manifest: That of the project.
        models: Its models.
        folder: Where the project is.
    """
    apart = set(_files_of(manifest))
    rest = [path for path in source_files(folder) if path.relative_to(folder).as_posix() not in apart]
    shared = digest_of(folder, rest)
    shared += manifest["metadata"].get("dbt_version", "")
    return {model.unique_id: _digest([shared, *_parts(manifest, model, folder)]) for model in models}


def _files_of(manifest: Mapping[str, Any]) -> Iterator[str]:
    """The files, relative to the project, whose every part is an entry of the manifest."""
    project = manifest["metadata"]["project_name"]
    entries = [entry for kind in _KINDS for entry in manifest.get(kind, {}).values()]
    entries += [entry for those in (manifest.get("disabled") or {}).values() for entry in those]
    for entry in entries:
        if entry.get("package_name") == project:
            yield entry["original_file_path"]
        if (entry.get("patch_path") or "").startswith(f"{project}://"):
            yield entry["patch_path"].removeprefix(f"{project}://")


def _parts(manifest: Mapping[str, Any], model: Model, folder: Path) -> Iterator[Any]:
    nodes, unit_tests = manifest["nodes"], manifest.get("unit_tests", {})
    of_it = [nodes[unique_id] for unique_id, _ in sorted(model.tests)]
    of_it += [test for _, test in sorted(unit_tests.items()) if model.unique_id in test["depends_on"]["nodes"]]
    for entry in (*_made_of(nodes, model.unique_id), *of_it):
        yield {name: value for name, value in entry.items() if name not in _NO_PART}
        yield sorted(entry["depends_on"].get("nodes", ()))
    if nodes[model.unique_id]["resource_type"] == "seed":
        seed = folder / nodes[model.unique_id]["original_file_path"]
        # dbt's own checksum of a large file is its path.
        yield hashlib.sha256(seed.read_bytes()).hexdigest() if seed.is_file() else None


def _made_of(nodes: Mapping[str, Any], unique_id: str) -> Iterator[Mapping[str, Any]]:
    """A node, and the ephemeral models whose text becomes part of its own."""
    yield nodes[unique_id]
    for parent in sorted(nodes[unique_id]["depends_on"].get("nodes", ())):
        if parent in nodes and is_ephemeral(nodes[parent]):
            yield from _made_of(nodes, parent)


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
