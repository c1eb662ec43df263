-- What addresses call the places of the code table `division`, made anew whenever the code tables are loaded, so that
-- the functions of address.sql only look up. A spelling that means two places means none and is left out.

-- Counties in use, as an address may begin: 山东省烟台市莱山区, 烟台市莱山区, 烟台莱山区, 莱山区; by their aliases too, and by
-- the names of closed counties of the city that became one. One row with two lists, from which
-- the macro _county_spelt is made. A fact is the length of the spelling in two digits, code and label.
CREATE OR REPLACE TABLE codes.county_spelling AS
WITH county AS (
    SELECT code, label, parent, string_split(coalesce(aliases, ''), '|') AS aliases
    FROM codes.division WHERE level = 'county' AND valid_to IS NULL
), prefix AS (
    SELECT county.code, coalesce(province.label, '') AS province, coalesce(city.label, '') AS city
    FROM county
    LEFT JOIN codes.division AS city ON city.code = county.parent AND city.valid_to IS NULL
    LEFT JOIN codes.area AS province ON province.code = substr(county.code, 1, 2) || '0000'
), named AS (
    SELECT code, label, label AS name FROM county
    UNION ALL SELECT code, label, unnest(aliases) FROM county
    UNION ALL SELECT county.code, county.label, past.label FROM county
    INNER JOIN codes.division AS past ON past.successor = county.code
        AND past.level = 'county' AND past.parent = county.parent
), spelled AS (
    SELECT DISTINCT named.code, named.label, provinces.text || cities.text || names.text AS spelling
    FROM named
    INNER JOIN prefix ON prefix.code = named.code,
    LATERAL (VALUES (''), (province), (regexp_replace(province, '(?:省|市|(?:壮族|回族|维吾尔)?自治区)$', ''))) AS provinces (text),
    LATERAL (VALUES (''), (city), (regexp_replace(city, '市$', ''))) AS cities (text),
    LATERAL (VALUES (name), (replace(name, regexp_replace(city, '市$', ''), ''))) AS names (text)
    WHERE name <> '' AND names.text <> ''
), sure AS (
    SELECT spelling, max(code) AS code, max(label) AS label
    FROM spelled GROUP BY spelling HAVING count(DISTINCT code) = 1
)
SELECT
    list(spelling ORDER BY spelling) AS spellings,
    list(right('0' || CAST(length(spelling) AS VARCHAR), 2) || code || label ORDER BY spelling) AS facts
FROM sure;

-- The areas of identity numbers, the oldest first, so that an area's place in the type tells whether it was there in a
-- year. A look into an enumeration costs the same whatever is looked up; a sub-query is worked out anew by every query.
CREATE OR REPLACE TYPE codes.area_code AS ENUM (SELECT code FROM codes.area ORDER BY valid_from, code);

CREATE OR REPLACE MACRO is_known_area(t VARCHAR) AS
CASE WHEN t IS NOT NULL THEN TRY_CAST(t AS codes.area_code) IS NOT NULL END;
