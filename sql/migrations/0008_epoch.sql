-- 0008 epoch: when and why the log got a new epoch.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.epoch (
    log_epoch int4 PRIMARY KEY,
    raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    because   text NOT NULL CHECK (because <> ''),
    head_then int8 NOT NULL
);
COMMENT ON TABLE bus.epoch IS 'every raise of the log epoch: numbers up to head_then are those of the epochs before';
GRANT SELECT ON bus.epoch TO bus_admin;

RESET ROLE;
