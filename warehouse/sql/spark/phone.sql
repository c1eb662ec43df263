-- Telephone numbers of the mainland; see the DuckDB file of this name.

CREATE OR REPLACE TEMPORARY FUNCTION is_mobile(t STRING) RETURNS BOOLEAN RETURN
t RLIKE r'^1[3-9][0-9]{9}\z';

CREATE OR REPLACE TEMPORARY FUNCTION is_landline(t STRING) RETURNS BOOLEAN RETURN
t RLIKE r'^(?:0(?:10|2[0-9]|[3-9][0-9]{2})-?[1-9][0-9]{6,7}|[2-8][0-9]{6,7})(?:[-转][0-9]{1,6})?\z';

CREATE OR REPLACE TEMPORARY FUNCTION is_phone(t STRING) RETURNS BOOLEAN RETURN
t RLIKE (
    r'^(?:1[3-9][0-9]{9}|[48]00-?[0-9]{3}-?[0-9]{4}'
    || r'|(?:0(?:10|2[0-9]|[3-9][0-9]{2})-?[1-9][0-9]{6,7}|[2-8][0-9]{6,7})(?:[-转][0-9]{1,6})?)\z'
);

CREATE OR REPLACE TEMPORARY FUNCTION _phone_of(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE r'^(?:[+]?86|0086)?[ -]?0?1[3-9](?:[ -]?[0-9]){9}\z'
    THEN right(regexp_replace(t, '[ -]', ''), 11)
    WHEN t RLIKE r'^[(（]?0(?:10|2[0-9])[)）]?[ -]*[1-9](?:[ -]?[0-9]){6,7}\z'
    THEN regexp_extract(t, '0[0-9]{2}', 0) || '-'
        || substr(regexp_replace(t, '[ ()（）-]', ''), 4)
    WHEN t RLIKE r'^[(（]?0[3-9][0-9]{2}[)）]?[ -]*[1-9](?:[ -]?[0-9]){6,7}\z'
    THEN regexp_extract(t, '0[0-9]{3}', 0) || '-'
        || substr(regexp_replace(t, '[ ()（）-]', ''), 5)
    ELSE t
END;

CREATE OR REPLACE TEMPORARY FUNCTION normalise_phone(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE r'^1[3-9][0-9]{9}\z' THEN t
    ELSE _phone_of(_without(t, r'[.]0+\z'))
END;
