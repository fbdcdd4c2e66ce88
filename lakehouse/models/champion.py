"""The champion of a model as an input of an asset: its position is the version that the alias points at."""

from dataclasses import dataclass

from lakehouse.errors import LakehouseError
from lakehouse.models.gate import CHAMPION
from lakehouse.models.onnx_model import feature_names_of
from lakehouse.models.store import read_onnx, versions, with_alias
from lakehouse.sources.kinds import KINDS
from lakehouse.sources.source import ReadContext, SourceKind


@dataclass(frozen=True)
class Champion:
    """The version of a model that the alias `champion` points at.

    Args:
        name: Of the registered model.
        asset: `layer.entities` of the asset that trains it; `ml.<name>` if not given.
    """

    name: str
    asset: str | None = None


@dataclass(frozen=True)
class ChampionModel:
    """A champion, read.

    Args:
        name: Of the model.
        version: Of the registry.
        run_id: The run that trained it.
        onnx_bytes: The model.
        feature_names: Columns that it needs, in order.
    """

    name: str
    version: int
    run_id: str
    onnx_bytes: bytes
    feature_names: tuple[str, ...]


def _position_of_champion(source: Champion, context: ReadContext) -> int:
    champion = with_alias(context.workspace, source.name, CHAMPION)
    if champion is None:
        raise LakehouseError(
            f"{context.reader} reads the champion of `{source.name}`, which has none yet. "
            f"Materialise {_dependency_of_champion(source)} first."
        )
    return champion.version


def _load_champion(source: Champion, context: ReadContext, since: int | None, position: int) -> ChampionModel:  # noqa: ARG001
    champion = next(version for version in versions(context.workspace, source.name) if version.version == position)
    content = read_onnx(context.workspace, champion)
    return ChampionModel(source.name, champion.version, champion.run_id, content, feature_names_of(content))


def _dependency_of_champion(source: Champion) -> str:
    return source.asset or f"ml.{source.name}"


KINDS[Champion] = SourceKind(_position_of_champion, _load_champion, _dependency_of_champion)
