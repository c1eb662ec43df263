-- Few keys have several rows: only these rows are sorted, which is faster than sorting all rows with all columns.
AND s._row NOT IN (
  SELECT _row FROM (
    SELECT s._row, row_number() OVER (PARTITION BY s.{key} ORDER BY {newest}s._row) AS place
    FROM {table} AS s
    {faults}
    WHERE s.{key} IN (
      SELECT s.{key} FROM {table} AS s WHERE s.{key} IS NOT NULL{among} GROUP BY s.{key} HAVING count(*) > 1
    )
  ) AS ordered
  WHERE place > 1
)
