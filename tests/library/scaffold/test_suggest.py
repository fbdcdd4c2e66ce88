"""Starting expectations hold for the next file: made from one half of a random file, the other half keeps them."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lakehouse.scaffold.blueprint import Blueprint, Origin
from lakehouse.scaffold.new_table import declared_as, sampled
from lakehouse.scaffold.sample import read_sample
from lakehouse.scaffold.suggest import suite

ROWS = 400


def random_file(seed: int) -> pd.DataFrame:
    """A file of columns that are hard to tell apart: bounded, unbounded, rising, rare, missing."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    start = chance.randrange(1000)
    states = ["new", "paid", "sent"][: chance.randint(1, 3)]
    missing = chance.choice([0.0, 0.001, 0.01, 0.04, 0.3])
    rare = chance.choice([0.001, 0.01, 0.05])
    rows = range(ROWS)
    return pd.DataFrame(
        {
            "id": [start + row for row in rows],
            "code": [f"c{chance.randrange(10**9)}" for _ in rows],
            "state": [chance.choice(states) for _ in rows],
            "flag": [1 if chance.random() < rare else 0 for _ in rows],
            "uniform": [chance.uniform(-5, 5) for _ in rows],
            "normal": [chance.gauss(100, 15) for _ in rows],
            "heavy": [math.exp(chance.gauss(0, 2)) for _ in rows],
            "tails": [math.tan(math.pi * (chance.random() - 0.5)) for _ in rows],
            "rising": [row * 0.5 + chance.random() for row in rows],
            "counter": [row // 2 for row in rows],
            "sorted_state": ["a" if row < ROWS * 0.4 else "b" for row in rows],
            "note": [None if chance.random() < missing else "x" for _ in rows],
            "amount": [None if chance.random() < missing else chance.randrange(1000) for _ in rows],
        }
    ).astype({"amount": "Int64"})


def suggested(folder: Path, rows: pd.DataFrame, key: tuple[str, ...] = ("id",)) -> list[dict[str, Any]]:
    path = folder / "half.csv"
    rows.to_csv(path, index=False)
    sample = read_sample(path)
    fields = sampled(sample, key)
    blueprint = Blueprint(declared_as("silver.things", fields, key), fields, Origin("csv", "landing/things/*.csv"))
    return list(json.loads(suite(blueprint, sample))["expectations"])


def holds(expectation: dict[str, Any], rows: pd.DataFrame) -> bool:
    """What Great Expectations says, in pandas: nulls are not considered but by the rule on nulls."""
    kwargs = expectation["kwargs"]
    if kwargs.get("column") == "_unreadable":
        return True  # every text of these files is a value
    if expectation["type"] == "expect_compound_columns_to_be_unique":
        return not rows.duplicated(kwargs["column_list"]).any()
    values = rows[kwargs["column"]]
    present = values.dropna()
    good = {
        "expect_column_values_to_not_be_null": values.notna,
        "expect_column_values_to_be_in_set": lambda: present.isin(kwargs["value_set"]),
        "expect_column_values_to_be_between": lambda: present.between(kwargs["min_value"], kwargs["max_value"]),
        "expect_column_values_to_be_unique": lambda: ~present.duplicated(keep=False),
    }[expectation["type"]]()
    return bool(good.mean() >= kwargs.get("mostly", 1.0)) if len(good) else True


@pytest.mark.parametrize("seed", range(60))
def test_what_one_half_says_the_other_half_keeps(tmp_path: Path, seed: int):
    rows = random_file(seed)
    first, second = rows.iloc[: ROWS // 2], rows.iloc[ROWS // 2 :]

    for sample, following in ((first, second), (second, first)):
        expectations = suggested(tmp_path, sample)

        assert [(e["type"], e["kwargs"]) for e in expectations if not holds(e, following)] == []
        assert [(e["type"], e["kwargs"]) for e in expectations if not holds(e, sample)] == []


def test_what_a_sample_supports_is_said_and_noise_is_left_out(tmp_path: Path):
    rules = {(e["type"], e["kwargs"].get("column")) for e in suggested(tmp_path, random_file(1))}

    bounded = {column for type_, column in rules if type_ == "expect_column_values_to_be_between"}
    assert bounded >= {"uniform", "normal", "amount"}
    assert not bounded & {"id", "rising", "counter"}
    assert {column for type_, column in rules if type_ == "expect_column_values_to_be_in_set"} >= {"state"}
    assert ("expect_column_values_to_be_in_set", "sorted_state") not in rules
    assert ("expect_column_values_to_be_unique", "id") in rules
    assert ("expect_column_values_to_be_unique", "code") not in rules


def test_the_key_of_several_columns_is_unique_together(tmp_path: Path):
    rows = pd.DataFrame({"shop": [1, 1, 2, 2], "number": [1, 2, 1, 2]})

    [_, unique] = suggested(tmp_path, rows, ("shop", "number"))
    rules = suggested(tmp_path, pd.concat([rows, rows]), ("shop", "number"))

    assert (unique["type"], unique["kwargs"]["column_list"]) == (
        "expect_compound_columns_to_be_unique",
        ["shop", "number"],
    )
    assert [rule["type"] for rule in rules] == ["expect_column_values_to_be_null"]


def test_a_few_rows_support_no_bounds(tmp_path: Path):
    rules = suggested(tmp_path, random_file(2).iloc[:50], ())

    assert [rule["kwargs"]["column"] for rule in rules] == ["_unreadable"]
