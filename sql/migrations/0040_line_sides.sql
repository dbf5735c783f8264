-- 0040 line_sides: who may move somebody else's line, and what is promised, lost, released in part.
SET LOCAL ROLE bus_owner;

-- What is lost before it arrives is not there for the request; what is used up there was.
ALTER TABLE bus.line ADD COLUMN lost_away numeric NOT NULL DEFAULT 0;
COMMENT ON COLUMN bus.line.lost_away IS 'of `lost`, so much before it arrived';

ALTER TABLE bus.rested_on DROP CONSTRAINT rested_on_what_check, ADD CONSTRAINT rested_on_what_check CHECK (what IN ('right', 'turn', 'sees', 'ladder'));
COMMENT ON COLUMN bus.rested_on.what IS 'right: its sender had the right to speak of these places then; sees: to report of them; turn: others waited before it; ladder: whom it asked, as the rules were then';

CREATE INDEX line_message_thread ON bus.line_message (thread, message_id, said);
-- The same number, whatever the alphabet, in upper and lower case.
DROP INDEX bus.commitment_item;
CREATE INDEX commitment_item ON bus.commitment (agency, lower(item COLLATE "und-x-icu"), status, upper(held));

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('line', 'UNASK',       'promise', 'RequestQuote with recall CANCEL'),
('line', 'UNASK_OFFER', 'promise', 'RequestQuote with recall CANCEL, of an offer');

INSERT INTO bus.cycle_guard (cycle, guard, code, means) VALUES
('line', 'side',  'not_yours', 'said by the supplier''s agency, by who asked, or by who reports of that place'),
('line', 'some',  'quantity',  'it is more than nothing'),
('line', 'whole', 'part',      'it is all that is still there');

-- A question for a price that is taken back leaves the line where it was.
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note) VALUES
('line', 'QUOTE_REQUESTED', 'UNASK',       'REQUESTED', '{consumer,last}', '{district}', ''),
('line', 'QUOTE_REQUESTED', 'UNASK_OFFER', 'OFFERED',   '{last}',          '{district}', 'it is still offered');
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, note) VALUES
('request', 'PARTLY', 'DONE', 'CLOSED', '{}', 'all of it came in another unit, and is released');

UPDATE bus.transition SET guards = '{last}' WHERE cycle = 'line' AND event = 'CANCEL';
UPDATE bus.transition SET guards = '{consumer}' || guards WHERE cycle = 'request' AND event IN ('UPDATE', 'CANCEL');
UPDATE bus.transition SET guards = '{side}' || guards
 WHERE cycle = 'line' AND event IN ('REPORT', 'DEPART', 'ARRIVE', 'LOSE', 'SPEND', 'RETURN_DEPART', 'RETURN_ARRIVE', 'UNSAY');
UPDATE bus.transition SET guards = guards || '{whole}' WHERE cycle = 'line' AND event = 'RELEASE';
UPDATE bus.transition SET guards = guards || '{some}'
 WHERE cycle = 'line' AND (event IN ('COMMIT', 'COMMIT_PROVISIONAL') OR event = 'UPDATE' AND guards <> '{}');

RESET ROLE;
