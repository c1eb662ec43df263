INSERT INTO {table}
SELECT
  _row,
  {values},
  {state}
FROM (
  SELECT
    *,
    {suspect} AS _suspect
  FROM {source}
)
