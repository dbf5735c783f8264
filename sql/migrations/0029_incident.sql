-- 0029 incident: where each incident stands, what it rests on, and the rules of its life cycle.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.incident (
    incident_id uuid PRIMARY KEY,
    parent_id   uuid,
    merged_into uuid,
    seq         int8 NOT NULL,
    first_seq   int8 NOT NULL,
    since       timestamptz NOT NULL,
    began_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    sender_id   int4 NOT NULL,
    type        int2 NOT NULL DEFAULT 140,
    status      int2 NOT NULL,
    label       int2 NOT NULL,
    state       text NOT NULL,
    hazard      text NOT NULL,
    certainty   text,
    severity    text,
    name        text NOT NULL,
    glide       text NOT NULL DEFAULT '',
    command     text NOT NULL DEFAULT '',
    places      text NOT NULL
);
COMMENT ON TABLE bus.incident IS 'where each incident stands and how it was described last';
COMMENT ON COLUMN bus.incident.seq IS 'number of the message that moved or described it last';
COMMENT ON COLUMN bus.incident.last_at IS 'event time of the newest thing that was said to belong to it';
COMMENT ON COLUMN bus.incident.places IS 'P-codes split by blanks';
CREATE INDEX incident_last ON bus.incident (hazard, last_at);
CREATE INDEX incident_glide ON bus.incident (glide) WHERE glide <> '';
CREATE INDEX incident_parent ON bus.incident (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE bus.incident_report (
    message_id  uuid PRIMARY KEY,
    incident_id uuid,
    proposed_id uuid,
    seq         int8 NOT NULL,
    event_at    timestamptz NOT NULL,
    sender_id   int4 NOT NULL,
    type        int2 NOT NULL,
    status      int2 NOT NULL,
    label       int2 NOT NULL,
    hazard      text NOT NULL,
    places      text NOT NULL
);
COMMENT ON TABLE bus.incident_report IS 'detections of WARNING and above and flash reports: what an incident rests on';
COMMENT ON COLUMN bus.incident_report.incident_id IS 'incident it belongs to, as its sender or a person said; null = nobody has yet';
COMMENT ON COLUMN bus.incident_report.proposed_id IS 'incident of the same hazard, place and time, for a person to confirm';
CREATE INDEX incident_report_open ON bus.incident_report (event_at) WHERE incident_id IS NULL;
CREATE INDEX incident_report_incident ON bus.incident_report (incident_id);

CREATE TABLE bus.incident_filed (
    incident_id uuid NOT NULL,
    seq         int8 NOT NULL,
    type        int2 NOT NULL,
    status      int2 NOT NULL,
    PRIMARY KEY (incident_id, type, seq)
);
COMMENT ON TABLE bus.incident_filed IS 'FINAL assessments and situation reports that name an incident';

DO $$
DECLARE
    t regclass;
BEGIN
    FOREACH t IN ARRAY ARRAY['bus.incident', 'bus.incident_report', 'bus.incident_filed']::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner ON %s TO bus_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY whole ON %s FOR SELECT TO bus_admin, bus_audit USING (true)', t);
    END LOOP;
END
$$;

INSERT INTO bus.cycle_state (cycle, state, is_open, means) VALUES
('incident', 'REPORTED',    true,  'a detection of WARNING or above, or a flash report'),
('incident', 'VERIFYING',   true,  'a dispatcher looks into it'),
('incident', 'CONFIRMED',   true,  'it is so: a second source, or a decision'),
('incident', 'RESPONDING',  true,  'resources are committed or the public is warned'),
('incident', 'STABILISED',  true,  'the hazard is over'),
('incident', 'RECOVERY',    true,  'the final assessment is there'),
('incident', 'CLOSED',      false, 'over; new facts reopen it'),
('incident', 'FALSE_ALARM', false, 'it was not so; new facts reopen it'),
('incident', 'MERGED',      false, 'is the same as another one; reopening undoes it');

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('incident', 'DESCRIBE',         'fact',    'Incident'),
('incident', 'REPORTED',         'fact',    'IncidentTransition REPORTED'),
('incident', 'OPENED',           'promise', 'IncidentTransition OPENED'),
('incident', 'CONFIRMED',        'promise', 'IncidentTransition CONFIRMED'),
('incident', 'JUDGED_FALSE',     'promise', 'IncidentTransition JUDGED_FALSE'),
('incident', 'MERGED',           'promise', 'IncidentTransition MERGED'),
('incident', 'RESPONSE_STARTED', 'fact',    'IncidentTransition RESPONSE_STARTED'),
('incident', 'HAZARD_OVER',      'promise', 'IncidentTransition HAZARD_OVER'),
('incident', 'ASSESSED',         'fact',    'IncidentTransition ASSESSED'),
('incident', 'HAZARD_RESUMED',   'fact',    'IncidentTransition HAZARD_RESUMED'),
('incident', 'CLOSED',           'promise', 'IncidentTransition CLOSED'),
('incident', 'REOPENED',         'promise', 'IncidentTransition REOPENED');

INSERT INTO bus.cycle_guard (cycle, guard, code, means) VALUES
('incident', 'certain',     'certainty',     'certainty is OBSERVED or LIKELY'),
('incident', 'reason',      'reason',        'a reason is given'),
('incident', 'two_agree',   'agreed_by',     'decided_by and agreed_by are two officials'),
('incident', 'target',      'merged_into',   'the incident that stays is another one, open, and of the same status'),
('incident', 'alerts_over', 'alert_live',    'no public alert of it is in force'),
('incident', 'assessed',    'no_assessment', 'a FINAL DamageNeedsAssessment names it'),
('incident', 'helped',      'household_open','no household of it is still AFFECTED or ASSESSED'),
('incident', 'reported',    'no_report',     'a FINAL SituationReport names it');

INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note) VALUES
('incident', '',            'DESCRIBE',         'REPORTED',    '{}', '{dispatcher,district}', ''),
('incident', 'REPORTED',    'REPORTED',         'REPORTED',    '{}', '{district}', 'one more report'),
('incident', 'VERIFYING',   'REPORTED',         'VERIFYING',   '{}', '{district}', 'one more report'),
('incident', 'CONFIRMED',   'REPORTED',         'CONFIRMED',   '{}', '{district}', 'one more report'),
('incident', 'RESPONDING',  'REPORTED',         'RESPONDING',  '{}', '{district}', 'one more report'),
('incident', 'REPORTED',    'OPENED',           'VERIFYING',   '{}', '{dispatcher}', 'the acknowledgement timer stops'),
('incident', 'REPORTED',    'CONFIRMED',        'CONFIRMED',   '{certain}', '{dispatcher}', ''),
('incident', 'VERIFYING',   'CONFIRMED',        'CONFIRMED',   '{certain}', '{dispatcher}', ''),
('incident', 'REPORTED',    'JUDGED_FALSE',     'FALSE_ALARM', '{reason}', '{dispatcher}', 'counts for the detector'),
('incident', 'VERIFYING',   'JUDGED_FALSE',     'FALSE_ALARM', '{reason}', '{dispatcher}', 'counts for the detector'),
('incident', 'REPORTED',    'MERGED',           'MERGED',      '{target}', '{dispatcher}', ''),
('incident', 'VERIFYING',   'MERGED',           'MERGED',      '{target}', '{dispatcher}', ''),
('incident', 'CONFIRMED',   'MERGED',           'MERGED',      '{target}', '{dispatcher}', ''),
('incident', 'RESPONDING',  'MERGED',           'MERGED',      '{target}', '{dispatcher}', ''),
('incident', 'STABILISED',  'MERGED',           'MERGED',      '{target}', '{dispatcher}', ''),
('incident', 'RECOVERY',    'MERGED',           'MERGED',      '{target}', '{dispatcher}', ''),
('incident', 'REPORTED',    'RESPONSE_STARTED', 'RESPONDING',  '{}', '{}', 'help does not wait for a form'),
('incident', 'VERIFYING',   'RESPONSE_STARTED', 'RESPONDING',  '{}', '{}', 'help does not wait for a form'),
('incident', 'CONFIRMED',   'RESPONSE_STARTED', 'RESPONDING',  '{}', '{}', ''),
('incident', 'RESPONDING',  'RESPONSE_STARTED', 'RESPONDING',  '{}', '{}', ''),
('incident', 'CONFIRMED',   'HAZARD_OVER',      'STABILISED',  '{two_agree,alerts_over}', '{dispatcher,district}', 'nothing had to be sent'),
('incident', 'RESPONDING',  'HAZARD_OVER',      'STABILISED',  '{two_agree,alerts_over}', '{dispatcher,district}', ''),
('incident', 'STABILISED',  'HAZARD_RESUMED',   'RESPONDING',  '{}', '{dispatcher,district}', 'a second surge'),
('incident', 'RECOVERY',    'HAZARD_RESUMED',   'RESPONDING',  '{}', '{dispatcher,district}', 'a second surge'),
('incident', 'STABILISED',  'ASSESSED',         'RECOVERY',    '{assessed}', '{district}', ''),
('incident', 'RECOVERY',    'CLOSED',           'CLOSED',      '{helped,reported}', '{chief}', ''),
('incident', 'CLOSED',      'REOPENED',         'RECOVERY',    '{reason}', '{chief}', 'new facts'),
('incident', 'FALSE_ALARM', 'REOPENED',         'VERIFYING',   '{reason}', '{chief}', 'it was so after all'),
('incident', 'MERGED',      'REOPENED',         'VERIFYING',   '{reason}', '{chief}', 'they are two after all');

-- Described anew is whatever is not over under another name.
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'incident', s.state, 'DESCRIBE', s.state, '{}'::text[], '{dispatcher,district}'::text[], ''
  FROM bus.cycle_state s WHERE s.cycle = 'incident' AND s.state <> 'MERGED';

RESET ROLE;
