"""How the bits of masks are made and counted, each against the plain way to do it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import lineitem
from benchmarks.cost import in_turns, over, shown
from benchmarks.figure import Figure
from benchmarks.room import big_session, room
from lakehouse.declare.write_modes import Append
from lakehouse.engine.session import Connection
from lakehouse.quality.judge import judge
from lakehouse.quality.measure.masks import bit_sql, flags, mask_sql, masked
from lakehouse.services import up
from lakehouse.write.table_rules import rules_of, suite_of

ROUNDS = 3
ROWS = 6_000_000
COMMENT = "l_comment"
LENGTHS = f"{COMMENT}: value_lengths_between"


def run(rounds: int = ROUNDS, rows: int = ROWS) -> list[Figure]:
    """Read and compute the mask of 30 rules, and write nothing; then count the bits of staged masks.

    Between them lengths of strings are compared, of their bytes first and of their characters.
    """
    size = f"{rows // 1_000_000} million rows"
    with room() as workspace:
        up(workspace)
        with Connection(workspace) as connection:
            table = lineitem.declared("silver.masks", Append())
            lineitem.write_suite(workspace, table.name)
            compiled = rules_of(table, suite_of(workspace, table))
            session = big_session(connection)
            frame = lineitem.frame(session, rows)
            (bits,) = mask_sql(compiled.rows).values()
            predicates = flags(compiled.rows)
            cases = " + ".join(f"(CASE WHEN {sql} THEN {1 << bit}L ELSE 0L END)" for bit, sql in enumerate(predicates))
            makes = {
                "no mask": _read(frame),
                "IF and |": _read(frame.selectExpr("*", f"{bits} AS mask")),
                "CASE and +": _read(frame.selectExpr("*", f"{cases} AS mask")),
            }
            made = in_turns(workspace, makes, rounds)
            (by_bytes,) = (rule.broken for rule in compiled.rows if rule.label.startswith(LENGTHS))
            by_characters = f"NOT (length({COMMENT}) >= 1 AND length({COMMENT}) <= 44)"
            ways = {"bytes, then characters": by_bytes, "characters": by_characters}
            lengths = {name: _read(frame.selectExpr(f"{sql} AS broken")) for name, sql in ways.items()}
            compared = in_turns(workspace, lengths, rounds)
            masked(frame, compiled.rows).write.parquet(f"{workspace.home}/staged")
            staged = session.read.parquet(f"{workspace.home}/staged")
            each_bit = staged.selectExpr(*(f"count_if({bit_sql(bit)}) AS c{bit}" for bit in range(len(predicates))))
            counts: dict[str, Callable[[], Any]] = {
                "mask by mask": partial(judge, staged, compiled, frame.columns),
                "bit by bit": each_bit.collect,
            }
            counted = in_turns(workspace, counts, rounds)
    return [
        *(shown(f"{size}, masks made: {name}", costs) for name, costs in made.items()),
        over("IF and | over CASE and +", made["IF and |"], made["CASE and +"]),
        *(shown(f"{size}, lengths compared: {name}", costs) for name, costs in compared.items()),
        over("lengths by bytes over characters", compared["bytes, then characters"], compared["characters"]),
        *(shown(f"{size}, bits counted: {name}", costs) for name, costs in counted.items()),
        over("mask by mask over bit by bit", counted["mask by mask"], counted["bit by bit"]),
    ]


def _read(frame: Any) -> Callable[[], Any]:
    return partial(frame.write.format("noop").mode("overwrite").save)
