-- Notes below the data: below the last certain record, a row with few cells is a note in three cases. No key is filled;
-- or the row follows a marked note or total; or its only text is long, begins with a footnote mark, or ends like a
-- sentence. Example: a last row with nothing but "数据截至2026年3月。".
UPDATE {table}
SET _state = {remark}
WHERE _row IN (
  WITH tail AS (
    SELECT
      _row,
      _state,
      {keyed} AS keyed,
      {filled} AS filled,
      length({lead}) AS size,
      regexp_matches({lead}, '{footnote}') AS marked
    FROM {table}
    WHERE _row > (SELECT max(_row) FROM {table}) - {rows}
  ), surely AS (
    SELECT coalesce(max(_row), 0) AS last
    FROM tail
    WHERE _state IN ({records}) AND keyed AND filled >= {cells}
  ), below AS (
    SELECT tail.*, _state IN ({short}) AND filled < {cells} AS sparse
    FROM tail, surely
    WHERE _row > last
  ), notes AS (
    SELECT min(_row) AS first
    FROM below
    WHERE _state IN ({asides})
  )
  SELECT _row
  FROM below, notes
  WHERE sparse AND (NOT keyed OR coalesce(_row > first, false) OR (filled = 1 AND (size > {long} OR marked)))
)
