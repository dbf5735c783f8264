-- 0006 functions: which text of sql/functions this database runs.
--
-- Tables change by numbered migrations and only forward. Functions and views hold nothing, so they
-- are kept as they are now, in sql/functions, and `eocctl migrate` makes all of them anew, in one
-- transaction, whenever a line of them changed.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.function_text (
    one        bool PRIMARY KEY DEFAULT true CHECK (one),
    digest     int8 NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE bus.function_text IS 'digest of sql/functions as of the last eocctl migrate; brokers compare';
GRANT SELECT ON bus.function_text TO bus_admin;

RESET ROLE;
