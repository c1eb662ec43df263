-- One pass over a dataset's rows for all of its checks: each row's list of the checks it violates, unnested to a hit each.
-- Nearly all rows violate none, and are let go before a list is made for them. What a row is asked twice, here or in two
-- checks, is a column of it: DuckDB plans and computes an expression as often as it stands in the query.
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
