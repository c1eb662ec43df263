-- The names that addresses use for the places of the code table `division`. The tables are made whenever the code tables
-- are loaded, so that the functions of address.sql only look up. A spelling of two places is ambiguous and left out.

-- Province and city before each county in use, as an address may write them: 山东省烟台市, 山东烟台市, 烟台市, 烟台 or nothing.
CREATE OR REPLACE TABLE codes.city_spelling AS
WITH county AS (
    SELECT county.code, coalesce(province.label, '') AS province, coalesce(city.label, '') AS city
    FROM codes.division AS county
    LEFT JOIN codes.division AS city ON city.code = county.parent AND city.valid_to IS NULL
    LEFT JOIN codes.area AS province ON province.code = substr(county.code, 1, 2) || '0000'
    WHERE county.level = 'county' AND county.valid_to IS NULL
)
SELECT DISTINCT county.code, regexp_replace(city, '市$', '') AS short_city, provinces.text || cities.text AS spelling
FROM county,
LATERAL (VALUES (''), (province), (regexp_replace(province, '(?:省|市|(?:壮族|回族|维吾尔)?自治区)$', ''))) AS provinces (text),
LATERAL (VALUES (''), (city), (regexp_replace(city, '市$', ''))) AS cities (text);

CREATE OR REPLACE TABLE codes.city_pattern AS
-- In descending order a longer spelling comes before its own prefix.
SELECT '^(?:' || string_agg(DISTINCT regexp_escape(spelling), '|' ORDER BY regexp_escape(spelling) DESC) || ')' AS pattern
FROM codes.city_spelling;

-- Counties in use, as an address may begin: 山东省烟台市莱山区, 烟台市莱山区, 烟台莱山区, 莱山区. Aliases are included, and the
-- names of the city's closed counties that became part of them.
CREATE OR REPLACE TABLE codes.county_spelling AS
WITH county AS (
    SELECT code, label, parent, string_split(coalesce(aliases, ''), '|') AS aliases
    FROM codes.division WHERE level = 'county' AND valid_to IS NULL
), named AS (
    SELECT code, label, label AS name FROM county
    UNION ALL SELECT code, label, unnest(aliases) FROM county
    UNION ALL SELECT county.code, county.label, past.label FROM county
    INNER JOIN codes.division AS past ON past.successor = county.code
        AND past.level = 'county' AND past.parent = county.parent
)
SELECT city.spelling || names.text AS spelling, max(named.code) AS code, max(named.label) AS label
FROM named
INNER JOIN codes.city_spelling AS city ON city.code = named.code,
LATERAL (VALUES (name), (replace(name, short_city, ''))) AS names (text)
WHERE regexp_matches(names.text, '.[区县市]$')
GROUP BY ALL HAVING count(DISTINCT named.code) = 1;

-- A text that begins with no county has the empty spelling and label.
CREATE OR REPLACE TYPE codes.county_name AS ENUM (
    SELECT spelling FROM (SELECT '' AS spelling UNION ALL SELECT spelling FROM codes.county_spelling) ORDER BY spelling
);

-- Villages and communities by their usual names: 砖园村委会 and 砖园村村委会 are 砖园村, 友谊街社区居民委员会 is 友谊街社区. A less
-- certain name has a higher `rank`: 砖园村村, or the short forms 砖园 and 友谊街.
CREATE OR REPLACE TABLE codes.village_name AS
WITH stem AS (
    SELECT code, parent,
        regexp_replace(label, '(?:村*(?:村民委员会|村委会)|(?:社区)?(?:居民委员会|居委会)|社区)$', '') AS stem,
        CASE
            WHEN regexp_matches(label, '村(?:民委员会|委会)$') THEN '村'
            WHEN regexp_matches(label, '(?:居民委员会|居委会|社区)$') THEN '社区'
            ELSE ''
        END AS ending,
        regexp_matches(label, '村村(?:民委员会|委会)$') AS doubled
    FROM codes.division WHERE level = 'village' AND valid_to IS NULL
)
SELECT code, parent, 0 AS rank, stem || ending AS name FROM stem
UNION ALL SELECT code, parent, 2, stem || '村村' FROM stem WHERE doubled
UNION ALL SELECT code, parent, 3, stem FROM stem WHERE ending <> '' AND length(stem) > 1;

-- Townships by their labels and aliases, and by the labels of the closed townships that they replaced.
CREATE OR REPLACE TABLE codes.township_name AS
WITH township AS (
    SELECT code, parent, label, string_split(coalesce(aliases, ''), '|') AS aliases
    FROM codes.division WHERE level = 'township' AND valid_to IS NULL
)
SELECT code, parent, 0 AS rank, label AS name FROM township
UNION ALL SELECT code, parent, 1, unnest(aliases) FROM township
UNION ALL SELECT township.code, township.parent, 1, past.label FROM township
INNER JOIN codes.division AS past ON past.successor = township.code AND past.level = 'township';

-- Every place by the text of an address behind province and city. A village is found by township and name, or by county
-- and name if the name is unique in the county. A township and its villages are found without a county if the name is
-- unique. Millions of names are looked up: the names of nearly all addresses (`usual`) have a smaller enumeration of
-- their own. It includes short names that contain the ending of a village (杲村李家), so that they come before 杲村.
CREATE OR REPLACE TABLE codes.place AS
WITH county AS (
    SELECT code, regexp_replace(label, (SELECT pattern FROM codes.city_pattern), '') AS name
    FROM codes.division WHERE level = 'county' AND valid_to IS NULL
), township AS (
    SELECT township_name.code, rank, before.text || township_name.name AS name, before.text = '' AS alone
    FROM codes.township_name
    INNER JOIN county ON county.code = township_name.parent,
    LATERAL (VALUES (county.name), ('')) AS before (text)
    WHERE township_name.name <> ''
), called AS (
    SELECT code, 0 AS rank, true AS usual, name FROM county
    UNION ALL SELECT code, rank, rank = 0 AND NOT alone, name FROM township
    UNION ALL SELECT village.code, 4 * township.rank + village.rank,
        township.rank = 0 AND NOT township.alone
        AND (village.rank = 0 OR village.rank = 3 AND regexp_matches(village.name, '村|社区')),
        township.name || village.name
    FROM codes.village_name AS village
    INNER JOIN township ON township.code = village.parent
    WHERE village.rank = 0 OR NOT township.alone
    UNION ALL SELECT village.code, 9, false, county.name || village.name
    FROM codes.village_name AS village
    INNER JOIN codes.division AS township ON township.code = village.parent
    INNER JOIN county ON county.code = township.parent
    WHERE village.rank = 0
), surest AS (
    SELECT code, usual, name FROM called QUALIFY rank = min(rank) OVER (PARTITION BY name)
)
SELECT name, min(code) AS code, bool_or(usual) AS usual
FROM surest GROUP BY name HAVING count(DISTINCT code) = 1;

CREATE OR REPLACE TYPE codes.place_name AS ENUM (SELECT name FROM codes.place WHERE usual ORDER BY name);

CREATE OR REPLACE TYPE codes.other_place_name AS ENUM (SELECT name FROM codes.place WHERE NOT usual ORDER BY name);

-- The areas of identity numbers. They are an enumeration, because every query would compute a sub-query again. Areas
-- first used after 2000 have an enumeration of their own, the oldest first: the position of an area shows whether it
-- existed in a year. It is small, because DuckDB reads an enumeration again wherever a statement names it.
CREATE OR REPLACE TYPE codes.area_code AS ENUM (SELECT code FROM codes.area ORDER BY code);

CREATE OR REPLACE TYPE codes.young_area AS ENUM (
    SELECT code FROM codes.area WHERE CAST(valid_from AS INTEGER) > 2000 ORDER BY valid_from, code
);

CREATE OR REPLACE MACRO is_known_area(t VARCHAR) AS
CASE WHEN t IS NOT NULL THEN TRY_CAST(t AS codes.area_code) IS NOT NULL END;
