-- The enterprises and sole traders of every township.
SELECT enterprise.township_code AS unit_code, enterprise.*
FROM enterprise
WHERE enterprise.township_code IS NOT NULL
