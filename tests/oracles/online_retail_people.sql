-- What is true of each customer at the instant $as_of_us (microseconds), from the applied lines with at_us <= $as_of_us.
-- An event at t counts as "within W at T" when T - W < t <= T: at exactly t + W it is no longer within W.
--   revenue_micro  millionths of a pound, exact: sales minus cancellations
--   orders         different invoices with a sale; cancellations are no orders
--   first_us/last_us  the first and the last sale; NULL when there were only cancellations so far
--   high_value     revenue of at least 1,000 pounds (exactly 1,000 is in)
--   lapsed_90d     bought at some time, but nothing within 90 d: last_us <= T - 90 d (exactly 90 d ago is in)
--   new_buyers     the first sale was within 30 d: T - 30 d < first_us (exactly 30 d ago is out)
WITH people AS (
  SELECT
    customer,
    sum(revenue_micro) AS revenue_micro,
    count(DISTINCT invoice) FILTER (NOT cancelled) AS orders,
    min(at_us) FILTER (NOT cancelled) AS first_us,
    max(at_us) FILTER (NOT cancelled) AS last_us,
    count(*) AS events
  FROM verdicts
  WHERE verdict = 'applied' AND at_us <= $as_of_us
  GROUP BY customer
)
SELECT
  customer,
  CAST(revenue_micro AS BIGINT) AS revenue_micro,
  orders, first_us, last_us, events,
  revenue_micro >= 1000000000 AS high_value,
  coalesce(last_us <= $as_of_us - 90 * 86400000000, false) AS lapsed_90d,
  coalesce(first_us > $as_of_us - 30 * 86400000000, false) AS new_buyers
FROM people
ORDER BY customer
