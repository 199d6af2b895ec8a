-- RetailRocket as acts of a shop's people, for shop_segments.sql: every fourth visitor. It has no prices, so nobody is worth
-- anything and nothing is cheap. It has no categories either: the item's number modulo four stands for one.
CREATE OR REPLACE TABLE acts AS
SELECT
  visitorid AS who, "timestamp" * 1000000 AS at_us, visitorid || '-' || "timestamp" AS order_id,
  CASE WHEN event = 'view' THEN CAST(CAST(itemid AS INTEGER) % 4 AS VARCHAR) END AS category, 0 AS revenue_micro,
  CASE event WHEN 'view' THEN 'Product Viewed' WHEN 'addtocart' THEN 'Product Added' ELSE 'Order Completed' END AS event,
  false AS discounted
FROM (SELECT DISTINCT "timestamp", visitorid, event, itemid FROM events)
WHERE CAST(visitorid AS INTEGER) % 4 = 1
