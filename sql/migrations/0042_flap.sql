-- 0042 flap: an alarm that comes back within minutes of its all-clear, what was taken and is over, and who said something last.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.ledger_setting ADD COLUMN flap_within interval NOT NULL DEFAULT '5 min' CHECK (flap_within BETWEEN '0' AND '1 day');
COMMENT ON TABLE bus.ledger_setting IS 'bounds of what is held, without which one sender can keep the head of the log for seconds; and how alarms flap';
COMMENT ON COLUMN bus.ledger_setting.flap_within IS
    'an alarm so soon after its all-clear goes on where it stood, and who was asked hears that it is over after this time; 0: each alarm asks anew';

ALTER TABLE bus.alert ADD COLUMN cleared_from text NOT NULL DEFAULT '';
COMMENT ON COLUMN bus.alert.cleared_from IS 'state at its last all-clear; empty = there was none while somebody was asked';
COMMENT ON COLUMN bus.alert.repeats IS 'how often the same was said again by its sender, after an all-clear too';

ALTER TABLE bus.rested_on DROP CONSTRAINT rested_on_what_check,
    ADD CONSTRAINT rested_on_what_check CHECK (what IN ('right', 'turn', 'sees', 'ladder', 'flap'));
COMMENT ON COLUMN bus.rested_on.what IS 'right: its sender had the right to speak of these places then; sees: to report of them; turn: others waited before it; ladder: whom it asked, as the rules were then; flap: it went on with an alarm that had been cleared';

INSERT INTO bus.cycle_state (cycle, state, is_open, means) VALUES
('alert', 'CLEARED', false, 'all clear; the same alarm within minutes goes on where it stood, nobody is asked anew');
INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('alert', 'PAUSE',            'fact', 'SensorDetection CLEAR, of what somebody was asked about or has taken'),
('alert', 'RESUME',           'fact', 'SensorDetection soon after CLEAR, of what the first who was asked had not taken'),
('alert', 'RESUME_ESCALATED', 'fact', 'SensorDetection soon after CLEAR, of what somebody was asked about later, or who took it cannot'),
('alert', 'RESUME_TAKEN',     'fact', 'SensorDetection soon after CLEAR, of what was taken');
UPDATE bus.cycle_event SET means = 'SensorDetection CLEAR, of what nobody was asked about, or nobody is left to ask' WHERE cycle = 'alert' AND event = 'CLEAR';

-- Nobody was left to ask: the next alarm asks from the beginning, so that this one is not there to be gone on with.
INSERT INTO bus.transition (cycle, from_state, event, to_state, who, note) VALUES
('alert', 'ISSUED',       'PAUSE',            'CLEARED',      '{gateway}', ''),
('alert', 'ESCALATED',    'PAUSE',            'CLEARED',      '{gateway}', ''),
('alert', 'ACKNOWLEDGED', 'PAUSE',            'CLEARED',      '{gateway}', ''),
('alert', 'CLEARED',      'RESUME',           'ISSUED',       '{gateway}', 'the next is asked when it would have been'),
('alert', 'CLEARED',      'RESUME_ESCALATED', 'ESCALATED',    '{gateway}', 'the next is asked when it would have been'),
('alert', 'CLEARED',      'RESUME_TAKEN',     'ACKNOWLEDGED', '{gateway}', 'who took it has it still'),
('alert', 'CLEARED',      'ASK',              'CLEARED',      '{}', 'asked in the moment of the all-clear'),
('alert', 'CLEARED',      'ESCALATE',         'CLEARED',      '{}', 'asked in the moment of the all-clear'),
('alert', 'CLEARED',      'EXHAUST',          'CLEARED',      '{}', 'said in the moment of the all-clear'),
('alert', 'CLEARED',      'ACCEPT',           'CLEARED',      '{duty,dispatcher,chief}', 'counts if it comes back'),
('alert', 'CLEARED',      'ACKNOWLEDGE',      'CLEARED',      '{duty,dispatcher,chief}', 'counts if it comes back'),
('alert', 'CLEARED',      'REJECT',           'CLEARED',      '{duty,dispatcher,chief}', ''),
('alert', 'CLEARED',      'TAKE_BACK',        'CLEARED',      '{duty,dispatcher,chief}', 'if it comes back, the next is asked at once'),
('alert', 'CLEARED',      'EXPIRE',           'OVER',         '{}', 'it did not come back, and who was asked hears that'),
('alert', 'ACKNOWLEDGED', 'EXPIRE',           'OVER',         '{}', 'its time is over');

-- The last word of people ----------------------------------------------------------------------------

CREATE TABLE bus.last_word (
    seq          int8 NOT NULL,
    at           timestamptz NOT NULL,
    principal_id int4 PRIMARY KEY
) WITH (fillfactor = 50); -- one row is written over and over
COMMENT ON TABLE bus.last_word IS 'for each principal its newest message that no machine says by itself; kept when it is stored';
COMMENT ON COLUMN bus.last_word.at IS 'when a broker had it';
ALTER TABLE bus.last_word ENABLE ROW LEVEL SECURITY;
ALTER TABLE bus.last_word FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON bus.last_word TO bus_owner USING (true) WITH CHECK (true);
CREATE POLICY whole ON bus.last_word FOR SELECT TO bus_admin, bus_audit USING (true);

-- What is older than a month is silence anyhow. As bus.is_word has it.
INSERT INTO bus.last_word (principal_id, seq, at)
SELECT DISTINCT ON (d.sender_id) d.sender_id, d.seq, d.received_at FROM bus.document d
 WHERE d.received_at > now() - interval '30 days' AND d.status = 1 AND d.sender_id > 0
   AND d.type <> ALL ('{101,103,105,107,108,182,243,244,281,282}')
   AND (d.type <> 181 OR d.doc->'receipt'->>'level' IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED'))
   AND coalesce((d.doc->>'flags')::int4, 0) & 1 = 0
 ORDER BY d.sender_id, d.seq DESC;

RESET ROLE;
