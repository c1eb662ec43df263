-- If the table lacks rows: the first row behind each gap.
SELECT _row
FROM {table}
WHERE _row - 1 NOT IN (SELECT _row FROM {table})
ORDER BY _row
LIMIT {most}
