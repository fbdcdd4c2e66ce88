"""Rivals: a commit that lost against another one is made again, with a bounded back-off; never twice, by its stamp."""

from collections.abc import Callable
from typing import TypeVar

from lakehouse.errors import ConcurrentWriteError
from lakehouse.write.disk_full import is_full

T = TypeVar("T")

ATTEMPTS = 20


def is_conflict(error: BaseException) -> bool:
    """Whether a commit failed because another one came first."""
    from deltalake.exceptions import CommitFailedError
    from pyspark.errors import PySparkException

    if isinstance(error, PySparkException):
        return (error.getCondition() or "").startswith("DELTA_CONCURRENT_")
    return isinstance(error, CommitFailedError) and not is_full(error)


def retried(name: str, commit: Callable[[], T]) -> T:
    """Make a commit that may lose against rivals.

    Args:
        name: `layer.entities`, for the message.
        commit: Looks whether it is done, and if not, makes it from the latest version.

    Raises:
        ConcurrentWriteError: it lost every time; the decision stands, and the next run carries it out.
    """
    from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    attempts = Retrying(
        retry=retry_if_exception(is_conflict),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=2),
    )
    try:
        return attempts(commit)
    except RetryError as error:
        raise ConcurrentWriteError(
            f"{name} was not published: other writers committed before each of {ATTEMPTS} attempts. "
            f"Nothing is lost: the rows are staged, and the next run of {name} publishes them."
        ) from error.last_attempt.exception()
