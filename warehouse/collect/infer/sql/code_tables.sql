-- For each column of a sample, the code tables that know its values: in how many rows, and whether a value
-- matched a label rather than a bare code (bare codes such as 1 occur in many tables).
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
