-- Findings by department and dimension, with the number of the batch before; departments without findings too.
SELECT department.department, department.title, found.dimension,
  count(*) FILTER (WHERE found.now) AS now,
  count(*) FILTER (WHERE NOT found.now) AS before
FROM (SELECT DISTINCT department, department_title AS title FROM catalog_dataset) AS department
LEFT JOIN (SELECT department, dimension, true AS now FROM finding
  UNION ALL SELECT department, dimension, false FROM finding_before) AS found
  ON found.department = department.department
GROUP BY department.department, department.title, found.dimension
ORDER BY department.department, found.dimension
