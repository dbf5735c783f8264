-- 0051 search: the words of what was said, so that people find it.
--
-- Readers see a document by its policy, and PostgreSQL does not look into an index by a word (@@ may tell what it was asked)
-- before the policy has spoken. So the words have a table of their own that nobody reads; bus.search_seqs looks there
-- and answers only with numbers of what the reader may hear (sql/functions/search.sql).
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.search_text (
    seq       int8 PRIMARY KEY,
    sender_id int4 NOT NULL,
    type      int2 NOT NULL,
    marks     int2,
    kind      text NOT NULL,
    places    text NOT NULL,
    words     tsvector NOT NULL
);
COMMENT ON TABLE bus.search_text IS 'folded words of documents, filled behind the log (bus.search_fill); nothing of households is here';
COMMENT ON COLUMN bus.search_text.kind IS 'under what a page shows it: incident, report, alert, request, message, sensor, document';
COMMENT ON COLUMN bus.search_text.words IS 'as eoc.fold has them; #CODE for each place, @kind for its kind';
CREATE INDEX search_text_words ON bus.search_text USING gin (words);
CREATE INDEX search_text_kind ON bus.search_text (kind, seq);
INSERT INTO bus.projection (name) VALUES ('search');

ALTER TABLE bus.search_text ENABLE ROW LEVEL SECURITY;
ALTER TABLE bus.search_text FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON bus.search_text TO bus_owner USING (true) WITH CHECK (true);
CREATE POLICY whole ON bus.search_text FOR SELECT TO bus_admin, bus_audit USING (true);

RESET ROLE;
