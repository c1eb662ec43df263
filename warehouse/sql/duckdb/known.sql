-- The constants for the macros of address.sql, from the tables of places.sql: patterns of city and county, the label of
-- each spelling of a county, and the code of each place name (padded to twelve characters), in the order of the enumerations.
SELECT
    (SELECT pattern FROM codes.city_pattern),
    -- In descending order a longer spelling comes before its own prefix.
    (
        SELECT '^(?:' || string_agg(regexp_escape(spelling), '|' ORDER BY regexp_escape(spelling) DESC) || ')'
        FROM codes.county_spelling
    ),
    (SELECT '|' || string_agg(label, '|' ORDER BY spelling) FROM codes.county_spelling),
    (SELECT string_agg(rpad(code, 12, ' '), '' ORDER BY usual DESC, name) FROM codes.place),
    (SELECT count(*) FROM codes.place WHERE usual);
