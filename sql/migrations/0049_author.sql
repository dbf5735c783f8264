-- 0049 author: what a person says through a desk is the person's word (Envelope.author).
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.ledger_setting ADD COLUMN authors_from int8 NOT NULL DEFAULT 0;
COMMENT ON COLUMN bus.ledger_setting.authors_from IS 'messages up to this number were judged as their sender''s, whatever author they name, and are judged again so';
UPDATE bus.ledger_setting SET authors_from = (SELECT h.seq FROM bus.log_head h);

ALTER TABLE bus.rested_on DROP CONSTRAINT rested_on_what_check,
    ADD CONSTRAINT rested_on_what_check CHECK (what IN ('right', 'turn', 'sees', 'ladder', 'flap', 'decides', 'supplier', 'alone'));
COMMENT ON COLUMN bus.rested_on.what IS 'right: who said it had the right to speak of these places then; sees: to report of them; decides: to decide about them; turn: others waited before it; ladder: whom it asked, as the rules were then; flap: it came back as the settings were then; supplier: whose part it ordered; alone: its sender had no right to speak for the author';

INSERT INTO bus.role (role, note) VALUES ('desk', 'a page where several people sign in: says what they may, in their names');
INSERT INTO bus.rule (role, effect, verb, types, places, label, note) VALUES
    ('desk', 'allow', 'carry', '*', 'any', 'RESTRICTED', 'each of them has the rights of his own roles');

RESET ROLE;
