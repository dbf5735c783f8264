-- 0035 alert: who is asked when an alarm or an alert waits for somebody to take it, and who answered.
--
-- Whom to ask, how long to wait and how many have to answer are rows (bus.escalation_rule); the life cycle is rows as
-- that of everything else. sql/functions/ledger_alert.sql applies both.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.escalation_rule (
    after         interval NOT NULL CHECK (after >= interval '0'),
    answer_within interval NOT NULL CHECK (answer_within > interval '0'),
    type          int2 NOT NULL REFERENCES bus.type (number),
    step          int2 NOT NULL CHECK (step BETWEEN 1 AND 20),
    acks_needed   int2 NOT NULL DEFAULT 1 CHECK (acks_needed BETWEEN 1 AND 5),
    lane          int2 NOT NULL DEFAULT 2 CHECK (lane BETWEEN 2 AND 5),
    level         text NOT NULL DEFAULT '',
    hazard        text NOT NULL DEFAULT '',
    place         text NOT NULL DEFAULT '',
    role          text NOT NULL CHECK (role ~ '^[a-z0-9_-]{1,32}$'),
    at_place      text NOT NULL,
    channel       text NOT NULL DEFAULT 'CONSOLE'
                  CHECK (channel IN ('CONSOLE', 'SMS', 'PHONE', 'RADIO', 'SIREN', 'SATELLITE', 'RUNNER')),
    PRIMARY KEY (type, level, hazard, place, step)
);
COMMENT ON TABLE bus.escalation_rule IS
    'ladders: who is asked to take an alarm or an alert, one role after the other. Rows of one type, level, hazard and place are one ladder';
COMMENT ON COLUMN bus.escalation_rule.type IS 'type of message that wants an answer; without a row nobody is asked';
COMMENT ON COLUMN bus.escalation_rule.level IS
    'of a detection its level; of a public alert EVACUATE if it asks for that, and its urgency; empty = any, when no other fits';
COMMENT ON COLUMN bus.escalation_rule.hazard IS 'for this hazard alone; empty = any';
COMMENT ON COLUMN bus.escalation_rule.place IS 'P-code, for what lies within it; empty = everywhere';
COMMENT ON COLUMN bus.escalation_rule.after IS 'time after the step before, 0 = together with it; at once if the role before refused, or nobody was on duty';
COMMENT ON COLUMN bus.escalation_rule.answer_within IS 'time to answer that the role is told; of the last step: when it counts as unanswered';
COMMENT ON COLUMN bus.escalation_rule.role IS 'role of duty rosters';
COMMENT ON COLUMN bus.escalation_rule.at_place IS 'where: "district" or "region" of the places of the alert, or a place of duty rosters';
COMMENT ON COLUMN bus.escalation_rule.acks_needed IS 'different persons of different steps that have to accept; the greatest of a ladder counts';
COMMENT ON COLUMN bus.escalation_rule.lane IS 'lane of the messages: 2 IMMEDIATE .. 5 BULK';

CREATE TABLE bus.alert (
    alert_id     uuid PRIMARY KEY,
    seq          int8 NOT NULL,
    moved_seq    int8 NOT NULL,
    began_at     timestamptz NOT NULL,
    since        timestamptz NOT NULL,
    asked_at     timestamptz,
    next_at      timestamptz,
    over_at      timestamptz,
    event_at     timestamptz NOT NULL,
    sender_id    int4 NOT NULL,
    torrent_id   int4 NOT NULL,
    repeats      int4 NOT NULL DEFAULT 0,
    type         int2 NOT NULL,
    status       int2 NOT NULL,
    label        int2 NOT NULL,
    step         int2 NOT NULL DEFAULT 0,
    acks         int2 NOT NULL DEFAULT 0,
    acks_needed  int2 NOT NULL,
    is_open      bool NOT NULL,
    calls        bool NOT NULL,
    state        text NOT NULL,
    level        text NOT NULL,
    hazard       text NOT NULL,
    identifier   text NOT NULL,
    cap_sender   text NOT NULL,
    places       text NOT NULL,
    rule_level   text NOT NULL,
    rule_hazard  text NOT NULL,
    rule_place   text NOT NULL,
    incident_ids uuid[] NOT NULL
);
COMMENT ON TABLE bus.alert IS 'alarms and alerts that somebody has to take: one per message that a ladder of bus.escalation_rule fits';
COMMENT ON COLUMN bus.alert.alert_id IS 'id of the message';
COMMENT ON COLUMN bus.alert.moved_seq IS 'number of the message that moved it last';
COMMENT ON COLUMN bus.alert.next_at IS 'when its timer rings: the next step, or its end; null = nothing is due';
COMMENT ON COLUMN bus.alert.over_at IS 'when it is over by itself; null = when somebody says so';
COMMENT ON COLUMN bus.alert.torrent_id IS 'torrent of a detection; 0 = none';
COMMENT ON COLUMN bus.alert.repeats IS 'how often the same was said again by its sender';
COMMENT ON COLUMN bus.alert.step IS 'last step of the ladder that was asked; 0 = none yet';
COMMENT ON COLUMN bus.alert.calls IS 'false: an exercise about another time, which asks nobody by itself';
COMMENT ON COLUMN bus.alert.places IS 'P-codes split by blanks';
COMMENT ON COLUMN bus.alert.rule_level IS 'with rule_hazard and rule_place: its ladder';
CREATE INDEX alert_open ON bus.alert (began_at) WHERE is_open;
CREATE INDEX alert_sender ON bus.alert (sender_id, torrent_id, seq);
CREATE INDEX alert_identifier ON bus.alert (identifier) WHERE identifier <> '';

CREATE TABLE bus.alert_message (
    message_id uuid PRIMARY KEY,
    alert_id   uuid NOT NULL
);
COMMENT ON TABLE bus.alert_message IS 'messages whose receipts answer an alert: itself, what repeats it, and what asked somebody to take it';

CREATE TABLE bus.alert_call (
    alert_id    uuid NOT NULL,
    seq         int8 NOT NULL,
    asked_at    timestamptz NOT NULL,
    deadline_at timestamptz,
    sender_id   int4 NOT NULL,
    step        int2 NOT NULL,
    target      text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('ASKED', 'NOBODY')),
    PRIMARY KEY (alert_id, step, target)
);
COMMENT ON TABLE bus.alert_call IS 'who was asked to take an alert, and who would have been if anybody had been on duty';
COMMENT ON COLUMN bus.alert_call.seq IS 'number of the message that asked; of NOBODY: that went on to the next';
COMMENT ON COLUMN bus.alert_call.target IS 'role@place';
COMMENT ON COLUMN bus.alert_call.outcome IS 'NOBODY: nobody else was on duty there';
COMMENT ON COLUMN bus.alert_call.sender_id IS '0 = the bus; others asked out of turn';

CREATE TABLE bus.alert_answer (
    alert_id     uuid NOT NULL,
    seq          int8 NOT NULL,
    message_id   uuid NOT NULL,
    at           timestamptz NOT NULL,
    principal_id int4 NOT NULL,
    counts       bool NOT NULL,
    steps        int2[] NOT NULL,
    answer       text NOT NULL,
    code         text NOT NULL,
    note         text NOT NULL,
    PRIMARY KEY (alert_id, seq)
);
COMMENT ON TABLE bus.alert_answer IS 'who accepted or rejected an alert';
COMMENT ON COLUMN bus.alert_answer.steps IS 'steps of the ladder whose role the principal had';
COMMENT ON COLUMN bus.alert_answer.answer IS 'ACCEPTED, REJECTED, or what was done about its incident: OPENED, CONFIRMED ...';
COMMENT ON COLUMN bus.alert_answer.counts IS 'one of the acknowledgements that are needed';
COMMENT ON COLUMN bus.alert_answer.note IS 'why it does not count: not_asked, own, status, same_role, counted_before, taken_back, over';

DO $$
DECLARE
    t regclass;
BEGIN
    FOREACH t IN ARRAY ARRAY['bus.alert', 'bus.alert_message', 'bus.alert_call', 'bus.alert_answer']::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner ON %s TO bus_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY whole ON %s FOR SELECT TO bus_admin, bus_audit USING (true)', t);
    END LOOP;
END
$$;

-- The ladders. A flow alarm leaves people minutes: 60 s, then 120 s. What people say to the public is known to whoever
-- said it, so that there is a little more time. An evacuation is taken by the district and by the centre.
INSERT INTO bus.escalation_rule (type, level, step, after, answer_within, role, at_place, acks_needed) VALUES
    (101, 'ALARM',     1, '0',     '60 s',  'duty',       'district', 1),
    (101, 'ALARM',     2, '60 s',  '2 min', 'dispatcher', 'region',   1),
    (101, 'ALARM',     3, '2 min', '2 min', 'dispatcher', '3501000',  1),
    (101, 'ALARM',     4, '2 min', '5 min', 'chief',      '3501000',  1),
    (180, 'IMMEDIATE', 1, '0',     '3 min', 'duty',       'district', 1),
    (180, 'IMMEDIATE', 2, '3 min', '3 min', 'dispatcher', 'region',   1),
    (180, 'IMMEDIATE', 3, '3 min', '4 min', 'dispatcher', '3501000',  1),
    (180, 'IMMEDIATE', 4, '4 min', '5 min', 'chief',      '3501000',  1),
    (180, 'EVACUATE',  1, '0',     '3 min', 'duty',       'district', 2),
    (180, 'EVACUATE',  2, '0',     '3 min', 'dispatcher', '3501000',  2),
    (180, 'EVACUATE',  3, '3 min', '3 min', 'dispatcher', 'region',   2),
    (180, 'EVACUATE',  4, '3 min', '5 min', 'chief',      '3501000',  2);

INSERT INTO bus.cycle_state (cycle, state, is_open, means) VALUES
('alert', 'ISSUED',       true,  'waits for the first who is asked'),
('alert', 'ESCALATED',    true,  'waits for somebody who was asked later'),
('alert', 'UNANSWERED',   true,  'there is nobody left to ask: a person has to look'),
('alert', 'ACKNOWLEDGED', false, 'enough have taken it; asked again if one of them cannot after all'),
('alert', 'CANCELLED',    false, 'taken back by who said it'),
('alert', 'OVER',         false, 'its time is over, another one replaces it, or what it warned of is over');

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('alert', 'ISSUE',       'fact', 'PublicAlert, SensorDetection, or what else has a ladder'),
('alert', 'ASK',         'fact', 'EscalationEvent STARTED, of the first step or together with the one before'),
('alert', 'ESCALATE',    'fact', 'EscalationEvent STARTED, of a further step'),
('alert', 'EXHAUST',     'fact', 'EscalationEvent EXHAUSTED'),
('alert', 'ACCEPT',      'fact', 'Receipt ACCEPTED, and it takes more'),
('alert', 'ACKNOWLEDGE', 'fact', 'Receipt ACCEPTED, and it is enough'),
('alert', 'REJECT',      'fact', 'Receipt REJECTED'),
('alert', 'TAKE_BACK',   'fact', 'Receipt REJECTED of somebody who had accepted'),
('alert', 'CANCEL',      'fact', 'PublicAlert CANCEL'),
('alert', 'SUPERSEDE',   'fact', 'PublicAlert UPDATE'),
('alert', 'CLEAR',       'fact', 'SensorDetection CLEAR'),
('alert', 'EXPIRE',      'fact', 'EscalationEvent OVER');

INSERT INTO bus.transition (cycle, from_state, event, to_state, who, note) VALUES
('alert', '',             'ISSUE',       'ISSUED',       '{gateway,dispatcher,eoc}', ''),
('alert', 'ISSUED',       'ASK',         'ISSUED',       '{}', ''),
('alert', 'ESCALATED',    'ASK',         'ESCALATED',    '{}', ''),
('alert', 'ACKNOWLEDGED', 'ASK',         'ACKNOWLEDGED', '{}', 'asked in the moment of the answer'),
('alert', 'ISSUED',       'ESCALATE',    'ESCALATED',    '{}', ''),
('alert', 'ESCALATED',    'ESCALATE',    'ESCALATED',    '{}', ''),
('alert', 'ACKNOWLEDGED', 'ESCALATE',    'ACKNOWLEDGED', '{}', 'asked in the moment of the answer'),
('alert', 'ISSUED',       'EXHAUST',     'UNANSWERED',   '{}', 'nobody was on duty anywhere'),
('alert', 'ESCALATED',    'EXHAUST',     'UNANSWERED',   '{}', ''),
('alert', 'ACKNOWLEDGED', 'EXHAUST',     'ACKNOWLEDGED', '{}', 'said in the moment of the answer'),
('alert', 'ISSUED',       'ACCEPT',      'ISSUED',       '{duty}', ''),
('alert', 'ESCALATED',    'ACCEPT',      'ESCALATED',    '{duty,dispatcher,chief}', ''),
('alert', 'UNANSWERED',   'ACCEPT',      'UNANSWERED',   '{duty,dispatcher,chief}', ''),
('alert', 'ACKNOWLEDGED', 'ACCEPT',      'ACKNOWLEDGED', '{duty,dispatcher,chief}', 'one more'),
('alert', 'ISSUED',       'ACKNOWLEDGE', 'ACKNOWLEDGED', '{duty}', 'nobody else is asked'),
('alert', 'ESCALATED',    'ACKNOWLEDGE', 'ACKNOWLEDGED', '{duty,dispatcher,chief}', 'nobody else is asked'),
('alert', 'UNANSWERED',   'ACKNOWLEDGE', 'ACKNOWLEDGED', '{duty,dispatcher,chief}', 'late, but taken'),
('alert', 'ACKNOWLEDGED', 'ACKNOWLEDGE', 'ACKNOWLEDGED', '{duty,dispatcher,chief}', 'one more'),
('alert', 'ISSUED',       'REJECT',      'ISSUED',       '{duty}', 'the next is asked at once'),
('alert', 'ESCALATED',    'REJECT',      'ESCALATED',    '{duty,dispatcher,chief}', 'the next is asked at once'),
('alert', 'UNANSWERED',   'REJECT',      'UNANSWERED',   '{duty,dispatcher,chief}', ''),
('alert', 'ACKNOWLEDGED', 'REJECT',      'ACKNOWLEDGED', '{duty,dispatcher,chief}', 'others have it'),
('alert', 'ISSUED',       'TAKE_BACK',   'ISSUED',       '{duty}', 'the next is asked at once'),
('alert', 'ESCALATED',    'TAKE_BACK',   'ESCALATED',    '{duty,dispatcher,chief}', 'the next is asked at once'),
('alert', 'UNANSWERED',   'TAKE_BACK',   'UNANSWERED',   '{duty,dispatcher,chief}', ''),
('alert', 'ACKNOWLEDGED', 'TAKE_BACK',   'ESCALATED',    '{duty,dispatcher,chief}', 'who took it cannot: the next is asked at once'),
('alert', 'ISSUED',       'CANCEL',      'CANCELLED',    '{dispatcher,eoc}', ''),
('alert', 'ESCALATED',    'CANCEL',      'CANCELLED',    '{dispatcher,eoc}', ''),
('alert', 'UNANSWERED',   'CANCEL',      'CANCELLED',    '{dispatcher,eoc}', ''),
('alert', 'ACKNOWLEDGED', 'CANCEL',      'CANCELLED',    '{dispatcher,eoc}', ''),
('alert', 'ISSUED',       'SUPERSEDE',   'OVER',         '{dispatcher,eoc}', 'the new one has a ladder of its own'),
('alert', 'ESCALATED',    'SUPERSEDE',   'OVER',         '{dispatcher,eoc}', 'the new one has a ladder of its own'),
('alert', 'UNANSWERED',   'SUPERSEDE',   'OVER',         '{dispatcher,eoc}', 'the new one has a ladder of its own'),
('alert', 'ACKNOWLEDGED', 'SUPERSEDE',   'OVER',         '{dispatcher,eoc}', 'the new one has a ladder of its own'),
('alert', 'ISSUED',       'CLEAR',       'OVER',         '{gateway}', ''),
('alert', 'ESCALATED',    'CLEAR',       'OVER',         '{gateway}', ''),
('alert', 'UNANSWERED',   'CLEAR',       'OVER',         '{gateway}', ''),
('alert', 'ACKNOWLEDGED', 'CLEAR',       'OVER',         '{gateway}', 'the next alarm asks again'),
('alert', 'ISSUED',       'EXPIRE',      'OVER',         '{}', ''),
('alert', 'ESCALATED',    'EXPIRE',      'OVER',         '{}', ''),
('alert', 'UNANSWERED',   'EXPIRE',      'OVER',         '{}', '');

-- Whoever is called hears it, whatever else that principal may.
INSERT INTO bus.rule (role, effect, verb, types, places, label, note) VALUES
    ('everyone', 'allow', 'hear', 'escalation_event', 'to_me', 'RESTRICTED', 'who is asked to take an alert');

RESET ROLE;
