-- Steps of standard.sql, where there are corrections: their values go the way of cells, then each row lies beside its own.
correction_text AS (
  -- One row per record: for each field what a correction replaces, and its value as text.
  SELECT record_key,
    {texts}
  FROM corrections GROUP BY record_key
), correction_cleaned AS (
  SELECT record_key,
    {cleaned}
  FROM correction_text
), correction AS (
  SELECT record_key,
    {coded}
  FROM correction_cleaned
), compared AS (
  SELECT present.*,
    {compared}
  FROM present LEFT JOIN correction ON correction.record_key = present.record_key
),
