"""A chain of five tables: 1 % changed end to end, against computing all of it anew; and nothing changed at all."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.cost import Cost, cost, over, shown
from benchmarks.figure import Figure, seconds, timing
from benchmarks.room import room
from lakehouse.dagster.table_asset import TableAsset
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, Merge
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.services import up
from lakehouse.write.batch import Batch
from lakehouse.write.door import write

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS = 5_000_000
CHANGED_PERCENT = 1
RAW = (Column("line", "string", "As it came"), Column("number", "bigint", "Place in the source"))
TYPED = (
    Column("reading_id", "bigint", "Key", nullable=False),
    Column("wearer_id", "bigint", "Who"),
    Column("rate_bpm", "int", "Beats per minute"),
    Column("sent_at", "timestamp", "UTC"),
)
SCORED = (*TYPED, Column("risk", "double", "0 to 1"))
SCALED = (Column("reading_id", "bigint", "Key", nullable=False), Column("rate", "double", "0 to 1"))


def typed(raw: "DataFrame") -> "DataFrame":
    """Lines as typed rows."""
    from pyspark.sql import functions as F

    parsed = raw.select(F.from_json("line", "id bigint, wearer bigint, rate int, sent string").alias("r"))
    return parsed.selectExpr(
        "r.id AS reading_id", "r.wearer AS wearer_id", "r.rate AS rate_bpm", "CAST(r.sent AS timestamp) AS sent_at"
    )


def cleaned(rows: "DataFrame") -> "DataFrame":
    """Rates within what a heart does."""
    return rows.selectExpr("reading_id", "wearer_id", "greatest(30, least(220, rate_bpm)) AS rate_bpm", "sent_at")


def scored(rows: "DataFrame") -> "DataFrame":
    """A risk from the rate."""
    return rows.selectExpr("*", "1D / (1 + exp((120 - rate_bpm) / 20D)) AS risk")


def scaled(rows: "DataFrame") -> "DataFrame":
    """What a model wants."""
    return rows.selectExpr("reading_id", "(rate_bpm - 30) / 190D AS rate")


@dataclass(frozen=True)
class Chain:
    """One chain: its source and the four tables behind it."""

    source: Table
    assets: tuple[TableAsset, ...]

    def run(self, connection: Connection) -> None:
        """Bring what is new in the source to the end."""
        for asset in self.assets:
            asset.materialize(connection)


def _chain() -> Chain:
    end = uuid.uuid4().hex[:6]
    mode = Merge(on=("reading_id",), sequence=("sent_at",))

    def table(name: str, columns: tuple[Column, ...], write: Any) -> Table:
        return Table(f"{name}_{end}", columns=columns, grain="one row per reading", write=write)

    raw = table("bronze.lines", RAW, Append())
    rows, clean = table("silver.rows", TYPED, mode), table("silver.clean", TYPED, mode)
    risks = table("gold.risks", SCORED, mode)
    features = table("ml.features", SCALED, Merge(on=("reading_id",)))
    reads: list[tuple[Table, Any, Mapping[str, Any]]] = [
        (rows, typed, {"raw": raw.changes()}),
        (clean, cleaned, {"rows": rows.changes()}),
        (risks, scored, {"rows": clean.changes()}),
        (features, scaled, {"rows": clean.changes()}),
    ]
    return Chain(raw, tuple(TableAsset(*read) for read in reads))


def run(rounds: int = 3, rows: int = ROWS) -> list[Figure]:
    """Change 1 % and bring it to the end; alternately compute a new chain from all lines."""
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            session = connection.session()

            def put(chain: Chain, first: int, count: int, number: int) -> None:
                line = (
                    f"to_json(named_struct('id', pmod(id * 7919, {rows}), 'wearer', pmod(id, 5000), 'rate', "
                    f"CAST(60 + pmod(hash(id, {number}), 100) AS int), 'sent', '2026-01-01 00:{number:02d}:00'))"
                )
                frame = session.range(first, first + count).selectExpr(f"{line} AS line", "id AS number")
                write(Tables(workspace), session, chain.source, frame, Batch(uuid.uuid4().hex[:12], "b"))

            kept = _chain()
            put(kept, 0, rows, 0)
            kept.run(connection)
            changed: list[Cost] = []
            anew: list[Cost] = []
            step = rows * CHANGED_PERCENT // 100
            for number in range(1, rounds + 1):
                put(kept, number * step, step, number)
                changed.append(cost(workspace, lambda: kept.run(connection)))
                whole = _chain()
                put(whole, 0, rows, 0)
                anew.append(cost(workspace, lambda whole=whole: whole.run(connection)))  # type: ignore[misc]
        nothing = [seconds(lambda: _unchanged(workspace, kept)) for _ in range(rounds)]
    return [
        shown(f"four tables behind {rows:,} lines, {CHANGED_PERCENT} % changed", changed),
        shown(f"four tables behind {rows:,} lines, all of it anew", anew),
        over("1 % changed over all anew", changed, anew, "at most 0.15"),
        timing("nothing changed: no session is opened", nothing, "no bytes read, at most 1 s"),
    ]


class _NoSession(Connection):
    """A connection that opens nothing: whoever reads rows needs a session."""

    def session(self) -> Any:
        raise AssertionError("rows were read")


def _unchanged(workspace: Any, chain: Chain) -> None:
    chain.run(_NoSession(workspace))
