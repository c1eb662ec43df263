-- Candidates for headings among some rows: more than one cell, no digit, between the first and the last record.
SELECT _row, {names}
FROM {table}
WHERE _row IN ({rows})
  AND _state IN ({headings})
  AND {filled} > 1
  AND NOT regexp_matches({joined}, '[0-9]')
  AND _row > (SELECT min(_row) FROM {table} WHERE _state IN ({records}))
  AND _row < (SELECT max(_row) FROM {table} WHERE _state IN ({records}))
ORDER BY _row
