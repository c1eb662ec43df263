-- Telephone numbers of the mainland. Mobile numbers have 11 digits; a landline has its area code (010, 02x or
-- 0xxx) and 7 or 8 digits, and inside its own area often goes without the code.

CREATE OR REPLACE MACRO is_mobile(t VARCHAR) AS
regexp_matches(t, '^1[3-9][0-9]{9}$');

-- A landline, with or without an extension.
CREATE OR REPLACE MACRO is_landline(t VARCHAR) AS
regexp_matches(
    t, '^(?:0(?:10|2[0-9]|[3-9][0-9]{2})-?[1-9][0-9]{6,7}|[2-8][0-9]{6,7})(?:[-转][0-9]{1,6})?$'
);

-- A mobile, a landline, or a number of the 400 and 800 services.
CREATE OR REPLACE MACRO is_phone(t VARCHAR) AS
regexp_matches(
    t,
    '^(?:1[3-9][0-9]{9}|[48]00-?[0-9]{3}-?[0-9]{4}'
    || '|(?:0(?:10|2[0-9]|[3-9][0-9]{2})-?[1-9][0-9]{6,7}|[2-8][0-9]{6,7})(?:[-转][0-9]{1,6})?)$'
);

-- Takes cleaned text: writes a mobile as 11 digits, a landline as area code, dash and number; other text stays.
CREATE OR REPLACE MACRO _phone_of(t) AS
CASE
    WHEN regexp_matches(t, '^(?:[+]?86|0086)?[ -]?0?1[3-9](?:[ -]?[0-9]){9}$')
    THEN right(regexp_replace(t, '[ -]', '', 'g'), 11)
    WHEN regexp_matches(t, '^[(（]?0(?:10|2[0-9])[)）]?[ -]*[1-9](?:[ -]?[0-9]){6,7}$')
    THEN regexp_extract(t, '0[0-9]{2}') || '-'
        || substr(regexp_replace(t, '[ ()（）-]', '', 'g'), 4)
    WHEN regexp_matches(t, '^[(（]?0[3-9][0-9]{2}[)）]?[ -]*[1-9](?:[ -]?[0-9]){6,7}$')
    THEN regexp_extract(t, '0[0-9]{3}') || '-'
        || substr(regexp_replace(t, '[ ()（）-]', '', 'g'), 5)
    ELSE t
END;

-- Two numbers in one cell stay; a person must separate them.
CREATE OR REPLACE MACRO normalise_phone(t VARCHAR) AS
CASE
    WHEN regexp_matches(t, '^1[3-9][0-9]{9}$') THEN t
    ELSE list_extract(list_transform([_without(t, '[.]0+$')], lambda c: _phone_of(c)), 1)
END;
