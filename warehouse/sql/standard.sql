-- The deliveries that count, brought to their standard, every row of them. The steps have names so that a cell is cleaned once and what
-- was cleaned is read by the next step: DuckDB computes an expression that stands twice in a CASE twice.
WITH cleaned AS (
  SELECT _row, _line, _sheet, _extract_id, _delivery,
    {cleaned}
  FROM {source}
), coded AS (
  SELECT _row, _line, _sheet, _extract_id, _delivery,
    {coded}
  FROM cleaned
), keyed AS (
  SELECT {record_key} AS record_key, * FROM coded
), present AS (
  {present}
), corrected AS (
  SELECT record_key, _row, _line, _sheet, _extract_id, {corrected} AS _corrected,
    {laid_over}
  FROM present
  {corrections}
)
SELECT *{derived} FROM corrected
