-- 0001 log: schemas, roles, and the tables of the log.
--
-- A message is one row of bus.message. Its number (seq) is given under the lock of the one row of
-- bus.log_head, so numbers are gapless and in commit order. No B-tree hangs on bus.message: duplicates
-- are refused by bus.lane_run (what was seen, as runs), and pages of history are found by a BRIN index
-- on seq, because seq and the place on disk grow together.
--
-- Runs as a superuser, or as a role that may create roles and schemas. Roles belong to the whole
-- cluster, so they are made only where missing, and never altered here.
-- was: 4d32780e9d19b87b31497459d86e7f85ed2c6b2ba4cf576fdc554e681a17e0ce

DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['bus_owner NOLOGIN', 'bus_ingest LOGIN', 'bus_reader LOGIN', 'bus_admin LOGIN'] LOOP
        BEGIN
            EXECUTE 'CREATE ROLE ' || r || ' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION';
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database of this cluster made it
        END;
    END LOOP;
    IF NOT pg_has_role(current_user, 'bus_owner', 'MEMBER') THEN
        EXECUTE format('GRANT bus_owner TO %I', current_user);
    END IF;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO bus_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO bus_ingest, bus_reader, bus_admin', current_database());
    -- Large objects are the one thing that everybody who may connect could fill a disk with. Only a superuser
    -- may take the functions away; the runbook says what to do where a lesser role ran this.
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        REVOKE EXECUTE ON FUNCTION lo_creat(int4), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;
    END IF;
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

SET LOCAL ROLE bus_owner;
CREATE SCHEMA bus;
COMMENT ON SCHEMA bus IS 'the log and what guards it; people ask in schema eoc';
CREATE SCHEMA eoc;
COMMENT ON SCHEMA eoc IS 'what people ask: tables and views with real columns';
GRANT USAGE ON SCHEMA bus TO bus_ingest, bus_admin;
GRANT USAGE ON SCHEMA eoc TO bus_reader, bus_admin;
-- Functions are for whom they are granted to, not for everybody.
ALTER DEFAULT PRIVILEGES FOR ROLE bus_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE TABLE bus.migration (
    version    int4 PRIMARY KEY,
    name       text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sha256     bytea NOT NULL CHECK (length(sha256) = 32)
);
COMMENT ON TABLE bus.migration IS 'which files of sql/migrations ran here, and the digest of their text';
GRANT SELECT ON bus.migration TO bus_admin;

-- Principals --------------------------------------------------------------------------------------

CREATE TABLE bus.principal (
    principal_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9_-]+([.][a-z0-9_-]+)*$' AND length(name) <= 64),
    agency       text NOT NULL DEFAULT '',
    role         text NOT NULL DEFAULT '',
    place        text NOT NULL DEFAULT '' CHECK (place ~ '^([0-9]{7,13}|[A-Z]{2}[0-9]{2,13})?$'),
    note         text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    not_after    timestamptz,
    revoked_at   timestamptz
);
COMMENT ON TABLE bus.principal IS 'who may come in; never deleted, since the log names them';
COMMENT ON COLUMN bus.principal.place IS 'official P-code of the office or station; empty = the whole country';

CREATE TABLE bus.principal_key (
    principal_id int4 NOT NULL REFERENCES bus.principal,
    public_key   bytea NOT NULL PRIMARY KEY CHECK (length(public_key) = 32),
    valid_from   timestamptz NOT NULL DEFAULT now(),
    valid_to     timestamptz,
    revoked_at   timestamptz
);
COMMENT ON TABLE bus.principal_key IS 'CURVE public keys; two may be valid while one replaces the other';
CREATE INDEX principal_key_principal ON bus.principal_key (principal_id);

CREATE TABLE bus.principal_version (
    one     bool PRIMARY KEY DEFAULT true CHECK (one),
    version int8 NOT NULL DEFAULT 1
);
COMMENT ON TABLE bus.principal_version IS 'grows with every change of principals or keys; brokers poll it';
INSERT INTO bus.principal_version DEFAULT VALUES;

-- The log -----------------------------------------------------------------------------------------

CREATE TABLE bus.log_head (
    one            bool PRIMARY KEY DEFAULT true CHECK (one),
    log_epoch      int4 NOT NULL DEFAULT 1 CHECK (log_epoch > 0),
    seq            int8 NOT NULL DEFAULT 0,
    partition_end  int8 NOT NULL DEFAULT 0,
    partition_rows int8 NOT NULL DEFAULT 4194304 CHECK (partition_rows >= 16),
    notified_at    timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE bus.log_head IS 'one row; its lock makes numbers gapless and in commit order';
COMMENT ON COLUMN bus.log_head.log_epoch IS 'raised when a backup was restored or a failover lost something';
COMMENT ON COLUMN bus.log_head.seq IS 'last number given';
COMMENT ON COLUMN bus.log_head.partition_end IS 'first number without a partition';
COMMENT ON COLUMN bus.log_head.partition_rows IS 'numbers a new partition takes';
COMMENT ON COLUMN bus.log_head.notified_at IS 'of the last NOTIFY, which goes out once in 20 ms at most';
INSERT INTO bus.log_head DEFAULT VALUES;

-- Wide columns first, so that no byte is lost to alignment.
CREATE TABLE bus.message (
    seq             int8 NOT NULL,
    epoch           int8 NOT NULL,
    lane_seq        int8 NOT NULL,
    received_at     timestamptz NOT NULL,
    event_at        timestamptz NOT NULL,
    not_after       timestamptz,
    log_epoch       int4 NOT NULL,
    sender_id       int4 NOT NULL,
    clock_offset_ms int4,
    lane            int2 NOT NULL,
    type            int2 NOT NULL,
    status          int2 NOT NULL,
    verdict         int2,
    expired         bool,
    message_id      uuid NOT NULL,
    places          text NOT NULL,
    content         bytea COMPRESSION lz4 NOT NULL,
    signature       bytea COMPRESSION lz4
) PARTITION BY RANGE (seq);
COMMENT ON TABLE bus.message IS 'the log: every accepted message, as its sender made it';
COMMENT ON COLUMN bus.message.epoch IS 'of the sender''s outbox, UTC microseconds';
COMMENT ON COLUMN bus.message.lane IS '1 FLASH, 2 IMMEDIATE, 3 PRIORITY, 4 ROUTINE, 5 BULK';
COMMENT ON COLUMN bus.message.lane_seq IS '1, 2, 3 ... per (sender_id, epoch, lane)';
COMMENT ON COLUMN bus.message.type IS 'number of the field in Envelope.body';
COMMENT ON COLUMN bus.message.verdict IS 'what a life cycle made of it: 1 applied, 2 held, 3 contested; null = has none';
COMMENT ON COLUMN bus.message.expired IS 'true: its time was over when it was stored; nobody got it as live';
COMMENT ON COLUMN bus.message.places IS 'P-codes split by blanks, most affected first';
COMMENT ON COLUMN bus.message.content IS 'bytes of the Envelope, what was signed';
COMMENT ON COLUMN bus.message.clock_offset_ms IS 'sender''s clock minus the broker''s, ms; null = unknown';
-- 64 pages are about 1,200 messages of 300 bytes: one page of history reads little beside its own.
CREATE INDEX message_seq ON bus.message USING brin (seq) WITH (pages_per_range = 64, autosummarize = on);

CREATE TABLE bus.lane_run (
    sender_id  int4 NOT NULL,
    epoch      int8 NOT NULL,
    lane       int2 NOT NULL,
    lane_first int8 NOT NULL,
    lane_last  int8 NOT NULL,
    seq_first  int8 NOT NULL,
    seq_last   int8 NOT NULL,
    PRIMARY KEY (sender_id, epoch, lane, lane_first)
) WITH (fillfactor = 60);
COMMENT ON TABLE bus.lane_run IS 'what was seen: disjoint runs of lane_seq, and the span of numbers they got';

CREATE TABLE bus.document (
    seq         int8 NOT NULL,
    received_at timestamptz NOT NULL,
    event_at    timestamptz NOT NULL,
    sender_id   int4 NOT NULL,
    type        int2 NOT NULL,
    status      int2 NOT NULL,
    message_id  uuid NOT NULL,
    doc         jsonb COMPRESSION lz4 NOT NULL,
    PRIMARY KEY (type, seq)
) PARTITION BY RANGE (seq);
COMMENT ON TABLE bus.document IS 'Envelopes of ledger types as JSON; keys are the names in the .proto files';
CREATE INDEX document_message ON bus.document (message_id);

CREATE TABLE bus.quarantine (
    quarantine_id  uuid PRIMARY KEY,
    received_at    timestamptz NOT NULL,
    sender_id      int4 NOT NULL,
    code           text NOT NULL,
    path           text NOT NULL,
    text           text NOT NULL,
    content        bytea COMPRESSION lz4 NOT NULL,
    signature      bytea COMPRESSION lz4,
    seen_at        timestamptz
);
COMMENT ON TABLE bus.quarantine IS 'refused messages with their bytes and the reason';
COMMENT ON COLUMN bus.quarantine.sender_id IS 'the authenticated sender, whatever the bytes say';
COMMENT ON COLUMN bus.quarantine.code IS 'stable word, PROTOCOL.md "Codes"';
COMMENT ON COLUMN bus.quarantine.path IS 'field in question; empty = the whole message';
CREATE INDEX quarantine_received ON bus.quarantine (received_at);
CREATE INDEX quarantine_conflicts ON bus.quarantine (sender_id, received_at) WHERE code = 'conflict';

-- An operator looks at single messages, at what was refused, and at how far the log is.
GRANT SELECT ON bus.message, bus.quarantine, bus.log_head TO bus_admin;

RESET ROLE;
