-- One row per ticket that a township is to answer, codes shown by their labels.
SELECT
  ticket.unit_code,
  ticket.ticket_id,
  ticket.label AS subject,
  coalesce(field.title, ticket.field) AS field_title,
  coalesce(now.label, ticket.observed) AS observed,
  coalesce(proposed.label, ticket.suggestion) AS suggestion,
  nullif(concat_ws('；', ticket.evidence, '交付文件中填的是“' || placeholder.delivered || '”'), '') AS evidence,
  CAST(NULL AS VARCHAR) AS verdict,
  CAST(NULL AS VARCHAR) AS value,
  CAST(NULL AS VARCHAR) AS note,
  rule.description AS problem,
  concat(dataset.department_title, '《', dataset.title, '》') AS source,
  village.label AS village,
  state.title AS state,
  ticket.due_date,
  ticket.record_key,
  ticket.dataset,
  ticket.field
FROM ticket
JOIN state ON state.state = ticket.state AND state.to_answer
LEFT JOIN catalog_field AS field ON field.dataset = ticket.dataset AND field.field = ticket.field
LEFT JOIN catalog_dataset AS dataset ON dataset.dataset = ticket.dataset
LEFT JOIN catalog_rule AS rule
  ON rule.dataset = ticket.dataset AND rule.rule = ticket.rule AND rule.field = ticket.field
LEFT JOIN placeholder ON placeholder.ticket_id = ticket.ticket_id
LEFT JOIN codes.division AS village ON village.code = ticket.village_code
LEFT JOIN code_label AS now ON now.code_table = field.code_table AND now.code = ticket.observed
LEFT JOIN code_label AS proposed
  ON proposed.code_table = field.code_table AND proposed.code = ticket.suggestion
WHERE ticket.unit_code IS NOT NULL
ORDER BY ticket.unit_code, ticket.village_code NULLS LAST, ticket.label, ticket.ticket_id
