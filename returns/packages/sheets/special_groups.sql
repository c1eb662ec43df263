-- The residents of every township who are neither dead nor cancelled, with the inputs of the groups in special_groups.yaml.
SELECT
  person.township_code AS unit_code,
  person.*,
  age_at(person.birth_date, $batch) AS age,
  household.members
FROM person
LEFT JOIN household ON household.household_no = person.household_no
WHERE person.township_code IS NOT NULL AND person.death_date IS NULL
  AND person.cancelled_on IS NULL
