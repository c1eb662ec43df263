-- Residents by village, with the township's total first; a resident without a village stands in a row of its own.
WITH resident AS (
  SELECT *, age_at(birth_date, $batch) AS age FROM person WHERE township_code IS NOT NULL
)
SELECT
  township_code AS unit_code,
  CASE WHEN GROUPING(village_code) = 1 THEN '合计' ELSE village_code END AS village_code,
  CASE WHEN GROUPING(village_code) = 1 THEN '全镇街' ELSE coalesce(min(village.label), '未落到村居') END
    AS village,
  count(DISTINCT household_no) AS households,
  count(*) AS persons,
  count(*) FILTER (WHERE sex = '1') AS male,
  count(*) FILTER (WHERE sex = '2') AS female,
  count(*) FILTER (WHERE age BETWEEN 0 AND 17) AS minors,
  count(*) FILTER (WHERE age BETWEEN 18 AND 59) AS adults,
  count(*) FILTER (WHERE age >= 60) AS elderly,
  count(*) FILTER (WHERE age >= 80) AS aged_80,
  count(*) FILTER (WHERE age IS NULL OR age < 0) AS age_unknown
FROM resident
LEFT JOIN codes.division AS village ON village.code = resident.village_code
GROUP BY GROUPING SETS ((township_code, village_code), (township_code))
ORDER BY unit_code, GROUPING(village_code) DESC, village_code NULLS LAST
