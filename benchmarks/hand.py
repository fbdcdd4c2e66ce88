"""The framework over the same frames by hand: three tables made of TPC-H, audited and noted against plainly written."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import tpch
from benchmarks.cost import Cost, cost, over, shown
from benchmarks.figure import Figure
from benchmarks.room import room
from lakehouse.declare.column import Column
from lakehouse.declare.table import Foreign, Table
from lakehouse.declare.write_modes import Overwrite
from lakehouse.engine.session import Connection
from lakehouse.engine.work_settings import big_work
from lakehouse.runs.run import run as run_asset
from lakehouse.services import up

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SOURCES = ("customer", "orders", "lineitem", "part")


def order_totals(lineitem: "DataFrame") -> "DataFrame":
    """What each order is worth."""
    from pyspark.sql import functions as F

    total = F.expr("CAST(sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS DECIMAL(38,4))")
    return lineitem.groupBy(lineitem.l_orderkey.alias("order_id")).agg(
        F.count("*").alias("line_count"), total.alias("total")
    )


def shipped_lines(lineitem: "DataFrame", part: "DataFrame") -> "DataFrame":
    """Lines of one year, with their parts."""
    year = lineitem.where("l_shipdate >= '1995-01-01' AND l_shipdate < '1997-01-01'")
    return year.join(part, year.l_partkey == part.p_partkey).selectExpr(
        "l_orderkey AS order_id",
        "l_linenumber AS line_number",
        "p_type AS part_type",
        "l_quantity AS quantity",
        "CAST(l_extendedprice * (1 - l_discount) AS DECIMAL(38,4)) AS revenue",
        "l_shipdate AS shipped_on",
    )


def customer_orders(customer: "DataFrame", orders: "DataFrame") -> "DataFrame":
    """Orders with their customers."""
    return orders.join(customer, orders.o_custkey == customer.c_custkey).selectExpr(
        "o_orderkey AS order_id", "c_name AS customer", "c_mktsegment AS segment", "o_orderdate AS ordered_on"
    )


def _table(name: str, **columns: str) -> Table:
    declared = tuple(Column(column, kind, column) for column, kind in columns.items())
    return Table(f"gold.{name}_{uuid.uuid4().hex[:6]}", columns=declared, grain="one row", write=Overwrite())


@dataclass(frozen=True)
class Work:
    """One table to make.

    Args:
        table: Its declaration.
        transform: Frames in, frame out.
        names: The tables of TPC-H that it reads.
    """

    table: Table
    transform: "Callable[..., DataFrame]"
    names: tuple[str, ...]

    def by_framework(self, connection: Connection) -> None:
        """Audited, noted, published; new code each time, so that it is never unchanged."""
        reads = {name: Foreign(f"bronze.{name}") for name in self.names}
        run_asset(connection, self.table, self.transform, reads, code=uuid.uuid4().hex)

    def by_hand(self, session: "SparkSession") -> None:
        """The same frame, plainly written."""
        with big_work(session, big=True):
            frame = self.transform(**{name: session.table(f"bronze.{name}") for name in self.names})
            frame.write.format("delta").mode("overwrite").saveAsTable(f"{self.table.name}_by_hand")

    def compare(self, session: "SparkSession") -> None:
        """Both tables have the same rows."""
        ours, theirs = session.table(self.table.name), session.table(f"{self.table.name}_by_hand")
        assert ours.count() == theirs.count()
        assert not ours.exceptAll(theirs).limit(1).collect()


def works() -> tuple[Work, ...]:
    """An aggregate, a filtered join and a join."""
    totals = _table("order_totals", order_id="bigint", line_count="bigint", total="decimal(38,4)")
    shipped = _table(
        "shipped_lines",
        order_id="bigint",
        line_number="int",
        part_type="string",
        quantity="decimal(15,2)",
        revenue="decimal(38,4)",
        shipped_on="date",
    )
    owned = _table("customer_orders", order_id="bigint", customer="string", segment="string", ordered_on="date")
    return (
        Work(totals, order_totals, ("lineitem",)),
        Work(shipped, shipped_lines, ("lineitem", "part")),
        Work(owned, customer_orders, ("customer", "orders")),
    )


def run(rounds: int = 3, scale: float = 1) -> list[Figure]:
    """Make each table by the framework and by hand, alternately, from the same Delta tables in one server."""
    tables = works()
    measured: dict[str, list[Cost]] = {"framework": [], "hand": []}
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            session = connection.session()
            session.sql(f"CREATE DATABASE IF NOT EXISTS bronze LOCATION '{workspace.warehouse}/bronze'")
            with big_work(session, big=True):
                for name in SOURCES:
                    session.read.parquet(tpch.table(name, scale)).write.format("delta").saveAsTable(f"bronze.{name}")

            def by_framework() -> None:
                for table in tables:
                    table.by_framework(connection)

            def by_hand() -> None:
                for table in tables:
                    table.by_hand(session)

            ways = [("framework", by_framework), ("hand", by_hand)]
            for _, way in ways:
                way()
            for number in range(rounds):
                for name, way in ways if number % 2 else reversed(ways):
                    measured[name].append(cost(workspace, way))
            for table in tables:
                table.compare(session)
    return [
        shown(f"three tables of TPC-H at scale {scale:g}, framework", measured["framework"]),
        shown(f"three tables of TPC-H at scale {scale:g}, by hand", measured["hand"]),
        over("framework over the same code by hand", measured["framework"], measured["hand"], "at most 1.10"),
    ]
