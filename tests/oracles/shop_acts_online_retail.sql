-- Online Retail as acts of a shop's people, for shop_segments.sql: every sixteenth customer, applied lines only.
-- The file has no categories and no discounts. Category: the first two digits of the stock code. Discount: the piece cost less
-- than the product's highest price among these lines (larger quantities do).
CREATE OR REPLACE TABLE acts AS
WITH sampled AS (
  SELECT *, revenue_micro // pieces AS price_micro FROM verdicts
  WHERE verdict = 'applied' AND CAST(customer AS INTEGER) % 16 = 3
),
highest AS (SELECT product, max(price_micro) AS price_micro FROM sampled WHERE NOT cancelled GROUP BY product)
SELECT
  customer AS who, at_us, invoice AS order_id, substr(product, 1, 2) AS category, revenue_micro,
  CASE WHEN cancelled THEN 'Product Returned' ELSE 'Product Purchased' END AS event,
  NOT cancelled AND sampled.price_micro < highest.price_micro AS discounted
FROM sampled LEFT JOIN highest USING (product)
