-- All rows of the deliveries in force, standardised. The steps are named, so that a cell or a corrected value is cleaned
-- once and the next step reads the result: DuckDB computes an expression twice if it appears twice in a CASE.
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
