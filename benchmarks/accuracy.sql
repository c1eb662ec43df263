-- Compares the findings of the first turn with the planted errors, and the governance tables of the second turn with the
-- true city. Tables: finding, person, enterprise as published; true_errors, true_person, true_enterprise.

-- A place is a cell of a delivered file. For a copied row, the error is planted and found on the lower row.
CREATE VIEW planted AS
SELECT DISTINCT dataset, row::BIGINT AS row_number, record_key, field, kind, nullif("right", '') AS "right",
  derivable = '1' AND nullif("right", '') IS NOT NULL AS derivable
FROM true_errors;

CREATE VIEW hit AS
SELECT planted.*, finding.rule, finding.suggestion
FROM planted JOIN finding
  ON finding.batch = {batch} AND finding.dataset = planted.dataset AND finding.row_number = planted.row_number
  AND finding.field = planted.field AND finding.record_key IS NOT DISTINCT FROM planted.record_key;

CREATE VIEW off AS
SELECT finding.* FROM finding
WHERE finding.batch = {batch} AND NOT EXISTS (
  FROM planted WHERE planted.dataset = finding.dataset AND planted.row_number = finding.row_number
    AND planted.field = finding.field AND planted.record_key IS NOT DISTINCT FROM finding.record_key);

-- A rule belongs to the kinds whose errors it finds; its other findings count against each of these kinds.
CREATE VIEW beside AS
SELECT served.dataset, served.kind, served.field, count(off.finding_id) AS beside
FROM (SELECT DISTINCT dataset, kind, field, rule FROM hit) AS served
LEFT JOIN off ON off.dataset = served.dataset AND off.rule = served.rule AND off.field = served.field
GROUP BY ALL;

CREATE VIEW kind AS
WITH place AS (
  SELECT planted.dataset, planted.kind, planted.field, planted.row_number, planted.record_key, planted.derivable,
    planted."right", count(hit.rule) > 0 AS found,
    bool_or(hit.suggestion IS NOT NULL) AS suggested, bool_or(hit.suggestion = planted."right") AS suggested_right
  FROM planted LEFT JOIN hit USING (dataset, row_number, field, record_key, kind)
  GROUP BY ALL
), counted AS (
  SELECT dataset, kind, field, count(*) AS planted, count(*) FILTER (found) AS found,
    count(*) FILTER (derivable) AS derivable, count(*) FILTER (derivable AND suggested) AS suggested,
    -- A suggestion is also wrong where no suggestion should have been possible.
    count(*) FILTER (suggested AND "right" IS NOT NULL) AS judged,
    count(*) FILTER (suggested_right) AS suggested_right
  FROM place GROUP BY ALL
)
SELECT *, round(found / planted, 4) AS recall, round(found / (found + beside), 4) AS precision
FROM (SELECT counted.*, coalesce(beside.beside, 0) AS beside
      FROM counted LEFT JOIN beside USING (dataset, kind, field));

-- Rules that found no planted error.
CREATE VIEW stray AS
SELECT dataset, rule, field, severity, count(*) AS findings FROM off
WHERE (dataset, rule, field) NOT IN (SELECT (dataset, rule, field) FROM hit)
GROUP BY ALL;

-- The comparison of sources names one side as wrong: the planted side, or the other side.
CREATE VIEW side AS
SELECT count(*) FILTER (planted) AS on_planted, count(*) AS disputes
FROM (
  SELECT true AS planted FROM hit WHERE rule LIKE 'agreement%'
  UNION ALL
  SELECT false FROM off WHERE rule LIKE 'agreement%'
);

CREATE MACRO same(a, b) AS coalesce(a::VARCHAR, '') = coalesce(b, '');

CREATE VIEW file AS
WITH people AS (
  FROM true_person WHERE household_no IS NOT NULL
), known AS (
  SELECT person.*, people AS truth FROM person JOIN people ON people.resident_id = person.resident_id
), firms AS (
  SELECT enterprise.*, true_enterprise AS truth FROM enterprise JOIN true_enterprise USING (uscc)
), share AS (
  SELECT 'person' AS entity, 'complete' AS attribute, (SELECT count(*) FROM people) AS entities,
    (SELECT count(DISTINCT resident_id) FROM known) / (SELECT count(*) FROM people) AS "right"
  UNION ALL SELECT 'person', 'without duplicates', count(*), count(DISTINCT resident_id) / count(*) FROM person
  UNION ALL SELECT 'enterprise', 'complete', (SELECT count(*) FROM true_enterprise),
    (SELECT count(DISTINCT uscc) FROM firms) / (SELECT count(*) FROM true_enterprise)
  UNION ALL SELECT 'enterprise', 'without duplicates', count(*), count(DISTINCT uscc) / count(*) FROM enterprise
  UNION ALL
  SELECT 'person', attribute, count(*), count(*) FILTER (agrees) / count(*) FROM (
    UNPIVOT (
      SELECT same(name, truth.name) AS name, same(sex, truth.sex) AS sex,
        same(birth_date, truth.birth_date) AS birth_date, same(ethnic_group, truth.ethnic_group) AS ethnic_group,
        same(household_no, truth.household_no) AS household_no, same(relation, truth.relation) AS relation,
        same(marital_status, truth.marital_status) AS marital_status,
        same(village_code, truth.village_code) AS village_code, same(phone, truth.phone) AS phone
      FROM known
    ) ON * INTO NAME attribute VALUE agrees
  ) GROUP BY attribute
  UNION ALL
  SELECT 'enterprise', attribute, count(*), count(*) FILTER (agrees) / count(*) FROM (
    UNPIVOT (
      SELECT same(name, truth.name) AS name, same(enterprise_type, truth.enterprise_type) AS enterprise_type,
        same(legal_representative_id, truth.legal_representative_id) AS legal_representative_id,
        same(established_on, truth.established_on) AS established_on, same(status, truth.status) AS status,
        same(village_code, truth.village_code) AS village_code, same(phone, truth.phone) AS phone
      FROM firms
    ) ON * INTO NAME attribute VALUE agrees
  ) GROUP BY attribute
)
SELECT entity, attribute, entities, round("right", 5) AS "right" FROM share;

CREATE VIEW summary AS
SELECT count(DISTINCT (dataset, kind))::BIGINT AS kinds, min(recall) AS min_recall, min(precision) AS min_precision,
  round(sum(suggested_right) / nullif(sum(judged), 0), 4)::DOUBLE AS suggestion_accuracy,
  round(sum(suggested) / nullif(sum(derivable), 0), 4)::DOUBLE AS suggestion_coverage,
  (SELECT round(on_planted / nullif(disputes, 0), 4) FROM side) AS side_accuracy
FROM kind;
