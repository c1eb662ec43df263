-- Confirmed corrections that are in force: the department still delivers the old value, and the new one held.
-- A field that several rules had found has several tickets; its newest answer is the correction.
SELECT
  ticket.department AS unit_code,
  ticket.record_key,
  coalesce(dataset.title, ticket.dataset) AS dataset_title,
  coalesce(field.title, ticket.field) AS field_title,
  coalesce(before.label, correction.delivered) AS delivered,
  coalesce(after.label, ticket.reply_value) AS value,
  ticket.ticket_id,
  township.label AS township,
  ticket.reply_note AS note
FROM ticket
JOIN correction_in_force AS correction
  ON correction.dataset = ticket.dataset
  AND correction.record_key = ticket.record_key
  AND correction.field = ticket.field
LEFT JOIN catalog_field AS field ON field.dataset = ticket.dataset AND field.field = ticket.field
LEFT JOIN catalog_dataset AS dataset ON dataset.dataset = ticket.dataset
LEFT JOIN codes.division AS township ON township.code = ticket.unit_code
LEFT JOIN code_label AS before ON before.code_table = field.code_table AND before.code = correction.delivered
LEFT JOIN code_label AS after
  ON after.code_table = field.code_table AND after.code = ticket.reply_value
WHERE ticket.state = 'closed' AND ticket.reply_value IS NOT NULL
QUALIFY row_number() OVER (
  PARTITION BY ticket.dataset, ticket.record_key, ticket.field
  ORDER BY ticket.reply_no DESC, ticket.ticket_id
) = 1
ORDER BY ticket.department, dataset_title, ticket.record_key, ticket.field
