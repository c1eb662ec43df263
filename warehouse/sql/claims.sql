-- The claims of one dataset on one of its subjects: for each key the newest row. Each value appears twice: once with
-- faulty values as NULL, once as delivered. A faulty date does not make a row the newest.
SELECT s.{key} AS key, s._row AS row_number,
  {values}
FROM {table} AS s
{faults}
WHERE s.{key} IS NOT NULL{among} {newest_only}
