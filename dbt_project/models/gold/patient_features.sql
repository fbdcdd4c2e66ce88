select
    patient_id,
    age_years,
    sex_code,
    chest_pain_code,
    resting_bp_mmhg,
    cholesterol_mg_dl,
    is_fasting_sugar_high,
    rest_ecg_code,
    max_heart_rate_bpm,
    is_exercise_angina,
    st_depression_mm,
    st_slope_code,
    major_vessels_count,
    thal_code,
    is_sick
from {{ source('silver', 'patients') }}
