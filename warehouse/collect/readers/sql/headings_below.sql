-- Those of some rows that may be headings: they have cells and no digit, and stand between the first record and the last.
SELECT _row, {names}
FROM {table}
WHERE _row IN ({rows})
  AND _state IN ({headings})
  AND {filled} > 1
  AND NOT regexp_matches({joined}, '[0-9]')
  AND _row > (SELECT min(_row) FROM {table} WHERE _state IN ({records}))
  AND _row < (SELECT max(_row) FROM {table} WHERE _state IN ({records}))
ORDER BY _row
