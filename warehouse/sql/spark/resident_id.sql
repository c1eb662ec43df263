-- The citizen identification number (GB 11643-1999); see the DuckDB file of this name.

-- The weighted sum of ISO 7064 MOD 11-2 over 17 digits, and their check character.
CREATE OR REPLACE TEMPORARY FUNCTION _resident_id_check(n BIGINT) RETURNS STRING RETURN
substr('10X98765432', CAST((
    7 * (n div 10000000000000000 % 10)
    + 9 * (n div 1000000000000000 % 10)
    + 10 * (n div 100000000000000 % 10)
    + 5 * (n div 10000000000000 % 10)
    + 8 * (n div 1000000000000 % 10)
    + 4 * (n div 100000000000 % 10)
    + 2 * (n div 10000000000 % 10)
    + 1 * (n div 1000000000 % 10)
    + 6 * (n div 100000000 % 10)
    + 3 * (n div 10000000 % 10)
    + 7 * (n div 1000000 % 10)
    + 9 * (n div 100000 % 10)
    + 10 * (n div 10000 % 10)
    + 5 * (n div 1000 % 10)
    + 8 * (n div 100 % 10)
    + 4 * (n div 10 % 10)
    + 2 * (n % 10)
) % 11 + 1 AS INT), 1);

CREATE OR REPLACE TEMPORARY FUNCTION resident_id_check_character(t STRING) RETURNS STRING RETURN
_resident_id_check(CASE WHEN t RLIKE '^[0-9]{17}' THEN try_cast(substr(t, 1, 17) AS BIGINT) END);

CREATE OR REPLACE TEMPORARY FUNCTION _resident_id_day(t STRING) RETURNS DATE RETURN
try_cast(substr(t, 7, 4) || '-' || substr(t, 11, 2) || '-' || substr(t, 13, 2) AS DATE);

CREATE OR REPLACE TEMPORARY FUNCTION resident_id_birth_date(t STRING) RETURNS DATE RETURN
CASE WHEN t RLIKE r'^[0-9]{6}(?:1[89]|[2-9][0-9])[0-9]{9}[0-9X]\z' THEN _resident_id_day(t) END;

CREATE OR REPLACE TEMPORARY FUNCTION resident_id_sex(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE r'^[0-9]{16}[13579][0-9X]\z' THEN '1'
    WHEN t RLIKE r'^[0-9]{16}[02468][0-9X]\z' THEN '2'
END;

CREATE OR REPLACE TEMPORARY FUNCTION is_resident_id(t STRING) RETURNS BOOLEAN RETURN
CASE
    WHEN t RLIKE (
        r'^(?:(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{4}|9(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9]{3})'
        || r'(?:1[89]|[2-9][0-9])[0-9]{9}[0-9X]\z'
    )
    THEN substr(t, 18, 1) = _resident_id_check(try_cast(substr(t, 1, 17) AS BIGINT))
        AND _resident_id_day(t) IS NOT NULL
    WHEN t IS NOT NULL THEN FALSE
END;

CREATE OR REPLACE TEMPORARY FUNCTION _resident_id_of_17(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE r'^[0-9]{17}\z' AND resident_id_birth_date(t || '0') IS NOT NULL
    THEN t || resident_id_check_character(t)
END;

CREATE OR REPLACE TEMPORARY FUNCTION _resident_id_of_18(t STRING) RETURNS STRING RETURN
coalesce(
    CASE
        WHEN t RLIKE r'^[0-9]{6}[7-9][0-9]{5}99[6-9]\z' THEN _resident_id_of_17(substr(t, 1, 6) || '18' || substr(t, 7))
        WHEN t RLIKE r'^[0-9]{15}\z' AND NOT t RLIKE r'99[6-9]\z'
        THEN _resident_id_of_17(substr(t, 1, 6) || '19' || substr(t, 7))
        WHEN t RLIKE r'^[0-9]{17}[×Х]\z' THEN substr(t, 1, 17) || 'X'
    END,
    t
);

CREATE OR REPLACE TEMPORARY FUNCTION normalise_resident_id(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE r'^[0-9]{17}[0-9X]\z' THEN t
    ELSE _resident_id_of_18(upper(_without(t, r'[ \x27‘’`"=-]|[.]0+\z')))
END;

CREATE OR REPLACE TEMPORARY FUNCTION repair_resident_id(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE r'(?d)^(?:(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{15}|9(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9]{14}).\z'
        AND NOT endswith(t, '000') AND NOT is_float_number(t) AND resident_id_birth_date(substr(t, 1, 17) || '0') IS NOT NULL
    THEN substr(t, 1, 17) || resident_id_check_character(t)
END;

CREATE OR REPLACE TEMPORARY FUNCTION resident_id_area(t STRING) RETURNS STRING RETURN
CASE WHEN t RLIKE r'^[1-8][0-9]{16}[0-9X]\z' THEN substr(t, 1, 6) END;

-- Spark's IN with a sub-query gives false for NULL, and its NOT IN compares every row with every other.
CREATE OR REPLACE TEMPORARY FUNCTION is_known_area(t STRING) RETURNS BOOLEAN RETURN
CASE WHEN t IS NOT NULL THEN t IN (SELECT area.code FROM codes__area AS area) END;

-- Areas that did not exist yet in a year, as ten digits, are computed once: see warehouse/engine/spark/functions.py.
CREATE OR REPLACE TEMPORARY FUNCTION is_resident_id_area_plausible(t STRING) RETURNS BOOLEAN RETURN
    startswith(t, '9')
    OR is_known_area(substr(t, 1, 6))
    AND CASE WHEN substr(t, 1, 10) IN (SELECT early.code FROM codes__area_too_early AS early) THEN FALSE ELSE TRUE END;
