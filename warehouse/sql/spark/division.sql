-- Division codes; see the DuckDB file of this name.

CREATE OR REPLACE TEMPORARY FUNCTION is_division_code(t STRING) RETURNS BOOLEAN RETURN
t RLIKE r'^[1-8][0-9]{5}(?:[0-9]{3}){0,2}\z';

CREATE OR REPLACE TEMPORARY FUNCTION is_known_division(t STRING) RETURNS BOOLEAN RETURN
CASE WHEN t IS NOT NULL THEN t IN (
    SELECT division.code FROM codes__division AS division WHERE division.valid_to IS NULL
) END;

-- The successors are computed once, in a view: see warehouse/engine/spark/functions.py.
CREATE OR REPLACE TEMPORARY FUNCTION current_division(t STRING) RETURNS STRING RETURN
coalesce((SELECT max(known.successor) FROM codes__division_successor AS known WHERE known.code = t), t);

CREATE OR REPLACE TEMPORARY FUNCTION normalise_division(t STRING) RETURNS STRING RETURN
current_division(_without(t, r'[ \x27‘’`"=]|[.]0+\z'));

CREATE OR REPLACE TEMPORARY FUNCTION county_of(t STRING) RETURNS STRING RETURN
nullif(regexp_extract(t, r'^[1-8][0-9]{3}(?:[1-9][0-9]|0[1-9])', 0), '');

CREATE OR REPLACE TEMPORARY FUNCTION township_of(t STRING) RETURNS STRING RETURN
nullif(regexp_extract(t, r'^[1-8][0-9]{5}(?:[1-9][0-9]{2}|0[1-9][0-9]|00[1-9])', 0), '');
