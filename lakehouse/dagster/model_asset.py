"""A model as an asset: a pure function from frames to `Trained`, trained only when its data or its code is new."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lakehouse.dagster.definition import connection_of, define, failures_told, short
from lakehouse.declare.table import Foreign, Table
from lakehouse.delta.tables import Tables
from lakehouse.engine.failure import failure_of, in_our_words
from lakehouse.engine.session import Connection
from lakehouse.errors import DeclarationError, LakehouseError
from lakehouse.locks.table_lock import table_lock
from lakehouse.models.gate import CHAMPION
from lakehouse.models.registry import find_version, log_and_register
from lakehouse.models.store import GATE, ModelVersion
from lakehouse.models.training import Origin, Trained, dataset_of
from lakehouse.runs.audit import audit_foreign
from lakehouse.runs.code_version import Code, code_of, commit
from lakehouse.sources.kinds import identity_of, load, position_of
from lakehouse.sources.source import ReadContext

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True)
class Training:
    """What came of a run.

    Args:
        model: The version that was trained, or that was there already.
        inputs: Delta version by table.
        unchanged: Data and code were not new, so nothing was trained.
        seconds: Wall time.
        messages: What the reader of the run should know.
    """

    model: ModelVersion
    inputs: Mapping[str, int]
    unchanged: bool
    seconds: float
    messages: tuple[str, ...] = ()

    @property
    def is_champion(self) -> bool:
        """Whether the alias points at this version."""
        return CHAMPION in self.model.aliases

    @property
    def gate(self) -> str:
        """What the gate decided, with both figures."""
        return self.model.tags[GATE]

    @property
    def summary(self) -> str:
        """One line for people: the version, what the gate decided with which figures, and whose the alias is."""
        if self.unchanged:
            state, alias = "unchanged", "has" if self.is_champion else "has not"
        else:
            state, alias = f"trained in {self.seconds:.1f} s", "has got" if self.is_champion else "has not got"
        version = f"{self.model.name}: version {self.model.version}"
        return f"{version} {state}, {self.gate}; it {alias} the alias `{CHAMPION}`"

    def to_json(self) -> dict[str, Any]:
        """For programs: the version with what it says of itself, and whether it was there already."""
        return {
            **self.model.to_json(),
            "unchanged": self.unchanged,
            "seconds": round(self.seconds, 2),
            "messages": self.messages,
        }


@dataclass(frozen=True)
class ModelAsset:
    """A registered model and the pure function that trains it. Calling it calls the function.

    Args:
        name: Of the registered model; with the layer, the asset's key.
        train: Pandas frames in, `Trained` out.
        reads: Tables by the function's parameter names.
        layer: Group and first part of the key.
        options: Passed to Dagster's `asset` as they are.
    """

    name: str
    train: Callable[..., Trained]
    reads: Mapping[str, Table | Foreign]
    layer: str = "ml"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse inputs without a version."""
        for name, source in self.reads.items():
            if not isinstance(source, Table | Foreign):
                raise DeclarationError(f"model `{self.name}`: `{name}` must be a table, so that it has a version")

    def __call__(self, *frames: Any, **named: Any) -> Trained:
        """The training itself: no reading, no registry."""
        return self.train(*frames, **named)

    @property
    def key(self) -> str:
        """`layer.name`."""
        return f"{self.layer}.{self.name}"

    def code(self) -> Code:
        """What the model is made of: the training, its inputs and the library that fits."""
        from importlib.metadata import version

        return code_of(
            self.train,
            self.reads,
            f"scikit-learn {version('scikit-learn')}",
            f"skl2onnx {version('skl2onnx')}",
        )

    def materialize(self, connection: Connection, run_id: str | None = None) -> Training:
        """Train, log, register and judge, if the data or the code is new.

        Raises:
            LakehouseError: an input is missing or did not pass its audit; the registry is as it was.
        """
        started = time.monotonic()
        workspace, run_id = connection.workspace, run_id or uuid.uuid4().hex[:12]
        context = ReadContext(Tables(workspace), connection.session, self.key, run_id)
        with table_lock(workspace, self.key, what=f"run {run_id} of {self.key}", say=connection.say):
            positions = {name: int(position_of(source, context)) for name, source in self.reads.items()}
            inputs = {self.reads[name].name: version for name, version in positions.items()}
            code = self.code()
            ids = {of.name: str(identity_of(of, context)) for of in self.reads.values()}
            same = find_version(workspace, self.name, inputs, code.digest, ids)
            if same is not None:
                return Training(same, inputs, True, time.monotonic() - started)
            made = self._train(connection, context, positions, code.digest)
        return Training(made, inputs, False, time.monotonic() - started, code.messages)

    def _train(
        self, connection: Connection, context: ReadContext, positions: Mapping[str, int], code: str
    ) -> ModelVersion:
        workspace, frames, datasets = connection.workspace, {}, []
        doing = f"{self.key} was not trained, and the registry is as it was"
        for name, source in self.reads.items():
            if isinstance(source, Foreign):
                audit_foreign(connection, context.tables, source.name, positions[name], context.batch_id)
            with in_our_words(workspace, lambda: doing):
                frames[name] = load(source, context, None, positions[name]).toPandas()
            path = workspace.table_path(source.name)
            dataset = dataset_of(source.name, positions[name], path, frames[name])
            datasets.append(replace(dataset, table_id=identity_of(source, context)))
        origin = Origin(tuple(datasets), code, commit(str(workspace.settings.project)))
        try:
            trained = self.train(**frames)
        except Exception as error:
            raise failure_of(error, workspace, doing) from None
        if not isinstance(trained, Trained):
            raise LakehouseError(f"{doing}: expected its function to return `Trained`, got {type(trained).__name__}.")
        return log_and_register(workspace, self.name, trained, origin)

    @cached_property
    def definition(self) -> "dg.AssetsDefinition":
        """The Dagster asset."""
        return define(
            (self.layer, self.name),
            self._events,
            reads=[source.name for source in self.reads.values()],
            options=self.options,
            description=self.train.__doc__,
            kinds={"mlflow", "scikitlearn"},
        )

    def _events(self, context: Any) -> Iterator[Any]:
        import dagster as dg

        with failures_told():
            done = self.materialize(connection_of(context), short(context.run_id))
        context.log.info(done.summary)
        for line in done.messages:
            context.log.warning(line)
        yield dg.MaterializeResult(metadata=materialization(done))


def model_asset(
    name: str, *, reads: Mapping[str, Table | Foreign], layer: str = "ml", **options: Any
) -> Callable[[Callable[..., Trained]], ModelAsset]:
    """Make a `ModelAsset` of a pure function.

    Args:
        name: Of the registered model.
        reads: What the function's parameters are read from, as pandas frames.
        layer: Group and first part of the asset's key.
        **options: Dagster's own arguments of `asset`, passed on as they are.
    """

    def decorate(train: Callable[..., Trained]) -> ModelAsset:
        return ModelAsset(name, train, dict(reads), layer, options)

    return decorate


def materialization(done: Training) -> dict[str, Any]:
    """Metadata of a materialisation: version, aliases, gate, metrics, and what it was trained on."""
    return {
        "model_version": done.model.version,
        "aliases": ", ".join(done.model.aliases) or "none",
        "gate": done.gate,
        "unchanged": done.unchanged,
        "run_id": done.model.run_id,
        **{f"delta.{table}": version for table, version in done.inputs.items()},
        **dict(done.model.metrics),
        "seconds": round(done.seconds, 2),
    }
