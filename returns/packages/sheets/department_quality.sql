-- A department's data rule by rule: what was unfinished before this batch, what came, reopened and was closed with it,
-- what is unfinished now. Before + new + reopened - closed - gone = now. The totals stand first.
WITH lived AS (
  SELECT
    now.department, now.dataset, now.rule, now.field,
    before.state IS NOT NULL AND before.state NOT IN ('closed', 'gone') AS was_open,
    now.state NOT IN ('closed', 'gone') AS is_open,
    now.state = 'gone' AS is_gone,
    before.ticket_id IS NULL AS is_new,
    now.state = 'excepted' AS is_excepted
  FROM ticket AS now LEFT JOIN ticket_before AS before ON before.ticket_id = now.ticket_id
), counted AS (
  SELECT
    department, dataset, rule, field,
    GROUPING(dataset) = 1 AS is_total,
    GROUPING(rule) = 1 AS is_dataset,
    count(*) FILTER (WHERE was_open) AS before,
    count(*) FILTER (WHERE is_new AND is_open) AS new,
    count(*) FILTER (WHERE NOT is_new AND NOT was_open AND is_open) AS reopened,
    count(*) FILTER (WHERE was_open AND NOT is_open AND NOT is_gone) AS closed,
    count(*) FILTER (WHERE was_open AND is_gone) AS gone,
    count(*) FILTER (WHERE is_open) AS now,
    count(*) FILTER (WHERE is_excepted) AS excepted
  FROM lived
  GROUP BY GROUPING SETS ((department, dataset, rule, field), (department, dataset), (department))
)
SELECT
  counted.department AS unit_code,
  CASE WHEN counted.is_total THEN '全部数据集' ELSE coalesce(dataset.title, counted.dataset) END AS dataset_title,
  CASE WHEN counted.is_dataset THEN '合计' ELSE coalesce(field.title, counted.field) END AS field_title,
  coalesce(rule.description, counted.rule) AS problem,
  counted.before, counted.new, counted.reopened, counted.closed, counted.gone, counted.now, counted.excepted
FROM counted
LEFT JOIN catalog_dataset AS dataset ON dataset.dataset = counted.dataset
LEFT JOIN catalog_field AS field ON field.dataset = counted.dataset AND field.field = counted.field
LEFT JOIN catalog_rule AS rule
  ON rule.dataset = counted.dataset AND rule.rule = counted.rule AND rule.field = counted.field
WHERE counted.before + counted.new + counted.reopened + counted.closed + counted.gone + counted.now > 0
ORDER BY unit_code, counted.is_total DESC, dataset_title, counted.dataset, counted.is_dataset DESC,
  counted.now DESC, counted.rule, counted.field
