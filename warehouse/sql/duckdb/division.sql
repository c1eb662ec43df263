-- Division codes: 6 digits name a county (GB/T 2260), 9 a township (GB/T 10114), 12 a village or community.

-- The shape only; which codes exist is the code table `division`.
CREATE OR REPLACE MACRO is_division_code(t VARCHAR) AS
regexp_matches(t, '^[1-8][0-9]{5}(?:[0-9]{3}){0,2}$');

-- The county a code lies in. A city padded with zeros (370600) lies in none.
CREATE OR REPLACE MACRO county_of(t VARCHAR) AS
nullif(regexp_extract(t, '^[1-8][0-9]{3}(?:[1-9][0-9]|0[1-9])'), '');

-- The township a code lies in. A county, padded with zeros or not, lies in none.
CREATE OR REPLACE MACRO township_of(t VARCHAR) AS
nullif(regexp_extract(t, '^[1-8][0-9]{5}(?:[1-9][0-9]{2}|0[1-9][0-9]|00[1-9])'), '');
