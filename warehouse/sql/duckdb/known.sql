-- What the macros of address.sql look into, out of the tables of places.sql: patterns of city and county, the label of
-- each spelling of a county and the code of each name of a place, of twelve characters, in the order of the enumerations.
SELECT
    (SELECT pattern FROM codes.city_pattern),
    -- Descending, a longer spelling comes before the shorter one that it begins with.
    (
        SELECT '^(?:' || string_agg(regexp_escape(spelling), '|' ORDER BY regexp_escape(spelling) DESC) || ')'
        FROM codes.county_spelling
    ),
    (SELECT '|' || string_agg(label, '|' ORDER BY spelling) FROM codes.county_spelling),
    (SELECT string_agg(rpad(code, 12, ' '), '' ORDER BY usual DESC, name) FROM codes.place),
    (SELECT count(*) FROM codes.place WHERE usual);
