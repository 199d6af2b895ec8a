-- What a rehearsal of the cart journey on RetailRocket's visitors must find, day by day. Independent of Tidings.
-- Reads the table `events` as retailrocket_carts.sql does, and means the same by a run, an abandoned cart and a mail.
-- Runs begin from $from_s on, whatever lay in the cart before, so acts before it play no part. The clock stops at $to_s: what
-- would be decided at that instant or later is not. Lines that are equal in all columns are one event.
-- A mail is followed when the visitor has a transaction in ($mailed, $mailed + $within_s]; transactions are looked at up to
-- $to_s + $within_s. A transaction follows when at least one of her mails was before it within that span.
WITH RECURSIVE told AS (
  SELECT visitorid, event, itemid, "timestamp" AS at_s, min(line) AS line
  FROM events WHERE event IN ('addtocart', 'transaction') GROUP BY ALL
),
acts AS (
  SELECT *, lead(at_s) OVER visitor AS next_s, lag(at_s) OVER visitor AS last_s, lag(event) OVER visitor AS last_event
  FROM told WHERE at_s >= $from_s AND at_s < $to_s
  WINDOW visitor AS (PARTITION BY visitorid ORDER BY at_s, line)
),
entered AS (
  SELECT visitorid, at_s FROM acts
  WHERE event = 'addtocart' AND (last_event IS NULL OR last_event = 'transaction' OR last_s + $wait_s <= at_s)
),
abandoned AS (
  SELECT visitorid, at_s + $wait_s AS abandoned_s FROM acts
  WHERE event = 'addtocart' AND (next_s IS NULL OR next_s >= at_s + $wait_s) AND at_s + $wait_s < $to_s
),
mailed AS (
  SELECT visitorid, min(abandoned_s) AS mailed_s FROM abandoned GROUP BY visitorid
  UNION ALL
  SELECT a.visitorid, min(a.abandoned_s)
  FROM mailed AS m JOIN abandoned AS a ON a.visitorid = m.visitorid AND a.abandoned_s >= m.mailed_s + $cap_s
  GROUP BY a.visitorid
),
bought AS (SELECT * FROM told WHERE event = 'transaction' AND at_s < $to_s + $within_s)
SELECT 'entries' AS what, strftime(make_timestamp(at_s * 1000000), '%Y-%m-%d') AS of, count(*) AS n FROM entered GROUP BY ALL
UNION ALL
SELECT 'messages', strftime(make_timestamp(mailed_s * 1000000), '%Y-%m-%d'), count(*) FROM mailed GROUP BY ALL
UNION ALL
SELECT 'refused', '', (SELECT count(*) FROM abandoned) - (SELECT count(*) FROM mailed)
UNION ALL
SELECT 'people', '', count(DISTINCT visitorid) FROM entered
UNION ALL
SELECT 'followed', '', count(*) FROM mailed AS m
WHERE EXISTS (FROM bought AS b WHERE b.visitorid = m.visitorid AND b.at_s > m.mailed_s AND b.at_s <= m.mailed_s + $within_s)
UNION ALL
SELECT 'purchases', '', count(*) FROM bought AS b
WHERE EXISTS (FROM mailed AS m WHERE b.visitorid = m.visitorid AND b.at_s > m.mailed_s AND b.at_s <= m.mailed_s + $within_s)
UNION ALL
SELECT 'peak', '', coalesce(max(n), 0) FROM (
  SELECT count(*) AS n FROM mailed AS m JOIN mailed AS e
    ON e.visitorid = m.visitorid AND e.mailed_s <= m.mailed_s AND e.mailed_s > m.mailed_s - 7 * 86400
  GROUP BY m.visitorid, m.mailed_s)
ORDER BY ALL
