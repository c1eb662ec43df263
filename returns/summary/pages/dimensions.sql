-- Findings by dimension and severity, and how many there were in the batch before.
SELECT dimension,
  count(*) FILTER (WHERE now AND severity = 'error') AS errors,
  count(*) FILTER (WHERE now AND severity <> 'error') AS warnings,
  count(*) FILTER (WHERE NOT now) AS before
FROM (SELECT dimension, severity, true AS now FROM finding
  UNION ALL SELECT dimension, severity, false FROM finding_before)
GROUP BY dimension
