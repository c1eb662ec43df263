-- The residents of every township, with the inputs of the measures in population.yaml: age and head of household.
SELECT
  person.township_code AS unit_code,
  person.*,
  age_at(person.birth_date, $batch) AS age,
  household.head_id
FROM person
LEFT JOIN household ON household.household_no = person.household_no
WHERE person.township_code IS NOT NULL
