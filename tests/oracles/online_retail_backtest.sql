-- What a rehearsal on Online Retail's customers must find, day by day. Independent of Tidings; reads the view `verdicts`.
-- The journey: whoever bought, and then nothing for 90 d, enters at that instant; a purchase ends the run. A week later she
-- is written to, as one of the good ones when her revenue (sales minus cancellations) so far is at least 1,000.
-- Runs begin in [$from_us, $to_us); the clock stops at $to_us. A mail is followed when she buys in (mail, mail + $within_us]; the
-- worth of a purchase is that of its line, counted once. An event at t is within W at T when T - W < t <= T.
WITH applied AS (
  SELECT customer, at_us, revenue_micro, cancelled FROM verdicts WHERE verdict = 'applied'
),
sold AS (SELECT * FROM applied WHERE NOT cancelled),
visits AS (
  SELECT customer, at_us, lead(at_us) OVER (PARTITION BY customer ORDER BY at_us) AS next_us
  FROM (SELECT DISTINCT customer, at_us FROM sold)
),
entered AS (
  SELECT customer, at_us + 90 * 86400000000 AS at_us, next_us FROM visits
  WHERE at_us + 90 * 86400000000 >= $from_us AND at_us + 90 * 86400000000 < $to_us
    AND (next_us IS NULL OR next_us > at_us + 90 * 86400000000)
),
mailed AS (
  SELECT customer, at_us + 7 * 86400000000 AS at_us FROM entered
  WHERE at_us + 7 * 86400000000 < $to_us AND (next_us IS NULL OR next_us > at_us + 7 * 86400000000)
),
judged AS (
  SELECT m.*, (SELECT sum(a.revenue_micro) FROM applied AS a WHERE a.customer = m.customer AND a.at_us <= m.at_us) >= 1000000000 AS good
  FROM mailed AS m
),
bought AS (SELECT * FROM sold WHERE at_us < $to_us + $within_us),
after AS (
  SELECT b.* FROM bought AS b
  WHERE EXISTS (FROM mailed AS m WHERE m.customer = b.customer AND b.at_us > m.at_us AND b.at_us <= m.at_us + $within_us)
)
SELECT 'entries' AS what, strftime(make_timestamp(at_us), '%Y-%m-%d') AS of, count(*) AS n FROM entered GROUP BY ALL
UNION ALL
SELECT 'messages', strftime(make_timestamp(at_us), '%Y-%m-%d'), count(*) FROM mailed GROUP BY ALL
UNION ALL
SELECT 'templates', CASE WHEN good THEN 'win_back' ELSE 'welcome' END, count(*) FROM judged GROUP BY ALL
UNION ALL
SELECT 'people', '', count(DISTINCT customer) FROM entered
UNION ALL
SELECT 'followed', '', count(*) FROM mailed AS m
WHERE EXISTS (FROM bought AS b WHERE b.customer = m.customer AND b.at_us > m.at_us AND b.at_us <= m.at_us + $within_us)
UNION ALL
SELECT 'purchases', '', count(*) FROM after
UNION ALL
SELECT 'revenue_micro', '', CAST(coalesce(sum(revenue_micro), 0) AS BIGINT) FROM after
ORDER BY ALL
