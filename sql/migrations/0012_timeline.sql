-- 0012 timeline: the log knows on which server's timeline it was last written to, so that a promotion that
-- lost something is seen even when everybody who knew the lost numbers is gone.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.log_head
    ADD COLUMN timeline int4,
    ADD COLUMN waits_for_standby bool NOT NULL DEFAULT false;
COMMENT ON COLUMN bus.log_head.timeline IS 'of the server that brokers last came to; null: none came yet';
COMMENT ON COLUMN bus.log_head.waits_for_standby IS 'the last commit of the log waited for a standby';

RESET ROLE;
