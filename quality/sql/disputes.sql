-- Every claim on one attribute that differs from the winning value, and the winning value for each finding in
-- `question`. A code and a narrower code below it do not conflict: the comparison uses `meant`, the broadest
-- ancestor code that any source claims for the same key.
WITH RECURSIVE claim AS (
{claims}
), contested AS (
  SELECT * FROM claim
  WHERE key IN (
    SELECT key FROM claim GROUP BY key HAVING min(value) <> max(value)
    UNION ALL SELECT key FROM question WHERE attribute = {attribute}
  )
), above AS (
  SELECT code AS value, parent AS ancestor, 1 AS steps FROM {parents}
  UNION ALL
  -- No code table has ten levels. The limit ends the recursion if a code table contains a cycle.
  SELECT above.value, further.parent, steps + 1
  FROM above JOIN {parents} AS further ON further.code = above.ancestor
  WHERE steps < 10
), broadest AS (
  SELECT narrow.key, narrow.value, arg_max(above.ancestor, above.steps) AS ancestor
  FROM contested AS narrow
  JOIN above ON above.value = narrow.value
  JOIN contested AS broad ON broad.key = narrow.key AND broad.value = above.ancestor
  GROUP BY narrow.key, narrow.value
), voice AS (
  SELECT contested.*, coalesce(broadest.ancestor, contested.value) AS meant
  FROM contested LEFT JOIN broadest ON broadest.key = contested.key AND broadest.value = contested.value
), vote AS (
  SELECT key, meant, min(rank) AS rank, count(DISTINCT dataset) AS datasets, bool_or(final) AS final,
    arg_min(value, (rank, value)) AS value, string_agg(DISTINCT voter, '、' ORDER BY voter) AS voters
  FROM voice
  GROUP BY key, meant
), authority AS (
  SELECT key, arg_min(datasets, (rank, value)) AS datasets FROM vote GROUP BY key
), winner AS (
  SELECT vote.* FROM vote JOIN authority ON authority.key = vote.key
  QUALIFY row_number() OVER (
    PARTITION BY vote.key
    ORDER BY final DESC, vote.datasets > 1 AND authority.datasets = 1 DESC, rank, value
  ) = 1
)
SELECT voice.key, NULL AS finding_id, dataset, row_number, field, voice.value AS observed, winner.value AS suggestion,
  concat(winner.voters, '为“', coalesce(label.label, winner.value), '”') AS evidence
FROM voice
JOIN winner ON winner.key = voice.key
LEFT JOIN {labels} AS label ON label.code = winner.value
WHERE voice.meant <> winner.meant AND NOT voice.final
UNION ALL
SELECT question.key, question.finding_id, NULL, NULL, NULL, NULL, winner.value,
  concat(winner.voters, '为“', coalesce(label.label, winner.value), '”')
FROM question
JOIN winner ON winner.key = question.key
LEFT JOIN {labels} AS label ON label.code = winner.value
WHERE question.attribute = {attribute}
