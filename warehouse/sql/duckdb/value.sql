-- Converts text to typed values. A text that is not such a value gives NULL, never a guess.
-- The first branches read the spellings of nearly all extracts, without cleaning the text first.

-- The year of two digits, before a month: 00 to 29 are 2000 to 2029, 30 to 99 are 1930 to 1999, as spreadsheets read them
-- (ECMA-376 leaves it to the program; 2029 is the common default). Fixed, so that a text means the same in every batch.
CREATE OR REPLACE MACRO _full_year(t) AS
regexp_replace(regexp_replace(t, '^([012][0-9]-)', '20\1'), '^([3-9][0-9]-)', '19\1');

-- A text such as 2023-5-3 as a day. DuckDB itself would read more.
CREATE OR REPLACE MACRO _day_of(t) AS
try_cast(regexp_extract(t, '^[1-9][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}$') AS DATE);

-- Takes cleaned text: a day with separators or of eight digits, a time of day may follow. The year may have two digits,
-- except before slashes, where spreadsheets write the month first.
CREATE OR REPLACE MACRO _date_of_digits(t) AS
_day_of(_full_year(regexp_replace(
    regexp_replace(
        regexp_replace(t, '^([0-9]{2})(?:-([0-9]{1,2})-|[.]([0-9]{1,2})[.])([0-9]{1,2})$', '\1-\2\3-\4'),
        '^([1-9][0-9]{3})([0-9]{2})([0-9]{2})(?: ?(?:[01][0-9]|2[0-3]):?[0-5][0-9]:?[0-5][0-9])?$',
        '\1-\2-\3'
    ),
    '^([1-9][0-9]{3})(?:-([0-9]{1,2})-|/([0-9]{1,2})/|[.]([0-9]{1,2})[.]|年([0-9]{1,2})月)([0-9]{1,2})[日号]?'
    || '(?:[ T](?:[01]?[0-9]|2[0-3])[:：时][0-5][0-9](?:[:：分](?:[0-5][0-9](?:[.][0-9]+)?秒?)?)?'
    || '(?:[+]08:?00)?)?$',
    '\1-\2\3\4\5-\6'
)));

-- Takes cleaned text: Chinese numerals, 二〇二三年十二月二十一日, 85年3月2日. 元月 is January. 十 is 10 alone, 1 in 十一, 0 in
-- 二十, and no digit in 二十一.
CREATE OR REPLACE MACRO _date_of_numerals(t) AS
_day_of(_full_year(regexp_replace(
    replace(regexp_replace(regexp_replace(regexp_replace(
        translate(
            replace(replace(replace(t, '元月', '1月'), '廿', '二十'), '卅', '三十'),
            '〇○◯零Oo一二三四五六七八九', '000000123456789'
        ),
        '([0-9])十([0-9])', '\1\2', 'g'
    ), '([0-9])十', '\10', 'g'), '十([0-9])', '1\1', 'g'), '十', '10'),
    '^([1-9][0-9]{3}|[0-9]{2})年([0-9]{1,2})月([0-9]{1,2})[日号]?$', '\1-\2-\3'
)));

-- Takes cleaned text. The text is a parameter of a lambda: as an expression it would be repeated in every step, and a
-- statement with some date columns would take longer to prepare than to run. A lambda costs an eighth more, but few
-- dates reach this macro.
CREATE OR REPLACE MACRO _date_of(t) AS
coalesce(
    _date_of_digits(t),
    DATE '1899-12-30' + try_cast(regexp_extract(
        t, '^([1-6][0-9]{4}|7[0-2][0-9]{3}|73[0-3][0-9]{2}|7340[0-9]|7341[0-5])(?:[.][0-9]+)?$', 1
    ) AS INTEGER),
    _date_of_numerals(t)
);

-- 20230503, 2023-5-3, 2023/5/3, 2023.05.03, 2023年5月3日, each with or without a time of day; 23-05-03, 23.5.3,
-- 85年3月2日; 二〇二三年五月三日; and the day number of a spreadsheet: five digits from 10000 (1927-05-18) to 73415 (2100-12-31), counted from 1899-12-30
-- because spreadsheets count a 29 February 1900 (ECMA-376 part 1, 18.17.4.1).
-- A month is not a date. A time in UTC is refused: in China the day may be the next day.
CREATE OR REPLACE MACRO parse_date(t VARCHAR) AS
CASE
    WHEN regexp_matches(t, '^[1-9][0-9]{7}$') THEN CAST(try_strptime(t, '%Y%m%d') AS DATE)
    WHEN regexp_matches(t, '^[1-9][0-9]{3}(?:-[0-9]{1,2}-|/[0-9]{1,2}/)[0-9]{1,2}$') THEN try_cast(t AS DATE)
    ELSE list_extract(list_transform([clean_text(t)], lambda c: _date_of(c)), 1)
END;

-- Takes cleaned text: the day, then hours, minutes and optional seconds. The fraction of a day number is the time of day,
-- to the second.
CREATE OR REPLACE MACRO _timestamp_of(t) AS
try_cast(CAST(_date_of(t) AS VARCHAR) || ' ' || CASE
    WHEN regexp_matches(t, '^[0-9]{8} ?[0-9]{6}$')
    THEN substr(right(t, 6), 1, 2) || ':' || substr(right(t, 6), 3, 2) || ':' || right(t, 2)
    WHEN regexp_matches(t, '[0-9]{1,2}[:：时][0-9]{2}')
    THEN right('0' || regexp_extract(t, '([0-9]{1,2})[:：时][0-9]{2}', 1), 2)
        || ':' || regexp_extract(t, '[0-9][:：时]([0-9]{2})', 1)
        || ':' || coalesce(nullif(
            regexp_extract(t, '[0-9][:：时][0-9]{2}[:：分]([0-9]{2}(?:[.][0-9]{1,6})?)', 1), ''
        ), '00')
    WHEN regexp_matches(t, '^[1-7][0-9]{4}[.][0-9]+$')
    THEN CAST(TIME '00:00:00' + to_seconds(
        least(CAST(round(try_cast('0.' || regexp_extract(t, '[.]([0-9]+)$', 1) AS DOUBLE) * 86400) AS BIGINT), 86399)
    ) AS VARCHAR)
    ELSE '00:00:00'
END AS TIMESTAMP);

CREATE OR REPLACE MACRO parse_timestamp(t VARCHAR) AS
list_extract(list_transform([clean_text(t)], lambda c: _timestamp_of(c)), 1);

-- Plain, with commas or blanks between thousands (0,123 is a fraction in another country), or as a spreadsheet shortens it: 1,234.5, 1 234.5, -3, .5, 1.2E+05.
-- At most 15 digits, and then zeros, before the point: a floating-point number loses further digits.
CREATE OR REPLACE MACRO parse_number(t VARCHAR) AS
CASE
    WHEN regexp_matches(t, '^-?[0-9]{1,15}(?:[.][0-9]+)?$')
    THEN try_cast(t AS DOUBLE)
    ELSE try_cast(regexp_replace(regexp_extract(
        clean_text(t),
        '^[+-]?(?:[1-9][0-9]{0,2}(?:(?:[,，][0-9]{3}){1,4}|(?: [0-9]{3}){1,4})(?:[.][0-9]*)?'
        || '|[0-9]{1,15}0{0,15}(?:[.][0-9]*)?|[.][0-9]+)'
        || '(?:[eE][+-]?[0-9]{1,2})?$'
    ), '[,， ]', '', 'g') AS DOUBLE)
END;

-- A whole number: 12.0 is accepted, 12.5 is not.
CREATE OR REPLACE MACRO parse_integer(t VARCHAR) AS
CASE
    WHEN regexp_matches(t, '^-?[0-9]{1,18}$')
    THEN try_cast(t AS BIGINT)
    ELSE try_cast(regexp_replace(regexp_extract(
        clean_text(t),
        '^([+-]?(?:[1-9][0-9]{0,2}(?:(?:[,，][0-9]{3})+|(?: [0-9]{3})+)|[0-9]+))(?:[.]0*)?$',
        1
    ), '[,， ]', '', 'g') AS BIGINT)
END;

-- tidy_text instead of clean_text, because here 无 is a value.
CREATE OR REPLACE MACRO parse_boolean(t VARCHAR) AS
CASE
    WHEN regexp_matches(tidy_text(t), '(?i)^(?:是|有|对|1|true|t|yes|y|√|✓)$') THEN TRUE
    WHEN regexp_matches(tidy_text(t), '(?i)^(?:否|无|没有|不是|错|0|false|f|no|n|×|✗)$') THEN FALSE
END;
