-- Who is in which segment of the template for publishers at $as_of_us (T), written by hand from the segments' descriptions.
-- Reads `acts`: who did what (event) when (at_us), with the properties as JSON.
-- "Within W" is T - W < t <= T. What takes place exactly when a span is over comes too late.
WITH known AS (SELECT * FROM acts WHERE at_us <= $as_of_us),
reads AS (
  SELECT who, at_us, properties->>'$.topic' AS topic, properties->>'$.edition' AS edition
  FROM known WHERE event = 'Article Viewed'
),
lately AS (SELECT * FROM reads WHERE at_us > $as_of_us - 30 * 86400000000),
topics AS (
  SELECT who, topic, row_number() OVER (PARTITION BY who ORDER BY count(*) DESC, topic) AS place
  FROM reads WHERE at_us > $as_of_us - 60 * 86400000000 GROUP BY who, topic
),
started AS (SELECT who, at_us FROM known WHERE event = 'Subscription Started'),
ended AS (SELECT who, at_us FROM known WHERE event = 'Subscription Cancelled'),
subscribers AS (
  SELECT DISTINCT who FROM started
  WHERE NOT EXISTS (SELECT 1 FROM ended WHERE ended.who = started.who AND ended.at_us > started.at_us)
),
asked AS (SELECT who FROM known WHERE event = 'Consent Given' AND properties->>'$.purpose' = 'newsletter'),  -- nobody took it back
mails AS (
  SELECT
    who, count(*) FILTER (event = 'Email Sent') AS sent,
    count(*) FILTER (event = 'Email Opened' AND properties->>'$.machine' = 'false') AS opened
  FROM known WHERE at_us > $as_of_us - 30 * 86400000000 AND properties->>'$.category' = 'newsletter' GROUP BY who
)
SELECT 'daily_readers' AS segment, who FROM reads
WHERE at_us > $as_of_us - 7 * 86400000000 GROUP BY who HAVING count(DISTINCT edition) >= 4
UNION ALL
SELECT 'deep_readers', who FROM lately GROUP BY who
HAVING count(*) >= 4 AND 0.33 * count(*) <= (
  SELECT count(*) FROM known
  WHERE known.who = lately.who AND event = 'Article Completed' AND at_us > $as_of_us - 30 * 86400000000)
UNION ALL
SELECT 'lost_readers', who FROM reads
GROUP BY who HAVING count(DISTINCT edition) >= 3 AND max(at_us) <= $as_of_us - 30 * 86400000000
UNION ALL
SELECT 'politics_fans', who FROM topics
WHERE topic = 'politics' AND place <= 2
  AND (SELECT count(*) FROM reads WHERE reads.who = topics.who AND at_us > $as_of_us - 60 * 86400000000) >= 5
UNION ALL
SELECT 'broad_readers', who FROM lately GROUP BY who HAVING count(DISTINCT topic) >= 4
UNION ALL
SELECT DISTINCT 'registered_not_subscribed', who FROM known
WHERE event = 'Signed Up' AND who NOT IN (SELECT who FROM started)
UNION ALL
SELECT 'paywall_hitters', who FROM known
WHERE event = 'Paywall Shown' AND at_us > $as_of_us - 30 * 86400000000 AND who NOT IN (SELECT who FROM subscribers)
GROUP BY who HAVING count(*) >= 3
UNION ALL
SELECT 'subscribers', who FROM subscribers
UNION ALL
SELECT 'quiet_subscribers', who FROM subscribers
WHERE who NOT IN (SELECT who FROM reads WHERE at_us > $as_of_us - 14 * 86400000000)
UNION ALL
SELECT DISTINCT 'lapsed_subscribers', who FROM ended
WHERE at_us > $as_of_us - 365 * 86400000000 AND who NOT IN (SELECT who FROM subscribers)
UNION ALL
SELECT 'newsletter_readers', who FROM mails WHERE opened >= 2 AND who IN (SELECT who FROM asked)
UNION ALL
SELECT 'newsletter_sleepers', who FROM mails WHERE sent >= 3 AND opened = 0 AND who IN (SELECT who FROM asked)
