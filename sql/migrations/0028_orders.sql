-- 0028 orders: how many persons it takes before a machine obeys, and who may be one.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.rule DROP CONSTRAINT rule_verb_check,
    ADD CONSTRAINT rule_verb_check
        CHECK (verb IN ('say', 'hear', 'flash', 'carry', 'open', 'enrol', 'operate', 'approve'));
COMMENT ON COLUMN bus.rule.verb IS 'say, hear, flash: say it as FLASH, carry: say what others signed, open: read identities, enrol, operate, approve: an order to a machine';

CREATE TABLE bus.approval_need (
    type      text NOT NULL CHECK (type IN ('siren_command', 'sensor_control', 'sensor_configuration')),
    action    text NOT NULL DEFAULT '*' CHECK (action ~ '^([*]|[a-z_]{1,32})$'),
    approvers int4 NOT NULL CHECK (approvers BETWEEN 0 AND 4),
    note      text NOT NULL DEFAULT '',
    PRIMARY KEY (type, action)
);
COMMENT ON TABLE bus.approval_need IS 'how many persons besides the sender approve an order to a machine; machines ask for no fewer than their own list does';
COMMENT ON COLUMN bus.approval_need.action IS 'as in the message, in small letters: set_mode; * = whatever else';
GRANT SELECT ON bus.approval_need TO bus_admin;

INSERT INTO bus.approval_need VALUES
    ('siren_command', '*', 2, ''),
    ('sensor_configuration', '*', 2, 'numbers that decide whether a siren sounds'),
    ('sensor_control', 'set_mode', 2, 'in MAINTENANCE nothing sounds'),
    ('sensor_control', 'clear', 1, 'ends a level by hand'),
    ('sensor_control', '*', 0, 'history, clock, restart');

INSERT INTO bus.rule (role, effect, verb, types, places, label, note) VALUES
    ('dispatcher', 'allow', 'approve', 'siren_command sensor_control sensor_configuration', 'own', 'RESTRICTED', ''),
    ('eoc', 'allow', 'approve', 'siren_command sensor_control sensor_configuration', 'any', 'RESTRICTED', ''),
    ('district', 'allow', 'approve', 'siren_command', 'own', 'RESTRICTED', ''),
    ('all', 'allow', 'approve', '*', 'any', 'HOUSEHOLD_PERSONAL', '');

RESET ROLE;
