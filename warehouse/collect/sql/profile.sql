-- What the values of each column of a sample convert to and look like: counts of rows.
-- Long numbers and those with leading zeros are identifiers, though they would convert.
SELECT
  name,
  count(value) AS filled,
  count(DISTINCT value) AS distinct_values,
  count(*) FILTER (regexp_matches(value, '^0[0-9]|^[0-9]{13}')) AS identifiers,
  count(parse_integer(value)) AS integers,
  count(parse_number(value)) AS numbers,
  count(*) FILTER (parse_date(value) BETWEEN DATE '1900-01-01' AND DATE '2100-12-31') AS dates,
  count(*) FILTER (regexp_matches(value, '^[0-9]{5}([.][0-9]+)?$')) AS day_numbers,
  count(*) FILTER (contains(value, ':')) AS with_time,
  count(try_cast(value AS TIMESTAMP)) AS timestamps,
  count(parse_boolean(delivered)) AS booleans,
  count(*) FILTER (is_resident_id(normalise_resident_id(value))) AS resident_id,
  count(*) FILTER (is_uscc(normalise_code(value))) AS uscc,
  count(division.code) AS division_code,
  count(*) FILTER (is_phone(normalise_phone(value))) AS phone,
  count(*) FILTER (is_person_name(normalise_person_name(value)) AND length(value) <= 15) AS person_name
FROM (
  SELECT name, delivered, clean_text(delivered) AS value
  FROM (UNPIVOT sample_rows ON COLUMNS(* EXCLUDE (_row)) INTO NAME name VALUE delivered)
)
LEFT JOIN codes.division AS division ON division.code = value AND division.valid_to IS NULL
GROUP BY name
