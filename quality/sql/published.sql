-- The findings of one batch. If a rule suggests no value, the winning value of the other sources is suggested.
-- A row from an earlier delivery gets its place in the newest delivery, because people have that file.
SELECT DATE '{day}' AS batch,
  finding.* REPLACE (
    concat('F', upper(substr(md5(concat(finding.finding_id, '{day}')), 1, 16))) AS finding_id,
    coalesce(renamed.newest, finding.extract_id) AS extract_id,
    coalesce(moved._line, finding.row_number) AS row_number,
    CASE WHEN moved._row IS NULL THEN finding.sheet ELSE moved._sheet END AS sheet,
    coalesce(finding.suggestion, nullif(advice.suggestion, finding.observed)) AS suggestion,
    CASE WHEN advice.evidence IS NULL THEN finding.evidence ELSE concat_ws('；', finding.evidence, advice.evidence) END
      AS evidence
  )
FROM ({findings}) AS finding
LEFT JOIN (
  SELECT finding_id, min(suggestion) AS suggestion, arg_min(evidence, suggestion) AS evidence
  FROM ({advice}) GROUP BY finding_id
) AS advice ON advice.finding_id = finding.finding_id
LEFT JOIN ({moved}) AS moved ON moved.dataset = finding.dataset AND moved._row = finding._row
LEFT JOIN (VALUES {renamed}) AS renamed (first, newest) ON renamed.first = finding.extract_id
