-- Every township with residents or tickets: residents, open tickets for each thousand of them, what this batch closed.
WITH resident AS (
  SELECT township_code AS unit_code, count(*) AS residents FROM person
  WHERE township_code IS NOT NULL GROUP BY township_code
), answered AS (
  SELECT unit_code,
    count(*) FILTER (WHERE is_open) AS open,
    count(*) FILTER (WHERE was_unfinished AND state = 'closed') AS closed,
    count(*) FILTER (WHERE is_new AND is_unfinished) AS new
  FROM lived WHERE unit_code IS NOT NULL GROUP BY unit_code
)
SELECT
  unit_code, left(unit_code, 6) AS county_code,
  coalesce(township.label, unit_code) AS title, coalesce(county.label, left(unit_code, 6)) AS county,
  coalesce(residents, 0) AS residents, coalesce(open, 0) AS open, coalesce(new, 0) AS new,
  coalesce(closed, 0) AS closed,
  CASE WHEN residents > 0 THEN 1000.0 * coalesce(open, 0) / residents END AS rate
FROM resident FULL JOIN answered USING (unit_code)
LEFT JOIN codes.division AS township ON township.code = unit_code
LEFT JOIN codes.division AS county ON county.code = left(unit_code, 6)
ORDER BY open DESC, rate DESC NULLS LAST, unit_code
