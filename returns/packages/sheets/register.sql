-- The residents of every township as the governance database knows them, codes shown by their labels.
SELECT
  person.township_code AS unit_code,
  person.resident_id,
  person.name,
  coalesce(sex.label, person.sex) AS sex,
  person.birth_date,
  age_at(person.birth_date, $batch) AS age,
  coalesce(ethnic_group.label, person.ethnic_group) AS ethnic_group,
  person.household_no,
  coalesce(relation.label, person.relation) AS relation,
  coalesce(marital_status.label, person.marital_status) AS marital_status,
  person.village_code,
  coalesce(village.label, '未落到村居') AS village,
  person.address,
  person.phone,
  concat(disability_type.label, disability_grade.label) AS disability,
  allowance_status.label AS allowance,
  elderly_allowance.label AS elderly_allowance,
  pension.label AS pension,
  insurance.label AS insurance,
  person.school,
  person.grid_code,
  person.death_date
FROM person
LEFT JOIN codes.sex ON sex.code = person.sex
LEFT JOIN codes.ethnic_group ON ethnic_group.code = person.ethnic_group
LEFT JOIN codes.relation ON relation.code = person.relation
LEFT JOIN codes.marital_status ON marital_status.code = person.marital_status
LEFT JOIN codes.division AS village ON village.code = person.village_code
LEFT JOIN codes.disability_type ON disability_type.code = person.disability_type
LEFT JOIN codes.disability_grade ON disability_grade.code = person.disability_grade
LEFT JOIN codes.allowance_status ON allowance_status.code = person.allowance_status
LEFT JOIN code_label AS elderly_allowance
  ON elderly_allowance.code_table = 'allowance_status' AND elderly_allowance.code = person.elderly_allowance_status
LEFT JOIN code_label AS pension
  ON pension.code_table = 'benefit_status' AND pension.code = person.pension_status
LEFT JOIN code_label AS insurance
  ON insurance.code_table = 'insurance_status' AND insurance.code = person.insurance_status
WHERE person.township_code IS NOT NULL
ORDER BY unit_code, person.village_code NULLS LAST, person.household_no, person.relation, person.resident_id
