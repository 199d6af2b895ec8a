-- Abandoned carts of RetailRocket's visitors, and which of them get a mail. Independent of Tidings.
-- Reads the table `events`: line (1 = first line after the header), visitorid, event, itemid, timestamp (unix s).
-- Order: by (timestamp, line). The file is sorted by time, but several events of a visitor share a second.
--
-- A run starts at an addtocart of a visitor without one. While it waits, a further addtocart begins the wait anew
-- from its own instant; a transaction ends the run without a mail. Timers due at t fire before an event at t, so what
-- happens exactly at last addtocart + wait is too late: a transaction then ends nothing, an addtocart then begins a new run.
-- Hence a cart is found abandoned at addtocart + wait exactly when the visitor's next addtocart or transaction
-- comes at that instant or later, or never. Views neither start, nor keep, nor end a run.
--
-- Mails: in the order of time, at most one a visitor in $cap_s; one at exactly $cap_s after the one before is allowed.
-- $until_s: only carts found abandoned at or before it (the replay's clock stops there); NULL for all.
WITH RECURSIVE acts AS (
  SELECT visitorid, "timestamp" AS at_s, event, lead("timestamp") OVER visitor AS next_s
  FROM events
  WHERE event IN ('addtocart', 'transaction')
  WINDOW visitor AS (PARTITION BY visitorid ORDER BY "timestamp", line)
),
abandoned AS (
  SELECT visitorid, at_s + $wait_s AS abandoned_s
  FROM acts
  WHERE event = 'addtocart' AND (next_s IS NULL OR next_s >= at_s + $wait_s)
    AND ($until_s IS NULL OR at_s + $wait_s <= $until_s)
),
mailed AS (
  SELECT visitorid, min(abandoned_s) AS mailed_s FROM abandoned GROUP BY visitorid
  UNION ALL
  SELECT a.visitorid, min(a.abandoned_s)
  FROM mailed AS m JOIN abandoned AS a ON a.visitorid = m.visitorid AND a.abandoned_s >= m.mailed_s + $cap_s
  GROUP BY a.visitorid
)
SELECT a.visitorid AS visitor, a.abandoned_s * 1000000 AS abandoned_us, m.mailed_s IS NOT NULL AS mailed
FROM abandoned AS a LEFT JOIN mailed AS m ON m.visitorid = a.visitorid AND m.mailed_s = a.abandoned_s
ORDER BY a.visitorid, a.abandoned_s
