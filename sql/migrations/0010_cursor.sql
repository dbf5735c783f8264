-- 0010 cursor: how far listeners with a durable name have acknowledged.
--
-- One row per lane, so that a listener can be served most urgent first and still know for each lane
-- where it is. Rows are small, move often and only forward; fillfactor leaves room for moves in place.
SET LOCAL ROLE bus_owner;

CREATE SEQUENCE bus.cursor_generation;
COMMENT ON SEQUENCE bus.cursor_generation IS 'a number for each opening of a cursor: the newest one moves it';

CREATE TABLE bus.cursor (
    seq          int8 NOT NULL CHECK (seq >= 0),
    generation   int8 NOT NULL,
    opened_at    timestamptz NOT NULL DEFAULT now(),
    moved_at     timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz NOT NULL,
    principal_id int4 NOT NULL REFERENCES bus.principal,
    log_epoch    int4 NOT NULL,
    lane         int2 NOT NULL CHECK (lane BETWEEN 1 AND 5),
    name         text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 64),
    broker       text NOT NULL,
    patterns     text NOT NULL,
    PRIMARY KEY (principal_id, name, lane)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE bus.cursor IS 'places of listeners with a durable name, one row per lane';
COMMENT ON COLUMN bus.cursor.seq IS 'everything that matches up to here was acknowledged';
COMMENT ON COLUMN bus.cursor.log_epoch IS 'of the log that seq is a number of';
COMMENT ON COLUMN bus.cursor.generation IS 'of the session that has it; older ones cannot move it any more';
COMMENT ON COLUMN bus.cursor.broker IS 'who serves it, until leased_until';
COMMENT ON COLUMN bus.cursor.patterns IS 'what it listens to, split by blanks';
GRANT SELECT ON bus.cursor TO bus_admin;

RESET ROLE;
