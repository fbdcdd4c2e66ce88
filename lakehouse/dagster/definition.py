"""What the Dagster assets of this library share: the connection, its errors, and how they are defined."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.errors import LakehouseError

if TYPE_CHECKING:
    import dagster as dg


def define(
    key: Sequence[str],
    events: Callable[[Any], Iterator[Any]],
    *,
    reads: Sequence[str],
    options: Mapping[str, Any],
    **given: Any,
) -> "dg.AssetsDefinition":
    """A Dagster asset that needs the connection.

    Args:
        key: Of the asset; its first part is the group.
        events: What a run of it yields, for Dagster's context.
        reads: `layer.entities` of what must be fresh before it.
        options: Dagster's own arguments of `asset`, as its author gave them.
        **given: Further ones.
    """
    import dagster as dg

    @dg.asset(
        key=list(key),
        group_name=key[0],
        deps=[dg.AssetKey(name.split(".")) for name in dict.fromkeys(reads)],
        required_resource_keys={CONNECTION},
        **given,
        **options,
    )
    def materialized(context):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - dagster reads annotations
        yield from events(context)

    return materialized  # type: ignore[no-any-return]


def connection_of(context: Any) -> Connection:
    """The connection of a Dagster run."""
    return getattr(context.resources, CONNECTION)  # type: ignore[no-any-return]


def short(run_id: str) -> str:
    """The first twelve letters and digits of the id that Dagster gives a run: the run in commits and `ops.checks`."""
    return run_id.replace("-", "")[:12]


@contextmanager
def failures_told(but: tuple[type[LakehouseError], ...] = ()) -> Iterator[None]:
    """A refusal of this library is a failure that Dagster need not try again; the caller tells some itself."""
    import dagster as dg

    try:
        yield
    except but:
        raise
    except LakehouseError as error:
        raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error
