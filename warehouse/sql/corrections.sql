-- Steps of standard.sql if there are corrections: their values are converted like cells, then joined to their rows.
correction_text AS (
  -- One row per record: for each field the replaced value and the corrected value, as text.
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
