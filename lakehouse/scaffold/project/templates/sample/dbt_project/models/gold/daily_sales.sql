select
    cast(ordered_at as date) as order_date,
    count(*) as orders_count,
    cast(sum(amount_eur) as decimal(14, 2)) as revenue_eur
from {{ source('silver', 'orders') }}
where status = 'paid'
group by cast(ordered_at as date)
