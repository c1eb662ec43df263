-- 家庭户：one row per household number of the persons; the head is the member who says so, else the eldest.
WITH ranked AS (
  SELECT *,
    row_number() OVER (
      PARTITION BY household_no
      ORDER BY relation IN ('01', '02') DESC NULLS LAST, birth_date NULLS LAST, resident_id
    ) AS place
  FROM {person}
  WHERE household_no IS NOT NULL
)
SELECT
  household_no,
  min(CASE WHEN place = 1 THEN resident_id END) AS head_id,
  min(CASE WHEN place = 1 THEN name END) AS head_name,
  count(*) AS members,
  min(CASE WHEN place = 1 THEN address END) AS address,
  min(CASE WHEN place = 1 THEN village_code END) AS village_code
FROM ranked
GROUP BY household_no
