-- 0018 same_upto: how far the log of an epoch is the one of the epochs before, so that nobody offers or reads
-- again what a promotion cannot have lost.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.epoch ADD COLUMN same_upto int8 NOT NULL DEFAULT 0;
COMMENT ON COLUMN bus.epoch.same_upto IS
    'numbers up to here name the same messages as before the raise; 0: nobody can say';
COMMENT ON TABLE bus.epoch IS 'every raise of the log epoch, and where the log ended then (head_then)';

-- From the first moment on: a standby that lacks even the first visit of a broker can be promoted, too.
UPDATE bus.log_head SET timeline = ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int4
 WHERE timeline IS NULL;
COMMENT ON COLUMN bus.log_head.timeline IS 'of the server that brokers last came to, or that the schema was made on';

RESET ROLE;
