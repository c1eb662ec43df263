-- For each column of a sample: how many of its first values belong to each semantic kind.
SELECT name, {kinds}, count(value) AS filled
FROM (
  SELECT name, value{normalised}
  FROM (
    SELECT name, clean_text(delivered) AS value
    FROM (
      UNPIVOT (SELECT * FROM sample_rows ORDER BY _row LIMIT {rows})
      ON COLUMNS(* EXCLUDE (_row)) INTO NAME name VALUE delivered
    )
  )
)
{tables}
GROUP BY name
