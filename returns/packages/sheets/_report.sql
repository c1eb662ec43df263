-- The figures of a report by village, with the township's total first. Rows without a village have a line of their own,
-- so that the lines of a township always add up to its total.
WITH base AS (
{base}
)
SELECT
  base.unit_code,
  CASE WHEN GROUPING(base.village_code) = 1 THEN '合计' ELSE base.village_code END AS village_code,
  CASE WHEN GROUPING(base.village_code) = 1 THEN '全镇街' ELSE coalesce(min(place.label), '未落到村居') END
    AS village,
  {measures}
FROM base
LEFT JOIN (SELECT code AS place_code, label FROM codes.division) AS place ON place.place_code = base.village_code
GROUP BY GROUPING SETS ((base.unit_code, base.village_code), (base.unit_code))
ORDER BY base.unit_code, GROUPING(base.village_code) DESC, base.village_code NULLS LAST
