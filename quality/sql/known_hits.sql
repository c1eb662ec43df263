-- What was found before, by rules that look at nothing that has changed since, of rows that have not.
SELECT {row_facts}, known.rule, known.dimension, known.severity, known.field, known.observed, known.suggestion,
  known.evidence
FROM {findings} AS known
JOIN {table} AS {row} ON {row}._row = known._row
WHERE (known.rule, known.field) IN ({rules}) AND known._row NOT IN (SELECT _row FROM affected)
