-- The code tables that know the values of one column of a sample: share of the rows, and whether any value is
-- more than a bare code, which other tables have too.
SELECT
  spelling.code_table,
  sum(value.rows) / (SELECT count(clean_text({column})) FROM sample_rows) AS share,
  bool_or(spelling.spelling <> spelling.code) AS labelled
FROM (
  SELECT clean_text({column}) AS value, count(*) AS rows FROM sample_rows GROUP BY ALL
) AS value
JOIN code_spelling AS spelling ON spelling.spelling = value.value
GROUP BY spelling.code_table
ORDER BY spelling.code_table
