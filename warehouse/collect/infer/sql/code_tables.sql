-- The code tables that know values of each column of a sample: for how many rows, and whether any of these
-- values is more than a bare code, which other tables have too.
SELECT
  name,
  spelling.code_table,
  sum(counted.rows) AS known,
  bool_or(spelling.spelling <> spelling.code) AS labelled
FROM (
  SELECT name, clean_text(delivered) AS value, count(*) AS rows
  FROM (UNPIVOT sample_rows ON COLUMNS(* EXCLUDE (_row)) INTO NAME name VALUE delivered)
  GROUP BY ALL
) AS counted
JOIN code_spelling AS spelling ON spelling.spelling = counted.value
GROUP BY name, spelling.code_table
ORDER BY name, spelling.code_table
