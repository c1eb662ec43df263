-- Below the last row that is surely a record, a row with next to nothing in it is a note
-- if no key is filled, if it follows a row that says of itself that it is one, or if it is one text alone that is long,
-- begins with a mark of a footnote, or ends as a sentence does.
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
