-- Findings of hits. A ticket is known by dataset, rule, record and field; a finding also by its row, as a record may
-- stand in several. `_row` is that of the standard table, `row_number` the one a person sees in the file. `delivered` is what the source shows while a correction is laid over it.
WITH hit AS (
{hits}
), {registers}placed AS (
  SELECT hit.*, {place} AS place
  FROM hit
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
