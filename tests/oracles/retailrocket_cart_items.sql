-- What lay in each abandoned cart (see retailrocket_carts.sql for when a cart is abandoned) at that instant: the items
-- added since the visitor's last transaction, which clears the whole cart; by (timestamp, line), the earliest first.
-- `added_us` is when the item was last added (in this file a visitor adds an item once).
WITH acts AS (
  SELECT
    visitorid, "timestamp" AS at_s, event, itemid,
    lead("timestamp") OVER visitor AS next_s,
    row_number() OVER visitor AS n,
    count(*) FILTER (event = 'transaction') OVER visitor AS transactions
  FROM events
  WHERE event IN ('addtocart', 'transaction')
  WINDOW visitor AS (PARTITION BY visitorid ORDER BY "timestamp", line ROWS UNBOUNDED PRECEDING)
),
abandoned AS (
  SELECT visitorid, n, transactions, at_s + $wait_s AS abandoned_s
  FROM acts
  WHERE event = 'addtocart' AND (next_s IS NULL OR next_s >= at_s + $wait_s)
    AND ($until_s IS NULL OR at_s + $wait_s <= $until_s)
)
SELECT
  cart.visitorid AS visitor, cart.abandoned_s * 1000000 AS abandoned_us,
  item.itemid AS item, max(item.at_s) * 1000000 AS added_us
FROM abandoned AS cart
JOIN acts AS item
  ON item.visitorid = cart.visitorid AND item.event = 'addtocart'
  AND item.transactions = cart.transactions AND item.n <= cart.n
GROUP BY cart.visitorid, cart.abandoned_s, item.itemid
ORDER BY cart.visitorid, cart.abandoned_s, min(item.n)
