"""Splits and fingerprints are decided by content alone."""

import pandas as pd

from lakehouse.models.training import dataset_of, fingerprint, is_held_out
from tests.library.models.cases import people


def test_a_row_keeps_its_side_when_others_come_or_the_order_changes() -> None:
    few = pd.Series([f"p{number}" for number in range(100)])
    many = pd.Series([f"p{number}" for number in reversed(range(1000))])

    before = dict(zip(few, is_held_out(few), strict=True))
    after = dict(zip(many, is_held_out(many), strict=True))

    assert {each: after[each] for each in before} == before
    assert 0.2 < is_held_out(many).mean() < 0.3


def test_a_fingerprint_depends_on_versions_and_code_and_not_on_their_order() -> None:
    assert fingerprint({"a.b": 1, "c.d": 2}, "x") == fingerprint({"c.d": 2, "a.b": 1}, "x")
    assert len({fingerprint({"a.b": 1}, "x"), fingerprint({"a.b": 2}, "x"), fingerprint({"a.b": 1}, "y")}) == 3


def test_the_digest_of_a_dataset_is_of_its_content() -> None:
    rows = people(50)
    changed = rows.assign(age_years=rows["age_years"] + 1)

    digests = [dataset_of("gold.people", 1, "/p", each).digest for each in (rows, rows.iloc[::-1], changed)]

    assert digests[0] == digests[1] != digests[2]
