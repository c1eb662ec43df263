-- One pass over a dataset's rows for all checks: list the checks that a row violates, then unnest the list into hits.
-- `WHERE` drops the rows without a violation (nearly all) before a list is built. A subexpression that occurs twice is
-- a column: DuckDB plans and computes an expression as often as the query contains it.
SELECT seen.* EXCLUDE (hit), rule.* EXCLUDE (check_no), hit.observed AS observed,
  nullif(hit.suggestion, coalesce(hit.observed, '')) AS suggestion, hit.evidence AS evidence
FROM (
  SELECT judged.* EXCLUDE (hits), unnest(judged.hits) AS hit
  FROM (
    SELECT {row_facts}, list_filter([
      {cases}
    ], lambda h: h IS NOT NULL) AS hits
    FROM (SELECT {judged}* FROM (SELECT {shared}* FROM (SELECT *, {batch_date} AS batch_date FROM {table}) AS {row}) AS {row}) AS {row}
    {lookups}
    WHERE {bad}
  ) AS judged
) AS seen
JOIN (VALUES
    {rules}
) AS rule (check_no, rule, dimension, severity, field) ON rule.check_no = hit.check_no
