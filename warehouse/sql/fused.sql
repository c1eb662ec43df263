-- One row per entity. The establishing sources give the keys; each attribute comes from the first source that has it.
WITH {claims}
SELECT * EXCLUDE (provenance){place}, provenance
FROM (
  SELECT entity.key AS {key}{values},
    {provenance} AS provenance
  FROM {entity} AS entity
  {joins}
)
