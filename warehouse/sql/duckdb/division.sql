-- Division codes: 6 digits name a county (GB/T 2260), 9 a township (GB/T 10114), 12 a village or community.

-- The shape only; which codes exist is the code table `division`.
CREATE OR REPLACE MACRO is_division_code(t VARCHAR) AS
regexp_matches(t, '^[1-8][0-9]{5}(?:[0-9]{3}){0,2}$');

-- Whether there is such a code today.
CREATE OR REPLACE MACRO is_known_division(t VARCHAR) AS
t IN (SELECT division.code FROM codes.division AS division WHERE division.valid_to IS NULL);

-- The code that took a closed one's place, where the table names one only and has it in use: 370684 is 370614. A
-- village lies in its township's successor under its own last three digits. NULL for all other codes: those of the
-- former Changdao county, whose townships got new numbers when it became part of 370614, among them.
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

-- Text as delivered: blanks out, a closed code's successor in its place.
CREATE OR REPLACE MACRO normalise_division(t VARCHAR) AS
_current_division(CASE WHEN regexp_matches(t, '^[0-9]{6,12}$') THEN t ELSE _without(t, '[ ''‘’`"=]|[.]0+$') END);

-- The county a code lies in. A city padded with zeros (370600) lies in none.
CREATE OR REPLACE MACRO county_of(t VARCHAR) AS
nullif(regexp_extract(t, '^[1-8][0-9]{3}(?:[1-9][0-9]|0[1-9])'), '');

-- The township a code lies in. A county, padded with zeros or not, lies in none.
CREATE OR REPLACE MACRO township_of(t VARCHAR) AS
nullif(regexp_extract(t, '^[1-8][0-9]{5}(?:[1-9][0-9]{2}|0[1-9][0-9]|00[1-9])'), '');
