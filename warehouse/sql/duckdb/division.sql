-- Division codes: 6 digits name a county (GB/T 2260), 9 a township (GB/T 10114), 12 a village or community.

-- Checks the form only; the code table `division` lists the existing codes.
CREATE OR REPLACE MACRO is_division_code(t VARCHAR) AS
regexp_matches(t, '^[1-8][0-9]{5}(?:[0-9]{3}){0,2}$');

-- Whether the code is in use today.
CREATE OR REPLACE MACRO is_known_division(t VARCHAR) AS
t IN (SELECT division.code FROM codes.division AS division WHERE division.valid_to IS NULL);

-- The successor of a closed code, if the table names exactly one and it is in use: 370684 becomes 370614. A village gets
-- the code of its township's successor with its own last three digits. NULL for all other codes, including codes of the
-- former Changdao county, whose townships got new numbers when it became part of 370614.
CREATE OR REPLACE MACRO _division_successor(t) AS (
    SELECT max(present.code)
    FROM codes.division AS past
    INNER JOIN codes.division AS present ON substr(present.code, 1, 9) = past.successor
    WHERE past.valid_to IS NOT NULL
        AND present.valid_to IS NULL
        AND past.code || substr(present.code, length(past.successor) + 1) = t
);

CREATE OR REPLACE MACRO _current_division(t) AS coalesce(_division_successor(t), t);

CREATE OR REPLACE MACRO current_division(t VARCHAR) AS _current_division(t);

-- Takes text as delivered: removes blanks, replaces a closed code by its successor.
CREATE OR REPLACE MACRO normalise_division(t VARCHAR) AS
_current_division(CASE WHEN regexp_matches(t, '^[0-9]{6,12}$') THEN t ELSE _without(t, '[ ''‘’`"=]|[.]0+$') END);

-- The county of a code. A city padded with zeros (370600) has no county.
CREATE OR REPLACE MACRO county_of(t VARCHAR) AS
nullif(regexp_extract(t, '^[1-8][0-9]{3}(?:[1-9][0-9]|0[1-9])'), '');

-- The township of a code. A county, padded with zeros or not, has no township.
CREATE OR REPLACE MACRO township_of(t VARCHAR) AS
nullif(regexp_extract(t, '^[1-8][0-9]{5}(?:[1-9][0-9]{2}|0[1-9][0-9]|00[1-9])'), '');
