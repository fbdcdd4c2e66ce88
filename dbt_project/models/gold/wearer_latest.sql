with ranked as (
    select
        wearer_id,
        reading_id,
        read_at,
        sent_at,
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
        row_number() over (
            partition by wearer_id
            order by read_at desc, sent_at desc, reading_id desc
        ) as place
    from {{ source('silver', 'readings') }}
)

select
    wearer_id,
    reading_id,
    read_at,
    sent_at,
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
    thal_code
from ranked
where place = 1
