-- Every county of the city with its residents and open tickets.
WITH resident AS (
  SELECT left(township_code, 6) AS code, count(*) AS residents FROM person
  WHERE township_code IS NOT NULL GROUP BY 1
), answered AS (
  SELECT left(unit_code, 6) AS code, count(*) FILTER (WHERE is_open) AS open
  FROM lived WHERE unit_code IS NOT NULL GROUP BY 1
)
SELECT code, coalesce(county.label, code) AS title,
  coalesce(residents, 0) AS residents, coalesce(open, 0) AS open,
  CASE WHEN residents > 0 THEN 1000.0 * coalesce(open, 0) / residents END AS rate
FROM resident FULL JOIN answered USING (code)
FULL JOIN (SELECT code FROM tile) AS tile USING (code)
LEFT JOIN (SELECT code, label FROM codes.division) AS county USING (code)
ORDER BY code
