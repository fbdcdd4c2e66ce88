"""How the commands print, without a server: one option and one printer for programs."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.main import get_command

from lakehouse.cli import load_groups
from lakehouse.cli.printing import plain, print_answer
from lakehouse.errors import LakehouseError
from lakehouse.sql.ask_trino import Answer

if TYPE_CHECKING:
    from click import Command, Group

READING = (
    "accounts",
    "doctor",
    "explain",
    "history",
    "models list",
    "plan",
    "quarantine list",
    "quarantine show",
    "sql",
    "status",
    "tables",
)
ACTING = ("apply", "models rollback", "quarantine fix", "quarantine replay", "run")


@dataclass(frozen=True)
class Line:
    name: str
    numbers: tuple[float, ...]


class Own:
    def to_json(self) -> dict[str, object]:
        return {"line": Line("a", (1.5, float("nan")))}


def command_of(words: str) -> "Command":
    command = get_command(load_groups())
    for word in words.split():
        group: Group = command  # type: ignore[assignment]
        command = group.commands[word]
    return command


@pytest.mark.parametrize("words", [*READING, *ACTING])
def test_a_command_whose_answer_a_program_may_want_has_the_option(words: str) -> None:
    options = {option for parameter in command_of(words).params for option in parameter.opts}

    assert "--json" in options


def test_every_value_is_something_that_json_has() -> None:
    values = [Own(), Decimal("1.20"), datetime(2026, 1, 1, tzinfo=UTC), b"\x00\xff", {1: float("inf")}, True, None]

    assert json.loads(json.dumps(plain(values), allow_nan=False)) == [
        {"line": {"name": "a", "numbers": [1.5, "nan"]}},
        "1.20",
        "2026-01-01 00:00:00+00:00",
        "00ff",
        {"1": "inf"},
        True,
        None,
    ]


def test_an_answer_is_printed_once_for_whoever_asked(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer([Line("a", ())], True, lambda lines: print(lines[0].name))
    program = capsys.readouterr().out
    print_answer([Line("a", ())], False, lambda lines: print(lines[0].name))

    assert json.loads(program) == [{"name": "a", "numbers": []}]
    assert capsys.readouterr().out == "a\n"


def test_an_answer_of_trino_with_two_columns_of_one_name_is_refused_rather_than_cut() -> None:
    assert Answer(("a", "b"), ((1, 2),)).to_json() == [{"a": 1, "b": 2}]
    with pytest.raises(LakehouseError, match="a: several columns of the answer have this name"):
        Answer(("a", "a"), ((1, 2),)).to_json()
