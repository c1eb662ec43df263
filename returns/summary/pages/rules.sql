-- Findings by rule, the most frequent first, with how many there were in the batch before.
WITH found AS (
  SELECT dataset, rule, field, true AS now FROM finding
  UNION ALL SELECT dataset, rule, field, false FROM finding_before
)
SELECT
  coalesce(dataset.department_title, '') AS department, coalesce(dataset.title, found.dataset) AS dataset,
  coalesce(field.title, found.field) AS field, coalesce(min(rule.description), found.rule) AS problem,
  min(rule.dimension) AS dimension,
  count(*) FILTER (WHERE found.now) AS now, count(*) FILTER (WHERE NOT found.now) AS before
FROM found
LEFT JOIN catalog_dataset AS dataset ON dataset.dataset = found.dataset
LEFT JOIN catalog_field AS field ON field.dataset = found.dataset AND field.field = found.field
LEFT JOIN catalog_rule AS rule
  ON rule.dataset = found.dataset AND rule.rule = found.rule AND rule.field = found.field
GROUP BY found.dataset, found.rule, found.field, dataset.department_title, dataset.title, field.title
ORDER BY now DESC, before DESC, found.dataset, found.field, found.rule
