"""The wearers: each resembles one patient of the hospital, and every reading of theirs resembles the last."""

from pathlib import Path
from random import Random

from assets.attributes import ATTRIBUTES, MISSING

HOSPITAL = Path(__file__).parents[2] / "data" / "heart_disease.tab"
HEADER_LINES = 3

Values = dict[str, int | float | None]

# Standard deviation of one reading around the wearer's baseline, and the limits that it keeps.
_JITTER = {"trestbps": (6, 80, 220), "chol": (8, 100, 600), "thalach": (9, 60, 210)}
_ST_JITTER = 0.2
_ST_LIMIT = 6.5
_ANGINA_CHANGES = 0.05


def hospital_rows(path: Path = HOSPITAL) -> list[Values]:
    """The patients' attributes by UCI's names, in UCI's codes; what is missing is None."""
    lines = path.read_text(encoding="utf-8").splitlines()[HEADER_LINES:]
    return [_coded(line.split("\t")) for line in lines]


def _coded(fields: list[str]) -> Values:
    values: Values = {}
    for attribute, text in zip(ATTRIBUTES, fields, strict=False):
        if text in MISSING:
            values[attribute.uci] = None
        elif attribute.codes:
            values[attribute.uci] = dict(attribute.codes)[text]
        else:
            values[attribute.uci] = float(text) if attribute.type == "double" else int(text)
    return values


def wearers(count: int, seed: int, patients: list[Values]) -> dict[str, Values]:
    """Baselines of `count` wearers by wearer id: patients drawn with replacement, a few years older or younger."""
    random = Random(f"wearers {seed}")  # noqa: S311 - repeatable on purpose
    baselines = {}
    for number in range(1, count + 1):
        baseline = dict(random.choice(patients))
        baseline["age"] = min(95, max(18, int(baseline["age"] or 0) + random.randint(-3, 3)))
        baselines[f"w-{number:04d}"] = baseline
    return baselines


def measure(baseline: Values, random: Random) -> Values:
    """One reading of a wearer: the baseline, with noise on what is measured."""
    values = dict(baseline)
    for name, (spread, low, high) in _JITTER.items():
        values[name] = min(high, max(low, round((values[name] or 0) + random.gauss(0, spread))))
    st_depression = (values["oldpeak"] or 0) + random.gauss(0, _ST_JITTER)
    values["oldpeak"] = abs(round(min(_ST_LIMIT, max(0.0, st_depression)), 1))
    if random.random() < _ANGINA_CHANGES:
        values["exang"] = 1 - int(values["exang"] or 0)
    return values
