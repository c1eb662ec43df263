-- One row per entity: who establishes it says which there are, each attribute comes from the first that knows it.
WITH {claims}
SELECT * EXCLUDE (provenance){place}, provenance
FROM (
  SELECT entity.key AS {key}{values},
    {provenance} AS provenance
  FROM {entity} AS entity
  {joins}
)
