-- The records of a second table, up to the row where the headings of the first table stand again.
UPDATE {table}
SET _state = {state}
WHERE _state IN ({records})
  AND _row >= {first}
  AND _row < (
    SELECT coalesce(min(_row), 9223372036854775807)
    FROM {table}
    WHERE _state = {headings} AND _row > {first}
  )
