-- 0009 recipients: who is on duty, whom messages were addressed to, and how far they got.
SET LOCAL ROLE bus_owner;

-- The bus itself speaks as a principal too: it has a number and a name, and no key that opens the door.
INSERT INTO bus.principal (principal_id, name, note) OVERRIDING SYSTEM VALUE
VALUES (0, 'bus', 'the bus itself: receipts that the database makes');

CREATE TABLE bus.duty_roster (
    seq     int8 PRIMARY KEY,
    from_at timestamptz NOT NULL,
    to_at   timestamptz NOT NULL,
    set_by  int4 NOT NULL,
    role    text NOT NULL,
    place   text NOT NULL
);
COMMENT ON TABLE bus.duty_roster IS 'one per message duty_roster; of a role and place the latest that has begun is in force';
CREATE INDEX duty_roster_role ON bus.duty_roster (role, place, seq);

CREATE TABLE bus.duty_shift (
    roster_seq      int8 NOT NULL REFERENCES bus.duty_roster,
    from_at         timestamptz NOT NULL,
    to_at           timestamptz NOT NULL,
    shift           int2 NOT NULL,
    turn            int2 NOT NULL,
    principal       text NOT NULL,
    delegated_by    text NOT NULL,
    delegated_types text[] NOT NULL,
    PRIMARY KEY (roster_seq, shift)
);
COMMENT ON COLUMN bus.duty_shift.turn IS '1 = first to be called, 2 = when the first cannot ...';
COMMENT ON COLUMN bus.duty_shift.delegated_types IS 'names of types the delegation covers; empty = all';

-- Levels are those of ReceiptLevel in alert.proto: 1 STORED, 2 DELIVERED, 3 DISPLAYED, 4 ACCEPTED,
-- 5 REJECTED, 6 EXPIRED, 7 UNDELIVERABLE; from 4 on it is the last word.
CREATE TABLE bus.addressed (
    seq        int8 PRIMARY KEY,
    stored_at  timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    sender_id  int4 NOT NULL,
    lane       int2 NOT NULL,
    type       int2 NOT NULL,
    status     int2 NOT NULL,
    message_id uuid NOT NULL,
    places     text NOT NULL
);
COMMENT ON TABLE bus.addressed IS 'messages with recipients whose way is followed; receipts are not';
COMMENT ON COLUMN bus.addressed.due_at IS 'who has not answered by then never will';
CREATE INDEX addressed_message ON bus.addressed (message_id);

CREATE TABLE bus.recipient (
    seq      int8 NOT NULL REFERENCES bus.addressed,
    level_at timestamptz NOT NULL,
    due_at   timestamptz NOT NULL,
    by_id    int4,
    ordinal  int2 NOT NULL,
    level    int2 NOT NULL,
    named    text NOT NULL,
    code     text NOT NULL DEFAULT '',
    PRIMARY KEY (seq, ordinal)
) WITH (fillfactor = 80);
COMMENT ON TABLE bus.recipient IS 'one per entry of Envelope.to: how far the message got with it';
COMMENT ON COLUMN bus.recipient.by_id IS 'principal who got it that far; null = the bus itself';
CREATE INDEX recipient_due ON bus.recipient (due_at) WHERE level < 4;

CREATE TABLE bus.recipient_reach (
    seq          int8 NOT NULL,
    level_at     timestamptz NOT NULL,
    principal_id int4 NOT NULL,
    ordinal      int2 NOT NULL,
    level        int2 NOT NULL,
    via          text NOT NULL DEFAULT '',
    PRIMARY KEY (seq, ordinal, principal_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE bus.recipient_reach IS 'whom an entry of Envelope.to stood for when the message was stored, and how far it got with each';
COMMENT ON COLUMN bus.recipient_reach.level IS '0 = only delivered, not followed: the recipients of receipts';
COMMENT ON COLUMN bus.recipient_reach.via IS 'name of the listener that took it';
CREATE INDEX recipient_reach_open ON bus.recipient_reach (principal_id, seq) WHERE level BETWEEN 1 AND 3;

CREATE TABLE bus.recipient_step (
    step_id      int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    said_at      timestamptz,
    seq          int8,
    receipt_seq  int8,
    principal_id int4,
    ordinal      int2,
    level        int2 NOT NULL,
    message_id   uuid NOT NULL,
    named        text NOT NULL DEFAULT '',
    said_by      text NOT NULL DEFAULT '',
    code         text NOT NULL DEFAULT '',
    text         text NOT NULL DEFAULT '',
    note         text NOT NULL DEFAULT ''
);
COMMENT ON TABLE bus.recipient_step IS 'what happened to recipients, and receipts that changed nothing';
COMMENT ON COLUMN bus.recipient_step.said_at IS 'time in the receipt; null = the database''s own step';
COMMENT ON COLUMN bus.recipient_step.receipt_seq IS 'the receipt that tells of it; null = has to be said yet';
COMMENT ON COLUMN bus.recipient_step.note IS 'why it moved nothing; empty = it did';
CREATE INDEX recipient_step_unsaid ON bus.recipient_step (step_id) WHERE receipt_seq IS NULL;
CREATE INDEX recipient_step_of ON bus.recipient_step (seq, ordinal);
CREATE INDEX recipient_step_early ON bus.recipient_step (message_id) WHERE seq IS NULL;

RESET ROLE;
