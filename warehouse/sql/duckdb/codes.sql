-- The code tables that functions read. They are created empty, because a function cannot be created before its tables;
-- the engine fills them later.
CREATE SCHEMA IF NOT EXISTS codes;

CREATE TABLE IF NOT EXISTS codes.division (
    code VARCHAR, label VARCHAR, parent VARCHAR, level VARCHAR, valid_from VARCHAR, valid_to VARCHAR,
    successor VARCHAR, aliases VARCHAR, note VARCHAR
);

CREATE TABLE IF NOT EXISTS codes.area AS FROM codes.division WHERE FALSE;

CREATE TABLE IF NOT EXISTS codes.plate_prefix AS FROM codes.division WHERE FALSE;
