"""The thirteen attributes of the heart table: their names in each layer and the hospital's words for UCI's codes.

Source of names and codes: `data/README.md`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """One attribute.

    Args:
        uci: UCI's name, which is also the key in a bracelet's reading.
        hospital: Column of `bronze.patients`.
        column: Column in silver and gold.
        type: Spark SQL type in silver and gold.
        comment: What it holds, with its unit or codes.
        codes: The hospital's words and UCI's codes for them; empty where the hospital writes the number itself.
    """

    uci: str
    hospital: str
    column: str
    type: str
    comment: str
    codes: tuple[tuple[str, int], ...] = ()


_SEX = (("male", 1), ("female", 0))
_CHEST_PAIN = (("typical ang", 1), ("atypical ang", 2), ("non-anginal", 3), ("asymptomatic", 4))
_ECG = (("normal", 0), ("ST-T abnormal", 1), ("left vent hypertrophy", 2))
_SLOPE = (("upsloping", 1), ("flat", 2), ("downsloping", 3))
_THAL = (("normal", 3), ("fixed defect", 6), ("reversable defect", 7))

# In the order of the file, of a reading and of the model's features.
ATTRIBUTES = (
    Attribute("age", "age", "age_years", "int", "Age in years"),
    Attribute("sex", "gender", "sex_code", "int", "1 male, 0 female", _SEX),
    Attribute(
        "cp",
        "chest_pain",
        "chest_pain_code",
        "int",
        "Chest pain: 1 typical angina, 2 atypical angina, 3 not anginal, 4 asymptomatic",
        _CHEST_PAIN,
    ),
    Attribute("trestbps", "rest_sbp", "resting_bp_mmhg", "int", "Systolic blood pressure at rest, mm Hg"),
    Attribute("chol", "cholesterol", "cholesterol_mg_dl", "int", "Serum cholesterol, mg/dl"),
    Attribute(
        "fbs",
        "fasting_blood_sugar_over_120",
        "is_fasting_sugar_high",
        "int",
        "1 if fasting blood sugar is above 120 mg/dl, else 0",
    ),
    Attribute(
        "restecg",
        "rest_ecg",
        "rest_ecg_code",
        "int",
        "ECG at rest: 0 normal, 1 ST-T abnormality, 2 left ventricular hypertrophy",
        _ECG,
    ),
    Attribute("thalach", "max_hr", "max_heart_rate_bpm", "int", "Highest heart rate, beats per minute"),
    Attribute("exang", "exercise_angina", "is_exercise_angina", "int", "1 if exercise causes angina, else 0"),
    Attribute(
        "oldpeak",
        "st_by_exercise",
        "st_depression_mm",
        "double",
        "ST depression by exercise against rest, mm on the ECG",
    ),
    Attribute(
        "slope",
        "slope_peak_exercise_st",
        "st_slope_code",
        "int",
        "Slope of the ST segment at peak exercise: 1 up, 2 flat, 3 down",
        _SLOPE,
    ),
    Attribute(
        "ca",
        "major_vessels_colored",
        "major_vessels_count",
        "int",
        "Major vessels coloured by fluoroscopy, 0 to 3; null if unknown",
    ),
    Attribute(
        "thal",
        "thal",
        "thal_code",
        "int",
        "Thallium scan: 3 normal, 6 fixed defect, 7 reversible defect; null if unknown",
        _THAL,
    ),
)

FEATURE_COLUMNS = tuple(attribute.column for attribute in ATTRIBUTES)
LABEL_COLUMN = "is_sick"
MISSING = ("?", "")
