"""A commit that failed: if a rival came first it is made again, with a bounded back-off; never twice, by its stamp."""

import re
from collections.abc import Callable
from typing import TypeVar

from lakehouse.errors import (
    CommitDiffersError,
    ConcurrentWriteError,
    FencedError,
    LakehouseError,
    ServiceError,
    StorageFullError,
    WorkspaceBusyError,
)
from lakehouse.write.disk_full import is_full

T = TypeVar("T")

ATTEMPTS = 20
# What passes by itself, or by what somebody does elsewhere.
_OF_THE_MOMENT = (
    CommitDiffersError,
    ConcurrentWriteError,
    FencedError,
    ServiceError,
    StorageFullError,
    WorkspaceBusyError,
)
# Conditions of the engine's client that speak of the server, not of the rows.
_OF_THE_SERVER = re.compile(r"DELTA_CONCURRENT_|INVALID_HANDLE|OPERATION_|RETRIES_EXCEEDED|SESSION_|CONNECT")


def is_conflict(error: BaseException) -> bool:
    """Whether a commit failed because another one came first."""
    from deltalake.exceptions import CommitFailedError
    from pyspark.errors import PySparkException

    if isinstance(error, PySparkException):
        return (error.getCondition() or "").startswith("DELTA_CONCURRENT_")
    return isinstance(error, CommitFailedError) and not is_full(error)


def lasting_reason(error: BaseException) -> str | None:
    """Why a decision cannot be carried out, as an error's name without its text, which may have values of rows.

    Returns:
        None if it may be another time: rivals, a server, a lease, a disk.
    """
    from pyspark.errors import PySparkException

    if isinstance(error, _OF_THE_MOMENT) or is_full(error):
        return None
    if isinstance(error, PySparkException):
        condition = error.getCondition() or ""
        return None if not condition or _OF_THE_SERVER.match(condition) else condition
    # Arrow's errors are of these kinds. An OSError without a number is what it makes of a damaged file.
    lasting = (LakehouseError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
    if isinstance(error, lasting) or (isinstance(error, OSError) and error.errno is None):
        return type(error).__name__
    return None


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
