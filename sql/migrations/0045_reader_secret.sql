-- 0045 reader_secret: what a reader hears is worked out once a statement, however many tables the statement reads.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.reader_secret (
    one    bool PRIMARY KEY DEFAULT true CHECK (one),
    secret bytea NOT NULL
);
COMMENT ON TABLE bus.reader_secret IS 'what bus.reader_map signs its own notes with, which lie in a setting of the session';
ALTER TABLE bus.reader_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE bus.reader_secret FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON bus.reader_secret TO bus_owner USING (true) WITH CHECK (true);
INSERT INTO bus.reader_secret (secret) VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

RESET ROLE;
