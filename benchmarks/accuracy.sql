-- Findings and tickets of the first turn held against the planted errors, and the governance tables of the second
-- against the city as it is. Tables: finding, ticket, person, enterprise as published; true_errors, true_unusual,
-- true_person, true_enterprise.

-- A place is a cell of a delivered file. Copies of a row are errors of the row below.
CREATE VIEW planted AS
SELECT DISTINCT dataset, part, row::BIGINT AS row_number, record_key, field, kind, cause, side,
  knowable = '1' AS knowable, why, nullif("right", '') AS "right"
FROM true_errors;

CREATE VIEW struck_row AS
SELECT DISTINCT dataset, part, row_number, record_key, cause FROM planted;

CREATE VIEW first_finding AS
SELECT row_number() OVER () AS number, * FROM finding WHERE batch = {batch};

-- A finding hits an error if it lies on its cell; of a row too many, also on the row that it repeats.
CREATE VIEW hit AS
SELECT planted.*, first_finding.number, rule, suggestion
FROM planted JOIN first_finding
  ON first_finding.dataset = planted.dataset AND first_finding.field = planted.field
  AND (
    (first_finding.row_number = planted.row_number
      AND (coalesce(planted.part, '') = '' OR contains(sheet, planted.part)
        -- The files of an archive have no sheets: their rows are known by their keys.
        OR (sheet IS NULL AND first_finding.record_key IS NOT DISTINCT FROM planted.record_key)))
    OR (planted."right" IS NULL AND first_finding.record_key = planted.record_key)
  );

-- The errors: a row that one slip spoiled. Of two cells that went wrong together one is enough.
CREATE VIEW judged AS
SELECT planted.dataset, planted.part, planted.row_number, planted.kind, planted.cause,
  min(planted.field) AS field, bool_and(planted.knowable) AS knowable, any_value(planted.why) AS why,
  bool_or(planted."right" IS NOT NULL) AS kept, bool_or(hit.number IS NOT NULL) AS found,
  bool_or(hit.suggestion IS NOT NULL) AS suggested, bool_or(hit.suggestion = planted."right") AS suggested_right
FROM planted LEFT JOIN hit
  ON hit.dataset = planted.dataset AND hit.part IS NOT DISTINCT FROM planted.part
  AND hit.row_number = planted.row_number AND hit.field = planted.field AND hit.kind = planted.kind
GROUP BY ALL;

CREATE VIEW kind AS
SELECT dataset, kind, field, count(*) AS planted, count(*) FILTER (knowable) AS knowable,
  count(*) FILTER (found) AS found, round(count(*) FILTER (found) / count(*), 4) AS recall,
  count(*) FILTER (suggested) AS suggested, count(*) FILTER (suggested_right) AS suggested_right,
  count(*) FILTER (suggested AND suggested_right IS NOT true) AS suggested_wrong,
  min(why) FILTER (NOT knowable) AS unknowable
FROM judged GROUP BY ALL;

-- Tickets that came with the first turn: on a row in error, or on a right one.
CREATE VIEW placed AS
SELECT ticket.*, struck.cause, struck.cause IS NOT NULL AS on_error
FROM ticket LEFT JOIN (
  SELECT dataset, record_key, min(cause) AS cause FROM struck_row GROUP BY ALL
) AS struck ON struck.dataset = ticket.dataset AND struck.record_key IS NOT DISTINCT FROM ticket.record_key
WHERE ticket.first_batch = {batch};

CREATE VIEW stray AS
SELECT placed.dataset, rule, field, severity, count(*) AS tickets,
  count(*) FILTER (EXISTS (FROM true_unusual AS odd
    WHERE odd.dataset = placed.dataset AND odd.record_key = placed.record_key)) AS unusual
FROM placed WHERE NOT on_error GROUP BY ALL;

CREATE VIEW unusual AS
SELECT kind, dataset, count(*) AS "rows", count(*) FILTER (accused IS NOT NULL) AS called_errors, min(accused) AS rules
FROM true_unusual LEFT JOIN (
  SELECT dataset, record_key, string_agg(DISTINCT rule, ', ' ORDER BY rule) AS accused
  FROM placed WHERE NOT on_error AND severity = 'error' GROUP BY ALL
) AS tickets USING (dataset, record_key)
WHERE NOT EXISTS (FROM struck_row WHERE struck_row.dataset = true_unusual.dataset
  AND struck_row.record_key = true_unusual.record_key)
GROUP BY ALL;

-- A slip has one ticket, or several on the rows that it spoiled.
CREATE VIEW slip AS
SELECT cause, count(*) AS tickets FROM placed WHERE on_error GROUP BY cause;

-- A dispute between sources names one side as wrong: the row in error, or a right one.
CREATE VIEW side AS
SELECT count(*) FILTER (on_error) AS on_planted, count(*) AS disputes FROM placed WHERE rule LIKE 'agreement%';

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

CREATE MACRO share(a, b) AS round(a / nullif(b, 0), 4)::DOUBLE;

CREATE VIEW summary AS
SELECT
  (SELECT count(DISTINCT (dataset, kind, field)) FROM kind)::BIGINT AS kinds,
  (SELECT count(*) FROM judged)::BIGINT AS errors,
  (SELECT share(count(*) FILTER (found), count(*)) FROM judged) AS recall,
  (SELECT share(count(*) FILTER (found), count(*)) FROM judged WHERE knowable) AS recall_knowable,
  (SELECT share(
    (SELECT count(DISTINCT number) FROM hit WHERE suggestion = "right"),
    (SELECT count(*) FROM first_finding WHERE suggestion IS NOT NULL))) AS suggestions_right,
  (SELECT share(count(*) FILTER (suggested), count(*)) FROM judged WHERE knowable AND kept) AS suggestions_given,
  (SELECT share(count(*) FILTER (NOT on_error), count(*)) FROM placed) AS tickets_on_right_rows,
  (SELECT share(sum(called_errors), sum("rows")) FROM unusual) AS unusual_called_errors,
  (SELECT share(count(*) FILTER (tickets = 1), count(*)) FROM slip) AS one_ticket_per_cause,
  (SELECT share(on_planted, disputes) FROM side) AS side_right;
