-- Findings from hits. Dataset, rule, record and field identify a ticket. A finding's identity adds its row, because
-- several rows may hold one record. `_row` is the row of the standard table; `row_number` is the row that a person
-- sees in the file. `delivered` is the source's value underneath a correction.
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
