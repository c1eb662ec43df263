-- The findings of one batch. Where a rule suggests nothing, the value that the other sources are believed for does.
SELECT DATE '{day}' AS batch,
  finding.* REPLACE (
    concat('F', upper(substr(md5(concat(finding.finding_id, '{day}')), 1, 16))) AS finding_id,
    coalesce(finding.suggestion, nullif(advice.suggestion, finding.observed)) AS suggestion,
    CASE WHEN advice.evidence IS NULL THEN finding.evidence ELSE concat_ws('；', finding.evidence, advice.evidence) END
      AS evidence
  )
FROM ({findings}) AS finding
LEFT JOIN (
  SELECT finding_id, min(suggestion) AS suggestion, arg_min(evidence, suggestion) AS evidence
  FROM ({advice}) GROUP BY finding_id
) AS advice ON advice.finding_id = finding.finding_id
