-- The citizen identification number (GB 11643-1999): six digits of area, eight of birth date, three of
-- sequence (odd for a man), one check character. All but normalise_resident_id take normalised text.

-- The weighted sum of ISO 7064 MOD 11-2 over 17 digits: weight 2^(18-i) at place i. It is computed on one number, because
-- splitting the text takes longer. The digit with the weight 2^(k+1) is n // 10^k - 10 * (n // 10^(k+1)). In the sum
-- over all k, the coefficient of n // 10^k is 2^(k+1) - 10 * 2^k = -8 * 2^k.
CREATE OR REPLACE MACRO _resident_id_weighted_sum(n) AS
2 * n - 8 * (
    2 * (n // 10)
    + 4 * (n // 100)
    + 8 * (n // 1000)
    + 16 * (n // 10000)
    + 32 * (n // 100000)
    + 64 * (n // 1000000)
    + 128 * (n // 10000000)
    + 256 * (n // 100000000)
    + 512 * (n // 1000000000)
    + 1024 * (n // 10000000000)
    + 2048 * (n // 100000000000)
    + 4096 * (n // 1000000000000)
    + 8192 * (n // 10000000000000)
    + 16384 * (n // 100000000000000)
    + 32768 * (n // 1000000000000000)
    + 65536 * (n // 10000000000000000)
);

-- The sum modulo 11. A list of one element binds the number once: DuckDB shares no common expression across CASE and AND.
CREATE OR REPLACE MACRO _resident_id_remainder(n) AS
list_extract(list_transform([n], lambda k: _resident_id_weighted_sum(k) % 11), 1);

-- The check character of the first 17 characters; NULL if they are not digits.
CREATE OR REPLACE MACRO resident_id_check_character(t VARCHAR) AS
substr('10X98765432', CAST(_resident_id_remainder(
    CASE WHEN regexp_matches(t, '^[0-9]{17}') THEN try_cast(substr(t, 1, 17) AS BIGINT) END
) + 1 AS INTEGER), 1);

-- The day in places 7 to 14 of a text of digits, NULL if they are not a day.
CREATE OR REPLACE MACRO _resident_id_day(t) AS
CAST(try_strptime(substr(t, 7, 8), '%Y%m%d') AS DATE);

-- NULL if places 7 to 14 are not a calendar day since 1800.
CREATE OR REPLACE MACRO resident_id_birth_date(t VARCHAR) AS
CASE
    WHEN regexp_matches(t, '^[0-9]{6}(?:1[89]|[2-9][0-9])[0-9]{9}[0-9X]$')
    THEN _resident_id_day(t)
END;

-- Code of GB/T 2261.1.
CREATE OR REPLACE MACRO resident_id_sex(t VARCHAR) AS
CASE
    WHEN regexp_matches(t, '^[0-9]{16}[13579][0-9X]$') THEN '1'
    WHEN regexp_matches(t, '^[0-9]{16}[02468][0-9X]$') THEN '2'
END;

-- Province prefixes of GB/T 2260, with 81, 82, 83 of the residence permits for people from Hong Kong, Macao
-- and Taiwan. Not the area itself: numbers begin with codes that went out of use long ago, and the lists
-- of them disagree. A foreigner's permanent residence card has, since 2023, a number of its own: 9, the province of the
-- application, the country in three digits (GB/T 2659), and from the birth date on as above. NULL for NULL, TRUE or FALSE for everything else. The pattern knows the calendar (months of 31, 30
-- and 28 days; 29 February of leap years), for it costs the same whatever it looks for, and reading a date does not.
CREATE OR REPLACE MACRO is_resident_id(t VARCHAR) AS
CASE
    WHEN regexp_matches(t,
        '^(?:(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{4}|9(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9]{3})'
        || '(?:(?:1[89]|[2-9][0-9])(?:[0-9]{2}'
        || '(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)'
        || '|02(?:0[1-9]|1[0-9]|2[0-8]))|(?:0[48]|[2468][048]|[13579][26])0229)|(?:[2468][048]|[3579][26])000229)'
        || '[0-9]{3}[0-9X]$'
    )
    THEN strpos('10X98765432', substr(t, 18, 1)) - 1 = _resident_id_remainder(try_cast(substr(t, 1, 17) AS BIGINT))
    WHEN t IS NOT NULL THEN FALSE
END;

-- Takes 15 digits (GB 11643-1989): adds the century and the check character. The sequences 996 to 999 belong to people of
-- a hundred years and more, who were born in the century before. Other text stays, and so do an impossible birth date
-- and such a sequence with a birth before 1870.
CREATE OR REPLACE MACRO _resident_id_of_17(t) AS
CASE
    WHEN regexp_matches(t, '^[0-9]{17}$') AND resident_id_birth_date(t || '0') IS NOT NULL
    THEN t || resident_id_check_character(t)
END;

CREATE OR REPLACE MACRO _resident_id_of_15(t) AS
coalesce(
    _resident_id_of_17(CASE
        WHEN regexp_matches(t, '^[0-9]{6}[7-9][0-9]{5}99[6-9]$') THEN substr(t, 1, 6) || '18' || substr(t, 7)
        WHEN regexp_matches(t, '^[0-9]{15}$') AND NOT regexp_matches(t, '99[6-9]$')
        THEN substr(t, 1, 6) || '19' || substr(t, 7)
    END),
    t
);

CREATE OR REPLACE MACRO _resident_id_text(t) AS upper(_without(t, '[ ''‘’`"=-]|[.]0+$'));

-- Removes blanks and dashes, writes x, × and the Cyrillic Х as X, and 15 digits as 18. A number that a spreadsheet
-- shortened to 3.70602E+17 cannot be restored and stays.
CREATE OR REPLACE MACRO normalise_resident_id(t VARCHAR) AS
CASE
    WHEN regexp_matches(t, '^[0-9]{17}[0-9X]$') THEN t
    WHEN length(regexp_replace(t, '[.]0+$|[^0-9０-９]', '', 'g')) = 15
    THEN list_extract(list_transform([_resident_id_text(t)], lambda c: _resident_id_of_15(c)), 1)
    ELSE regexp_replace(_resident_id_text(t), '^([0-9]{17})[×Х]$', '\1X')
END;

-- The number with the check character of its first 17 digits; NULL if the 17 digits cannot be right. It is a suggestion,
-- to be compared with the paper: any other digit may be the wrong one. NULL if the last three digits are 000, as a
-- spreadsheet leaves them, or if the number went through a floating-point number.
CREATE OR REPLACE MACRO repair_resident_id(t VARCHAR) AS
CASE
    WHEN regexp_matches(
        t, '^(?:(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{15}|9(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9]{14}).$'
    ) AND NOT ends_with(t, '000') AND NOT is_float_number(t) AND resident_id_birth_date(substr(t, 1, 17) || '0') IS NOT NULL
    THEN substr(t, 1, 17) || resident_id_check_character(t)
END;

-- The area that issued the number: the county's code at that time. A foreigner's number has no area.
CREATE OR REPLACE MACRO resident_id_area(t VARCHAR) AS
CASE WHEN regexp_matches(t, '^[1-8][0-9]{16}[0-9X]$') THEN substr(t, 1, 6) END;

-- Whether a code of six digits is or was (since 1981) a county, a city or a province (GB/T 2260). places.sql replaces
-- this macro and the next; until then no area is known.
CREATE OR REPLACE MACRO is_known_area(t VARCHAR) AS CASE WHEN t IS NOT NULL THEN FALSE END;

-- Whether a known area was first used after a year since 2000, given as text.
CREATE OR REPLACE MACRO _is_area_after(t, year) AS CAST(NULL AS BOOLEAN);

-- Takes a valid number: its area is known, and was not first used after a birth since 2000. GB 11643-1999 gave every
-- newborn a number. Earlier numbers were issued years after the birth, with the county's code at that time, so an area
-- younger than the birth proves nothing. Sources differ on the areas: a failure is only a reason for doubt.
CREATE OR REPLACE MACRO is_resident_id_area_plausible(t VARCHAR) AS
    starts_with(t, '9')
    OR is_known_area(substr(t, 1, 6)) AND NOT coalesce(_is_area_after(substr(t, 1, 6), substr(t, 7, 4)), FALSE);
