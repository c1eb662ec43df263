-- One row per unfinished ticket of a department's own data.
SELECT
  ticket.department AS unit_code,
  ticket.ticket_id,
  ticket.label AS subject,
  coalesce(dataset.title, ticket.dataset) AS dataset_title,
  finding.place.row_number AS row_number,
  ticket.record_key,
  coalesce(field.title, ticket.field) AS field_title,
  coalesce(now.label, ticket.observed) AS observed,
  coalesce(proposed.label, ticket.suggestion) AS suggestion,
  nullif(concat_ws('；', ticket.evidence, '交付文件中填的是“' || placeholder.delivered || '”'), '') AS evidence,
  rule.description AS problem,
  state.title AS state,
  ticket.reply,
  ticket.reply_note,
  township.label AS township,
  finding.place.sheet AS sheet,
  delivered_file.file
FROM ticket
JOIN state ON state.state = ticket.state
LEFT JOIN catalog_field AS field ON field.dataset = ticket.dataset AND field.field = ticket.field
LEFT JOIN catalog_dataset AS dataset ON dataset.dataset = ticket.dataset
LEFT JOIN catalog_rule AS rule
  ON rule.dataset = ticket.dataset AND rule.rule = ticket.rule AND rule.field = ticket.field
LEFT JOIN (
  SELECT ticket_id, arg_min({'row_number': row_number, 'sheet': sheet, 'extract_id': extract_id}, _row) AS place
  FROM finding GROUP BY ticket_id
) AS finding ON finding.ticket_id = ticket.ticket_id
LEFT JOIN delivered_file ON delivered_file.extract_id = finding.place.extract_id
LEFT JOIN placeholder ON placeholder.ticket_id = ticket.ticket_id
LEFT JOIN codes.division AS township ON township.code = ticket.unit_code
LEFT JOIN code_label AS now ON now.code_table = field.code_table AND now.code = ticket.observed
LEFT JOIN code_label AS proposed
  ON proposed.code_table = field.code_table AND proposed.code = ticket.suggestion
WHERE ticket.state NOT IN ('closed', 'gone')
ORDER BY ticket.department, dataset_title, file, sheet, row_number, ticket.ticket_id
