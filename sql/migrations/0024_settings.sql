-- 0024 settings: with which settings each broker ran last, so that a change of them is an event of the log.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.broker_setting (
    broker text NOT NULL,
    name   text NOT NULL,
    deflt  text NOT NULL,
    value  text NOT NULL,
    PRIMARY KEY (broker, name)
);
COMMENT ON TABLE bus.broker_setting IS 'settings that each broker said it runs with; secrets are not in it';

COMMENT ON COLUMN bus.broker_setting.deflt IS 'what it is where nobody sets it';

RESET ROLE;
