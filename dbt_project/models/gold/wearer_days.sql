with readings as (
    select
        wearer_id,
        read_at,
        resting_bp_mmhg,
        max_heart_rate_bpm,
        st_depression_mm,
        is_exercise_angina,
        cast(read_at as date) as read_date
    from {{ source('silver', 'readings') }}
)

select
    concat(wearer_id, '/', cast(read_date as string)) as wearer_day_id,
    wearer_id,
    read_date,
    count(*) as reading_count,
    min(read_at) as first_read_at,
    max(read_at) as last_read_at,
    avg(resting_bp_mmhg) as mean_resting_bp_mmhg,
    max(max_heart_rate_bpm) as highest_heart_rate_bpm,
    max(st_depression_mm) as highest_st_depression_mm,
    count_if(is_exercise_angina = 1) as exercise_angina_count
from readings
group by wearer_id, read_date
