"""The tables that are stored and that nothing of the project declares any more."""

from lakehouse.answers.loss import last_commit, stored_names
from lakehouse.dagster.graph import Graph
from lakehouse.delta.history import Commit
from lakehouse.delta.log import log_of
from lakehouse.runs.code_version import is_commit_of
from lakehouse.schema.apply import TablePlan
from lakehouse.workspace import Workspace
from lakehouse.write.ops_checks import CHECKS
from lakehouse.write.stored_places import owner_of


def undeclared(workspace: Workspace, graph: Graph) -> list[TablePlan]:
    """The stored tables that the project neither declares nor reads, each with who wrote it last. From the logs alone.

    A quarantine goes with its table: it is named by itself only if that is neither declared nor stored.
    """
    stored = stored_names(workspace)
    spoken_for = {*graph.known, *stored, CHECKS.name}
    strays = [
        name
        for name in stored
        if name not in graph.known and name != CHECKS.name and (owner_of(name) or "") not in spoken_for
    ]
    why = " ".join(graph.not_known)
    return [_planned(workspace, name, f"not known to be undeclared: {why}" if why else "") for name in strays]


def _planned(workspace: Workspace, name: str, doubt: str) -> TablePlan:
    log = log_of(workspace.table_path(name))
    version = max([*log.commits, *log.checkpoints], default=None)
    owner = owner_of(name)
    remarks = [
        f"of {owner}, which is gone" if owner else "",
        written_by(last_commit(workspace, name)),
        "" if is_ours(workspace, last_commit(workspace, name)) else "from another checkout: another project's?",
        doubt,
    ]
    return TablePlan(name, version, (), is_declared=False, remark="; ".join(filter(None, remarks)))


def written_by(commit: Commit | None) -> str:
    """Who wrote a version and when, in words; empty if there is none."""
    if commit is None:
        return ""
    who = (commit.note and commit.note.who) or commit.engine
    return f"last written {commit.committed_at:%Y-%m-%d %H:%M} UTC" + (f" by {who}" if who else "")


def is_ours(workspace: Workspace, commit: Commit | None) -> bool:
    """False if a version was made from a commit that this project's checkout does not have; True if nobody can tell."""
    made_by = commit.note.commit if commit is not None and commit.note is not None else None
    return is_commit_of(str(workspace.settings.project), made_by) is not False
