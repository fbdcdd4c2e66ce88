"""dbt as a process of its own: what it must be told of the workspace, and what it says of its project."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lakehouse.errors import LakehouseError, ServiceError
from lakehouse.rights import umask_of
from lakehouse.services.supervise.channel import need_engine, parse_remote
from lakehouse.services.supervise.launch import environment
from lakehouse.workspace import Workspace

FOLDER = "dbt_project"
_SOURCES = ("*.sql", "*.py", "*.yml", "*.yaml", "*.md", "*.csv")
_MANIFEST = "manifest.json"
# Beside it: the digest of the files that it was parsed from.
_PARSED = "parsed"
# Commands that leave the manifest as `dbt parse` does; with options such as --vars they may not.
_PARSES_ALL = (["build"], ["run"], ["compile"])
_MADE = frozenset({"target", "logs", "dbt_packages"})
# How often dbt's engine is looked for, in seconds.
_LOOK_SECONDS = 1.0

# dbt-spark asks each session for a static setting of the server, once per statement, and is told so each time.
_STATIC_SETTING = "ignore:Failed to set spark.sql.catalogImplementation:UserWarning"


def dbt_environment(workspace: Workspace, note: str | None = None) -> dict[str, str]:
    """Variables for a dbt process that works on the workspace. They hold the server's token: never print them.

    Args:
        workspace: The workspace.
        note: A JSON object for the `userMetadata` of each commit; the project's pre-hook adds the model.

    Raises:
        ServiceError: no Spark Connect server is up and none is named, or what listens there is another user's or
            no engine.
    """
    remote = workspace.spark_remote
    need_engine(parse_remote(remote))
    given = {
        "SPARK_REMOTE": remote,
        "LAKEHOUSE_WAREHOUSE": workspace.warehouse,
        "PYTHONWARNINGS": _STATIC_SETTING,
    }
    return given | ({"LAKEHOUSE_COMMIT": note} if note else {})


def target_of(workspace: Workspace, folder: Path) -> Path:
    """Where dbt leaves the manifest and results of the project in `folder`.

    In the workspace, so that two workspaces of one checkout do not meet; one folder for each project, so that two
    projects of one workspace do not read each other's manifest.
    """
    return workspace.home / "dbt" / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]


def run_dbt(workspace: Workspace, folder: Path, arguments: Sequence[str], note: str | None = None) -> int:
    """Run dbt on the workspace, its output on ours and in `logs/dbt.log`; the exit code is dbt's.

    Args:
        workspace: The workspace.
        folder: The dbt project.
        arguments: dbt's own, such as `["build"]`.
        note: See `dbt_environment`.

    Raises:
        ServiceError: no Spark Connect server is up and none is named, or it was taken down meanwhile.
    """
    command, child = _command(workspace, folder, arguments, dbt_environment(workspace, note))
    digest = project_digest(folder) if list(arguments) in _PARSES_ALL else None
    code = _watched(workspace, command, child)
    if code == 0 and digest is not None:
        _note_parsed(workspace, folder, digest)
    return code


def _watched(workspace: Workspace, command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run dbt to its end, or to the engine's: dbt's own client would try for ten minutes to reach it."""
    with subprocess.Popen(command, env=variables, umask=umask_of(workspace.settings.group)) as dbt:  # noqa: S603
        while True:
            try:
                return dbt.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if workspace.settings.spark.remote or "spark" in workspace.services():
                    continue
            dbt.kill()
            raise ServiceError(
                f"dbt was ended: the engine of {workspace.home} was taken down (`lakehouse down`) meanwhile. The "
                f"models that it has made are there.\nRun `lakehouse up`, then dbt again."
            )


def manifest_of(workspace: Workspace, folder: Path) -> dict[str, Any]:
    """The manifest of the project in `folder`, parsed again if any of its files differs or is gone. Needs no server.

    Raises:
        LakehouseError: dbt cannot parse the project.
    """
    manifest = parsed_manifest(workspace, folder)
    if manifest is not None:
        return manifest
    digest = project_digest(folder)
    command, child = _command(workspace, folder, ["--quiet", "parse"], {})
    umask = umask_of(workspace.settings.group)
    done = subprocess.run(command, env=child, check=False, capture_output=True, text=True, umask=umask)  # noqa: S603
    if done.returncode:
        raise LakehouseError(f"dbt cannot parse {folder}.\n{(done.stdout + done.stderr).strip()}")
    _note_parsed(workspace, folder, digest)
    return dict(json.loads((target_of(workspace, folder) / _MANIFEST).read_text(encoding="utf-8")))


def _note_parsed(workspace: Workspace, folder: Path, digest: str) -> None:
    """Note that the manifest is that of files with this digest."""
    (target_of(workspace, folder) / _PARSED).write_text(digest, encoding="ascii")


def parsed_manifest(workspace: Workspace, folder: Path) -> dict[str, Any] | None:
    """The manifest of the project in `folder`; None if a file of it was changed since dbt parsed it. Runs no dbt."""
    target = target_of(workspace, folder)
    manifest, parsed = target / _MANIFEST, target / _PARSED
    is_new = manifest.exists() and parsed.exists() and parsed.read_text(encoding="ascii") == project_digest(folder)
    return dict(json.loads(manifest.read_text(encoding="utf-8"))) if is_new else None


def project_digest(folder: Path) -> str:
    """Digest of the files that the project in `folder` is made of."""
    return digest_of(folder, source_files(folder))


def digest_of(folder: Path, files: Iterable[Path]) -> str:
    """Digest of these files below `folder`: their names and what is in them."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def source_files(folder: Path) -> Iterator[Path]:
    """The files that the project in `folder` is made of."""
    for pattern in _SOURCES:
        for path in folder.rglob(pattern):
            if path.relative_to(folder).parts[0] not in _MADE:
                yield path


def _command(
    workspace: Workspace, folder: Path, arguments: Sequence[str], additions: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    places = {
        "DBT_PROJECT_DIR": str(folder),
        "DBT_PROFILES_DIR": str(folder),
        "DBT_LOG_PATH": str(workspace.logs),
        "DBT_TARGET_PATH": str(target_of(workspace, folder)),
    }
    workspace.close()
    child = environment({**additions, **places})
    dbt = shutil.which("dbt", path=child["PATH"])
    if dbt is None:
        raise LakehouseError("dbt is not installed beside this Python. Run `make setup`.")
    # One that opens a session sends the engine's token.
    guarded = [sys.executable, "-P", "-m", "lakehouse.engine.dbt_main"]
    return [*(guarded if "SPARK_REMOTE" in additions else [dbt]), *arguments], child
