-- Each ticket before this batch and after it.
SELECT
  now.ticket_id, now.dataset, now.rule, now.field, now.department, now.dimension, now.unit_code,
  now.state, before.state AS state_before,
  before.ticket_id IS NULL AS is_new,
  coalesce(before.state NOT IN ('closed', 'gone'), false) AS was_unfinished,
  now.state NOT IN ('closed', 'gone') AS is_unfinished,
  now.state NOT IN ('closed', 'gone', 'excepted') AS is_open
FROM ticket AS now LEFT JOIN ticket_before AS before ON before.ticket_id = now.ticket_id
