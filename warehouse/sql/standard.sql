-- The deliveries that count, brought to their standard, every row of them. The steps have names so that a cell, or the
-- value of a correction, is cleaned once and what was cleaned is read by the next step: DuckDB plans and computes an
-- expression that stands twice in a CASE twice.
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
), {corrections}corrected AS (
  SELECT record_key, _row, _line, _sheet, _extract_id, {corrected} AS _corrected,
    {laid_over}
  FROM {compared}
)
SELECT *{derived} FROM corrected
