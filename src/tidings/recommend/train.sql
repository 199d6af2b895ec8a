-- Bought-together from the view `events` (see lake/query.py), step by step. $-parameters are bound by train.py.

-- name: lines
-- One row per item in a basket. A basket is an order: `Order Completed` lists its products or names one,
-- `Product Purchased` is one line of it. Lines of one order meet by order_id, whichever event tells of them.
CREATE TABLE lines AS
WITH told AS (
  SELECT COALESCE(NULLIF(properties ->> '$.order_id', ''), event_id) AS basket, occurred_at,
    CASE WHEN json_type(properties, '$.products') = 'ARRAY'
      THEN json_extract(properties, '$.products[*]') ELSE [properties::JSON] END AS products
  FROM events WHERE name IN ('Order Completed', 'Product Purchased')),
flat AS (SELECT basket, occurred_at, unnest(products) ->> '$.product_id' AS item FROM told)
SELECT basket, item, MIN(occurred_at) AS occurred_at FROM flat
WHERE length(item) BETWEEN 1 AND $item_chars AND length(basket) <= $item_chars GROUP BY basket, item;

-- name: baskets
-- The newest baskets of at most $basket_items items: larger ones are wholesale or a mistake and join everything.
CREATE TABLE baskets AS
SELECT basket, MIN(occurred_at) AS occurred_at FROM lines GROUP BY basket HAVING COUNT(*) <= $basket_items
ORDER BY occurred_at DESC, basket LIMIT $max_baskets;

-- name: bought
-- Integer codes for baskets and items: the join below is the whole cost.
CREATE TABLE bought AS
SELECT baskets.rowid AS basket, dense_rank() OVER (ORDER BY item) AS code, item, baskets.occurred_at
FROM lines JOIN baskets USING (basket);

-- name: sold
-- In how many baskets each item was, ever and in the days before the newest basket.
CREATE TABLE sold AS
SELECT code, ANY_VALUE(item) AS item, COUNT(*) AS orders,
  COUNT(*) FILTER (occurred_at > newest - to_days($recent_days)) AS recent
FROM bought, (SELECT MAX(occurred_at) AS newest FROM baskets) GROUP BY code;

-- name: together
CREATE TABLE together AS
SELECT one.code AS code, other.code AS other, COUNT(*) AS baskets
FROM bought AS one JOIN bought AS other ON one.basket = other.basket AND one.code < other.code
GROUP BY one.code, other.code HAVING COUNT(*) >= $support;

-- name: scored
-- Cosine of the two items' basket vectors, damped while few baskets speak for it: see docs/explanation/recommendations.md.
CREATE TABLE scored AS
WITH both_ways AS (SELECT code, other, baskets FROM together UNION ALL SELECT other, code, baskets FROM together),
rated AS (
  SELECT both_ways.code, mine.item AS item, theirs.item AS other, baskets,
    baskets / sqrt(mine.orders * theirs.orders) * baskets / (baskets + $damping) AS score
  FROM both_ways JOIN sold AS mine ON mine.code = both_ways.code JOIN sold AS theirs ON theirs.code = both_ways.other)
SELECT item, other, baskets, score, row_number() OVER (PARTITION BY item ORDER BY score DESC, other) AS rank
FROM rated QUALIFY rank <= $neighbours;

-- name: facts
-- What is known of each item: the latest word of any event that names it.
CREATE TABLE facts AS
WITH told AS (
  SELECT (occurred_at, "offset") AS told_at,
    CASE WHEN json_type(properties, '$.products') = 'ARRAY'
      THEN json_extract(properties, '$.products[*]') ELSE [properties::JSON] END AS products
  FROM events WHERE name IN ('Product Viewed', 'Product Added', 'Product Purchased', 'Order Completed')),
flat AS (SELECT told_at, unnest(products) AS product FROM told),
named AS (
  SELECT told_at, product ->> '$.product_id' AS item, product ->> '$.name' AS name, product ->> '$.url' AS url,
    product ->> '$.image_url' AS image, TRY_CAST(product ->> '$.price' AS DOUBLE) AS price FROM flat)
SELECT item, arg_max(name, told_at) FILTER (name <> '') AS name, arg_max(url, told_at) FILTER (url <> '') AS url,
  arg_max(image, told_at) FILTER (image <> '') AS image,
  arg_max(price, told_at) FILTER (isfinite(price) AND price >= 0) AS price
FROM named WHERE item IN (SELECT item FROM sold) GROUP BY item;

-- name: items
SELECT sold.item, COALESCE(name, ''), COALESCE(price, 0), COALESCE(url, ''), COALESCE(image, ''), orders, recent
FROM sold LEFT JOIN facts USING (item) ORDER BY sold.item;

-- name: neighbours
SELECT item, rank, other, baskets, score FROM scored ORDER BY item, rank;

-- name: counts
SELECT (SELECT COUNT(*) FROM events), (SELECT COUNT(*) FROM baskets), (SELECT COUNT(*) FROM bought),
  (SELECT COUNT(*) FROM sold), (SELECT COUNT(*) FROM together);
