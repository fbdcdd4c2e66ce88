"""How long a session tries a server that does not answer: as long as it can still be the one that knows the session."""

import threading
import time
from functools import cache
from typing import TYPE_CHECKING

from lakehouse.services.supervise.channel import strangers_at
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql.connect.client.retries import RetryPolicy

# Two minutes: a server is started anew in less. What is somebody else's may be far away: ten, as the client has it.
_OURS, _OURS_MS = 120, 1_000
_THEIRS, _THEIRS_MS = 120, 5_000
# Of supervisord's words for a process those after which it is not started again by itself.
_ENDED = ("STOPPED", "STOPPING", "FATAL", "UNKNOWN")

# Set when this process has come to its end.
_over = threading.Event()


@cache
def _mark_the_end() -> None:
    """Know from now on whether this process has come to its end.

    At its end the interpreter first waits for the threads of executors, and the client gives results back in such
    threads, which try for as long as it tries anything. Only what `threading` calls before that knows of it in time
    (CPython's `Lib/threading.py`, `_shutdown`; what was registered last is called first).
    """
    import concurrent.futures.thread  # noqa: F401 - registers its own wait, which must come after ours

    threading._register_atexit(_over.set)  # type: ignore[attr-defined]


class Server:
    """The server of a session, as this workspace's supervisor knows it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._since = workspace, float("inf")
        _mark_the_end()

    def knows_the_session(self) -> None:
        """Say that it has answered: from now on another process of the server is another server."""
        self._since = time.time()

    def can_answer(self) -> bool:
        """Whether waiting can help: this process has not come to its end, and the server runs or is being started.

        Nobody else listens where it should: while another user holds its port it does not come back.
        """
        from lakehouse.services.supervise import supervisor

        # The client asks the server of its own accord after the last line of a script.
        if _over.is_set():
            return False
        if strangers_at(self._workspace):
            return False
        if self._workspace.settings.spark.remote:
            return True
        if "spark" not in self._workspace.services():
            return False
        state = supervisor.states(self._workspace).get("spark")
        return state is not None and state.word not in _ENDED and state.since <= self._since


def patience(workspace: Workspace, server: Server) -> "RetryPolicy":
    """The client's own policy, which tries for ten minutes, as long as the server can answer.

    Args:
        workspace: Where.
        server: What the session was opened on.
    """
    import grpc
    from pyspark.sql.connect.client.retries import DefaultPolicy

    class WhileItCanAnswer(DefaultPolicy):
        def can_retry(self, e: BaseException) -> bool:
            if not super().can_retry(e):
                return False
            is_away = isinstance(e, grpc.RpcError) and e.code() == grpc.StatusCode.UNAVAILABLE
            return not is_away or server.can_answer()

    is_theirs = bool(workspace.settings.spark.remote)
    tries, longest_ms = (_THEIRS, _THEIRS_MS) if is_theirs else (_OURS, _OURS_MS)
    return WhileItCanAnswer(max_retries=tries, max_backoff=longest_ms)
