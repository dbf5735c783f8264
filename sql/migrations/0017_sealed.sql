-- 0017 sealed: boxes with the identities of households, the keys that open them, and when they have to go.
--
-- A wrapped key opens its box for one reader, and only with the reader's own secret. To erase an identity is
-- to delete its rows of bus.wrapped_key: content, signature and chain stay as they are.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.wrapped_key (
    seq           int8 NOT NULL,
    reader_key_id bytea NOT NULL CHECK (length(reader_key_id) = 32),
    wrapped       bytea NOT NULL CHECK (length(wrapped) = 80),
    PRIMARY KEY (seq, reader_key_id)
) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE bus.wrapped_key IS 'the key of a sealed box, once for each reader; deleted = nobody can open it any more';
COMMENT ON COLUMN bus.wrapped_key.reader_key_id IS 'BLAKE2b-256 of the reader''s seal public key';

CREATE TABLE bus.sealed_box (
    seq          int8 PRIMARY KEY,
    erased_seq   int8,
    stored_at    timestamptz NOT NULL,
    erased_at    timestamptz,
    sender_id    int4 NOT NULL,
    message_id   uuid NOT NULL,
    household_id uuid NOT NULL
);
COMMENT ON TABLE bus.sealed_box IS 'one per message household_identity; the message itself is in the log';
COMMENT ON COLUMN bus.sealed_box.erased_seq IS 'the message that had its keys destroyed';
CREATE INDEX sealed_box_household ON bus.sealed_box (household_id);
CREATE INDEX sealed_box_message ON bus.sealed_box (message_id);

CREATE TABLE bus.erased_early (
    message_id uuid NOT NULL,
    seq        int8 NOT NULL,
    sender_id  int4 NOT NULL,
    PRIMARY KEY (message_id, seq)
);
COMMENT ON TABLE bus.erased_early IS 'boxes that were erased before they arrived: their keys are not taken';

CREATE TABLE bus.household_clock (
    due_at       timestamptz NOT NULL,
    waits_until  timestamptz,
    closed_seq   int8 NOT NULL,
    household_id uuid PRIMARY KEY
);
COMMENT ON TABLE bus.household_clock IS 'households whose case is closed, and when their identities are destroyed';
COMMENT ON COLUMN bus.household_clock.waits_until IS 'due_at; null = done, nothing is left to destroy';
CREATE INDEX household_clock_waits ON bus.household_clock (waits_until) WHERE waits_until IS NOT NULL;

RESET ROLE;
