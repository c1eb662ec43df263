-- For each column of a sample: in how many rows the value converts to each type. Equal values are converted once.
-- Long numbers and numbers with leading zeros count as identifiers, even if they convert.
SELECT
  name,
  sum(if(value IS NULL, 0, rows)) AS filled,
  count(DISTINCT value) AS distinct_values,
  sum(if(regexp_matches(value, '^0[0-9]|^[0-9]{12}'), rows, 0)) AS identifiers,
  sum(if(parse_integer(value) IS NULL, 0, rows)) AS integers,
  sum(if(parse_number(value) IS NULL, 0, rows)) AS numbers,
  sum(if(parse_date(value) BETWEEN DATE '1900-01-01' AND DATE '2100-12-31', rows, 0)) AS dates,
  sum(if(regexp_matches(value, '^[0-9]{5}([.][0-9]+)?$'), rows, 0)) AS day_numbers,
  sum(if(contains(value, ':'), rows, 0)) AS with_time,
  sum(if(try_cast(value AS TIMESTAMP) IS NULL, 0, rows)) AS timestamps,
  sum(if(parse_boolean(delivered) IS NULL, 0, rows)) AS booleans,
  coalesce(min(if(regexp_matches(value, '^[0-9]+$'), length(value), 0)), 0) AS narrowest,
  coalesce(max(length(value)), 0) AS widest
FROM (
  SELECT name, delivered, clean_text(delivered) AS value, count(*) AS rows
  FROM (UNPIVOT sample_rows ON COLUMNS(* EXCLUDE (_row)) INTO NAME name VALUE delivered)
  GROUP BY ALL
)
GROUP BY name
