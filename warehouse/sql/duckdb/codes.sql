-- The code tables that functions look into, empty until the engine fills them: a function cannot be created before
-- the tables it names.
CREATE SCHEMA IF NOT EXISTS codes;

CREATE TABLE IF NOT EXISTS codes.division (
    code VARCHAR, label VARCHAR, parent VARCHAR, level VARCHAR, valid_from VARCHAR, valid_to VARCHAR,
    successor VARCHAR, aliases VARCHAR, note VARCHAR
);

CREATE TABLE IF NOT EXISTS codes.area AS FROM codes.division WHERE FALSE;

CREATE TABLE IF NOT EXISTS codes.plate_prefix AS FROM codes.division WHERE FALSE;
