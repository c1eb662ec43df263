-- What one dataset says of one of its subjects: a row per key, the newest. Each value once as far as no rule found it
-- faulty, once as it stands. A faulty date does not make a row the newest.
SELECT s.{key} AS key, s._row AS row_number,
  {values}
FROM {table} AS s
{faults}
WHERE s.{key} IS NOT NULL{among} {newest_only}
