"""The call of a project's function: its errors are told by their kind and place, and what it gives is a frame."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lakehouse.declare.table import Table
from lakehouse.delta.history import version_of
from lakehouse.engine.failure import failure_of
from lakehouse.engine.largest_value import bounded
from lakehouse.errors import NoFrameError
from lakehouse.workspace import Workspace
from lakehouse.write.computed import not_written

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


# A parameter of this name that is no input gets the keys of a run of partitions, None for the whole table.
PARTITIONS = "partitions"


def frame_of(
    workspace: Workspace,
    table: Table,
    transform: "Callable[..., DataFrame]",
    inputs: Mapping[str, Any],
    partitions: tuple[str, ...] | None,
) -> "DataFrame":
    """What the function of an asset makes of its inputs; a value that is too large fails when it is computed.

    Args:
        workspace: Where.
        table: The declaration.
        transform: The function.
        inputs: By its parameter names.
        partitions: Keys of the run; None for the whole table.

    Raises:
        ComputationError: it failed, or names what its inputs do not have.
        ServiceError: the engine ended meanwhile.
        NoFrameError: it gave something else than a frame.
    """
    from pyspark.sql import DataFrame

    told = PARTITIONS not in inputs and PARTITIONS in inspect.signature(transform).parameters
    try:
        frame = transform(**inputs, **({PARTITIONS: partitions} if told else {}))
    except Exception as error:
        raise failure_of(error, workspace, not_written(workspace, table.name)) from None
    if not isinstance(frame, DataFrame):
        raise NoFrameError(table.name, version_of(workspace, table.name), _kind(frame), _place(transform))
    return bounded(frame)


def _place(function: Callable[..., object]) -> str:
    """Where a function is written; its name, where that is all that is known."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}" if code else repr(type(function).__name__)


def _kind(given: object) -> str:
    kind = type(given)
    return "nothing" if given is None else f"{kind.__module__.partition('.')[0]}'s {kind.__name__}"
