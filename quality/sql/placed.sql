-- One dataset's hits with the delivered values under corrections, and the columns from which a township is derived.
SELECT {dataset} AS dataset, {department} AS department, hit.rule, hit.dimension, hit.severity, hit.record_key, hit.field,
  hit.observed, hit.suggestion, hit.evidence, hit._row, hit.row_number, hit.sheet, hit.extract_id, hit.label,
  source.corrected{starts}
FROM ({hits}) AS hit
-- The map joins here and not earlier: with a map column, DuckDB does not gather the few hit rows into full vectors.
LEFT JOIN (SELECT _row, _corrected AS corrected FROM {table} WHERE _corrected IS NOT NULL) AS source
  ON source._row = hit._row
