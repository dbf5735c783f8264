-- 0061 hubs: when each broker was last heard by the database, and how far it knows the log.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.broker_seen (
    broker    text PRIMARY KEY,
    seen_at   timestamptz NOT NULL,
    log_epoch int4 NOT NULL,
    seq       int8 NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE bus.broker_seen IS 'when each broker said last that it runs: about once a second while it reaches the database';
COMMENT ON COLUMN bus.broker_seen.broker IS 'its setting name';
COMMENT ON COLUMN bus.broker_seen.seen_at IS 'clock of the database';
COMMENT ON COLUMN bus.broker_seen.log_epoch IS 'of the log that seq is a number of; 0 = it has not read the log yet';
COMMENT ON COLUMN bus.broker_seen.seq IS 'newest number that it knows';

RESET ROLE;
