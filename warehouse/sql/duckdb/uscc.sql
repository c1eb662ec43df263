-- The unified social credit code (GB 32100-2015): two characters for the registering authority and the kind
-- of body, six digits of its division, nine of the subject, one check character. I, O, S, V, Z never occur.

CREATE OR REPLACE MACRO normalise_code(t VARCHAR) AS
upper(_without(t, '[ ''‘’`"=-]|[.]0+$'));

-- The value of the character at place i: its position in the standard's alphabet.
CREATE OR REPLACE MACRO _uscc_value(t, i) AS
strpos('0123456789ABCDEFGHJKLMNPQRTUWXY', substr(t, i, 1)) - 1;

-- The check character of the first 17 characters: MOD 31, weights 3^(i-1) mod 31 (GB 32100-2015). A list of one element
-- binds the code once, even if t is a long expression. A regular expression inside the lambda would be compiled for
-- every vector.
CREATE OR REPLACE MACRO uscc_check_character(t VARCHAR) AS
list_extract(
    list_transform(
        [CASE WHEN regexp_matches(t, '^[0-9A-HJ-NP-RTUWXY]{17}') THEN t END],
        lambda c: substr('0123456789ABCDEFGHJKLMNPQRTUWXY', (31 - (
            1 * _uscc_value(c, 1)
            + 3 * _uscc_value(c, 2)
            + 9 * _uscc_value(c, 3)
            + 27 * _uscc_value(c, 4)
            + 19 * _uscc_value(c, 5)
            + 26 * _uscc_value(c, 6)
            + 16 * _uscc_value(c, 7)
            + 17 * _uscc_value(c, 8)
            + 20 * _uscc_value(c, 9)
            + 29 * _uscc_value(c, 10)
            + 25 * _uscc_value(c, 11)
            + 13 * _uscc_value(c, 12)
            + 8 * _uscc_value(c, 13)
            + 24 * _uscc_value(c, 14)
            + 10 * _uscc_value(c, 15)
            + 30 * _uscc_value(c, 16)
            + 28 * _uscc_value(c, 17)
        ) % 31) % 31 + 1, 1)
    ),
    1
);

-- The first two characters may be letters: A is the armed forces, N agriculture (N2 a village collective), Y all others.
-- Checks the form only: a few codes of an early pilot fail the check character and are valid.
CREATE OR REPLACE MACRO is_uscc_form(t VARCHAR) AS
regexp_matches(t, '^[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}$');

-- NULL for NULL, TRUE or FALSE for everything else.
CREATE OR REPLACE MACRO is_uscc(t VARCHAR) AS
    is_uscc_form(t) AND substr(t, 18, 1) = uscc_check_character(t);
