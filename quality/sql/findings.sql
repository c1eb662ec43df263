-- Findings of hits. A ticket is known by dataset, rule, record and field; a finding also by its row, as a record may
-- stand in several. `_row` is that of the standard table, `row_number` the one a person sees in the file. `delivered` is what the source shows while a correction is laid over it.
WITH hit AS (
{hits}
), placed AS (
  SELECT hit.*, {dataset} AS dataset, {department} AS department, {place} AS place, source.corrected
  FROM hit
  -- Only here, for DuckDB does not gather the few rows that are hit into full vectors while a map is among them.
  LEFT JOIN (SELECT _row, _corrected AS corrected FROM {table} WHERE _corrected IS NOT NULL) AS source
    ON source._row = hit._row
  {joins}
), named AS (
  SELECT *, concat_ws('|', dataset, rule, record_key, field) AS identity FROM placed
)
SELECT {columns}
FROM (
  SELECT *,
    concat('F', upper(substr(md5(concat_ws('|', identity, extract_id, row_number, sheet)), 1, 16))) AS finding_id,
    concat('T', upper(substr(md5(identity), 1, 16))) AS ticket_id,
    CASE WHEN list_contains(map_keys(corrected), field) THEN map_extract_value(corrected, field) ELSE observed END AS delivered,
    township_of(place) AS unit_code,
    CASE WHEN length(place) = 12 THEN place END AS village_code
  FROM named
)
ORDER BY _row, field, rule
