-- 0015 audit: events for an inquiry, until bus.tick says them as messages of the bus.
SET LOCAL ROLE bus_owner;

INSERT INTO bus.type VALUES
    (243, 'audit_event', 'trust'),
    (244, 'log_head', 'trust');

-- What changes a right must not hold the head: a person's open transaction would stop the bus. So an
-- event waits here, committed with what it tells of, and is said within a second or so.
CREATE TABLE bus.audit_pending (
    audit_id   int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    times      int8 NOT NULL DEFAULT 1,
    message_id uuid,
    what       text NOT NULL CHECK (what ~ '^[a-z][a-z0-9_]{0,39}$'),
    subject    text NOT NULL,
    who        text NOT NULL,
    via        text NOT NULL,
    before     text NOT NULL,
    after      text NOT NULL,
    because    text NOT NULL
);
COMMENT ON TABLE bus.audit_pending IS 'events that wait to be said as messages of type audit_event';
COMMENT ON COLUMN bus.audit_pending.what IS 'stable word, PROTOCOL.md "The record"';
COMMENT ON COLUMN bus.audit_pending.who IS 'who logged in to the database';
COMMENT ON COLUMN bus.audit_pending.via IS 'application_name of the connection';

RESET ROLE;
