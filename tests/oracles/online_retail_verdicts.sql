-- What must become of each line of the UCI Online Retail file. Independent of Tidings: written from the file alone.
-- Reads the table `lines`: line (1 = first line after the header) and the eight columns as text, NULL where empty.
-- The first reason that holds is the reason. Lines that are equal in all eight columns are one event: the first
-- is applied, the others are duplicates; refused lines are each refused, however often they are repeated.
CREATE VIEW verdicts AS
WITH judged AS (
  SELECT
    *,
    starts_with(InvoiceNo, 'C') AS cancelled,
    CAST(Quantity AS BIGINT) AS pieces,
    CAST(CAST(UnitPrice AS DECIMAL(18, 6)) * 1000000 AS BIGINT) AS price_micro,
    epoch_us(CAST(InvoiceDate AS TIMESTAMP)) AS at_us,
    row_number() OVER (
      PARTITION BY InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country
      ORDER BY line
    ) AS telling
  FROM lines
)
SELECT
  line, InvoiceNo AS invoice, StockCode AS product, CustomerID AS customer, cancelled, pieces, at_us,
  pieces * price_micro AS revenue_micro,
  CASE
    WHEN CustomerID IS NULL THEN 'missing_customer'
    WHEN NOT regexp_full_match(InvoiceNo, 'C?\d{6}') THEN 'not_a_sale'
    WHEN NOT (regexp_full_match(StockCode, '\d{5}[A-Za-z]{0,3}') OR regexp_full_match(StockCode, '(DCGS|SP)[0-9A-Z]{1,12}'))
      THEN 'not_a_product'
    WHEN price_micro <= 0 THEN 'price_not_positive'
    WHEN cancelled AND pieces >= 0 OR NOT cancelled AND pieces <= 0 THEN 'quantity_has_wrong_sign'
    WHEN telling > 1 THEN 'duplicate'
    ELSE 'applied'
  END AS verdict
FROM judged
