"""The tables that are stored and that nothing of the project declares any more."""

from lakehouse.answers.loss import made_from, readable_commit, stored_names
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

    A quarantine goes with its table: it is named by itself only if that is neither declared nor stored. If a part of
    the graph is not known, it is not known of any of them.
    """
    stored = stored_names(workspace)
    spoken_for = {*graph.known, *stored, CHECKS.name}
    strays = [
        name
        for name in stored
        if name not in graph.known and name != CHECKS.name and (owner_of(name) or "") not in spoken_for
    ]
    return [_planned(workspace, name, graph.not_known) for name in strays]


def _planned(workspace: Workspace, name: str, not_known: tuple[str, ...]) -> TablePlan:
    version = log_of(workspace.table_path(name)).latest
    if not_known:
        return TablePlan(name, version, (), is_declared=None, remark=" ".join(not_known))
    owner, commit = owner_of(name), readable_commit(workspace, name)
    remarks = [
        f"of {owner}, which is gone" if owner else "",
        written_by(commit),
        "" if is_ours(workspace, name) else "from a commit that this checkout does not have: another project's?",
    ]
    return TablePlan(name, version, (), is_declared=False, remark=", ".join(filter(None, remarks)))


def written_by(commit: Commit | None) -> str:
    """Who wrote a version and when, in words; empty if there is none."""
    if commit is None:
        return ""
    who = (commit.note and commit.note.who) or commit.engine
    return f"last written {commit.committed_at:%Y-%m-%d %H:%M} UTC" + (f" by {who}" if who else "")


def is_ours(workspace: Workspace, name: str) -> bool:
    """False if a table was made from a commit that this project's checkout does not have; True if nobody can tell."""
    return is_commit_of(str(workspace.settings.project), made_from(workspace, name)) is not False
