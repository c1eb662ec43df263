-- One dataset's hits with what was delivered in the place of corrections, and with what each step to a township starts from.
SELECT {dataset} AS dataset, {department} AS department, hit.rule, hit.dimension, hit.severity, hit.record_key, hit.field,
  hit.observed, hit.suggestion, hit.evidence, hit._row, hit.row_number, hit.sheet, hit.extract_id, hit.label,
  source.corrected{starts}
FROM ({hits}) AS hit
-- Only here, for DuckDB does not gather the few rows that are hit into full vectors while a map is among them.
LEFT JOIN (SELECT _row, _corrected AS corrected FROM {table} WHERE _corrected IS NOT NULL) AS source
  ON source._row = hit._row
