-- Who is in which segment of the retail template at $as_of_us (T), written by hand from the segments' descriptions.
-- Reads `acts`: who did what (event) when (at_us), with order_id, category, revenue_micro and discounted.
-- "Within W" is T - W < t <= T. What takes place exactly when a span is over comes too late.
WITH known AS (SELECT * FROM acts WHERE at_us <= $as_of_us),
bought AS (SELECT * FROM known WHERE event IN ('Order Completed', 'Product Purchased')),
buyers AS (
  SELECT
    who, min(at_us) AS first_us, max(at_us) AS last_us, count(DISTINCT order_id) AS orders,
    count(DISTINCT order_id) FILTER (discounted) AS discounted_orders
  FROM bought GROUP BY who
),
worth AS (
  SELECT who, sum(revenue_micro) AS revenue_micro FROM known
  WHERE event IN ('Order Completed', 'Product Purchased', 'Product Returned') GROUP BY who
),
added AS (SELECT who, at_us FROM known WHERE event = 'Product Added'),
ordered AS (SELECT who, at_us FROM known WHERE event = 'Order Completed'),
-- whose latest addition was followed by no order
waiting AS (
  SELECT who FROM (SELECT who, max(at_us) AS added_us FROM added GROUP BY who) AS latest
  WHERE NOT EXISTS (SELECT 1 FROM ordered WHERE ordered.who = latest.who AND ordered.at_us > latest.added_us)
)
SELECT 'browsing_now' AS segment, who FROM known
WHERE event = 'Product Viewed' AND at_us > $as_of_us - 30 * 60 * 1000000 GROUP BY who HAVING count(*) >= 3
UNION ALL
SELECT DISTINCT 'recent_viewers', who FROM known
WHERE event = 'Product Viewed' AND at_us > $as_of_us - 7 * 86400000000
  AND who NOT IN (SELECT who FROM buyers WHERE last_us > $as_of_us - 7 * 86400000000)
UNION ALL
SELECT 'open_cart', who FROM waiting  -- nothing is ever removed here
UNION ALL
SELECT DISTINCT 'cart_abandoners', who FROM added
WHERE at_us > $as_of_us - 14 * 86400000000 AND at_us + 3600000000 <= $as_of_us AND who IN (SELECT who FROM waiting)
  AND NOT EXISTS (
    SELECT 1 FROM ordered
    WHERE ordered.who = added.who AND ordered.at_us > added.at_us AND ordered.at_us < added.at_us + 3600000000)
UNION ALL
SELECT 'new_buyers', who FROM buyers WHERE first_us > $as_of_us - 30 * 86400000000
UNION ALL
SELECT 'one_time_buyers', who FROM buyers WHERE orders = 1 AND first_us <= $as_of_us - 30 * 86400000000
UNION ALL
SELECT 'lapsing', who FROM buyers
WHERE last_us <= $as_of_us - 60 * 86400000000 AND last_us > $as_of_us - 90 * 86400000000
UNION ALL
SELECT 'lapsed_90d', who FROM buyers WHERE last_us <= $as_of_us - 90 * 86400000000
UNION ALL
SELECT 'winnable_back', who FROM buyers JOIN worth USING (who)
WHERE last_us <= $as_of_us - 90 * 86400000000 AND last_us > $as_of_us - 365 * 86400000000
  AND revenue_micro >= 250 * 1000000
UNION ALL
SELECT 'high_value', who FROM worth WHERE revenue_micro >= 1000 * 1000000
UNION ALL
SELECT 'discount_buyers', who FROM buyers WHERE orders >= 2 AND 2 * discounted_orders >= orders
UNION ALL
SELECT 'category_fans', who FROM known
WHERE event IN ('Product Viewed', 'Product Purchased') AND category IS NOT NULL AND at_us > $as_of_us - 30 * 86400000000
GROUP BY who HAVING count(*) >= 5 AND count(DISTINCT category) <= 2
