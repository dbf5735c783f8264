-- 0046 blind: keyed marks of names and documents, by which the database proposes that two households are one. It has
-- no key, so it can neither read a mark nor make one of a name.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.blind_mark (
    mark         bytea NOT NULL CHECK (length(mark) BETWEEN 16 AND 32),
    seq          int8 NOT NULL,
    household_id uuid NOT NULL,
    PRIMARY KEY (mark, seq)
);
COMMENT ON TABLE bus.blind_mark IS 'marks of the newest identity that each agency has of a household; they go with its keys';
COMMENT ON COLUMN bus.blind_mark.mark IS 'keyed hash of a document, or of name and year of birth; the key is the registries''';
COMMENT ON COLUMN bus.blind_mark.seq IS 'the household_identity that brought it';
CREATE INDEX blind_mark_seq ON bus.blind_mark (seq);
CREATE INDEX blind_mark_household ON bus.blind_mark (household_id);

-- Who may hear the message sees its marks (sql/functions/z_readers.sql).
ALTER TABLE bus.blind_mark ENABLE ROW LEVEL SECURITY;
ALTER TABLE bus.blind_mark FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON bus.blind_mark TO bus_owner USING (true) WITH CHECK (true);
CREATE POLICY whole ON bus.blind_mark FOR SELECT TO bus_admin, bus_audit USING (true);

RESET ROLE;
