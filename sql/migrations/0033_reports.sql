-- 0033 reports: which version of a report stands, which reports are due, and when an incident was open; so that its
-- papers count for what they speak of. And the condition that nothing asked for an incident is left open.
--
-- Reports that are in the log already each stand by themselves, until bus.rejudge() finds their versions.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.report (
    message_id      uuid PRIMARY KEY,
    thread_id       uuid NOT NULL,
    preceding_id    uuid,
    stands_id       uuid,
    seq             int8 NOT NULL,
    received_at     timestamptz NOT NULL,
    event_at        timestamptz NOT NULL,
    about_at        timestamptz NOT NULL,
    period_from     timestamptz,
    period_to       timestamptz,
    authorised_at   timestamptz,
    next_contact_at timestamptz,
    sender_id       int4 NOT NULL,
    type            int2 NOT NULL,
    status          int2 NOT NULL,
    label           int2 NOT NULL,
    is_cancel       bool NOT NULL,
    is_withdrawn    bool NOT NULL DEFAULT false,
    agency          text NOT NULL,
    version         text NOT NULL,
    number          text NOT NULL,
    prepared_by     text NOT NULL,
    authorised_by   text NOT NULL,
    places          text NOT NULL,
    incident_ids    uuid[] NOT NULL
);
COMMENT ON TABLE bus.report IS 'situation reports, assessments, casualty summaries and resource totals: every version, and which one stands';
COMMENT ON COLUMN bus.report.thread_id IS 'the same for all versions of one report';
COMMENT ON COLUMN bus.report.stands_id IS 'the version that stands in its place; null: this one does';
COMMENT ON COLUMN bus.report.about_at IS 'the end of the time it speaks of; where it names none, when it was written';
COMMENT ON COLUMN bus.report.number IS 'report_no, or number of the act; empty: has none';
COMMENT ON COLUMN bus.report.is_cancel IS 'says that there is no such report';
COMMENT ON COLUMN bus.report.is_withdrawn IS 'what stands of it is a cancel';
CREATE INDEX report_thread ON bus.report (thread_id);
CREATE INDEX report_preceding ON bus.report (preceding_id) WHERE preceding_id IS NOT NULL;
CREATE INDEX report_number ON bus.report (sender_id, type, number, (incident_ids[1]), seq) WHERE number <> '';
CREATE INDEX report_about ON bus.report (type, about_at);
CREATE INDEX report_event ON bus.report (event_at);
CREATE INDEX report_place ON bus.report (places, received_at);
CREATE INDEX report_stands ON bus.report (received_at) WHERE stands_id IS NULL AND NOT is_withdrawn;

CREATE TABLE bus.report_rule (
    place     text NOT NULL DEFAULT '' CHECK (place ~ '^([0-9]{7,13}|[A-Z]{2}[0-9]{2,13})?$'),
    type      text NOT NULL CHECK (type ~ '^([*]|[a-z_]{1,60})$'),
    every     interval CHECK (date_part('year', every) = 0 AND date_part('month', every) = 0
                              AND every BETWEEN interval '1 hour' AND interval '31 days'),
    due_after interval NOT NULL DEFAULT '0' CHECK (due_after >= interval '0'),
    begins_at timestamptz NOT NULL DEFAULT '2000-01-01 00:00+05',
    note      text NOT NULL DEFAULT '',
    PRIMARY KEY (place, type)
);
COMMENT ON TABLE bus.report_rule IS 'what an affected district is expected to report: for each type the row of the nearest place counts';
COMMENT ON COLUMN bus.report_rule.place IS 'P-code of the place and what lies in it; empty: everywhere';
COMMENT ON COLUMN bus.report_rule.type IS 'name of the type; * = any message at all: who says nothing for so long is silent';
COMMENT ON COLUMN bus.report_rule.every IS 'how long a period is; null: nothing is expected here';
COMMENT ON COLUMN bus.report_rule.due_after IS 'in time is what comes within so long after the end of its period';
COMMENT ON COLUMN bus.report_rule.begins_at IS 'periods are counted from here: midnight in Dushanbe, where nothing else is said';
INSERT INTO bus.report_rule (type, every, due_after, note) VALUES
    ('situation_report', '1 day', '6 hours', 'of every district with an open incident, until its FINAL one'),
    ('*', '6 hours', '0', 'an affected district of which nothing is heard for so long is silent');

-- When an incident was open, and since when its papers count.
ALTER TABLE bus.incident
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN surge_at timestamptz,
    ADD COLUMN surge_seq int8 NOT NULL DEFAULT 0,
    ADD COLUMN open_during tstzmultirange NOT NULL DEFAULT '{}';
COMMENT ON COLUMN bus.incident.ended_at IS 'event time of the move into an end; null: it is open';
COMMENT ON COLUMN bus.incident.surge_at IS 'event time of the newest HAZARD_RESUMED or REOPENED: papers of before do not end it';
COMMENT ON COLUMN bus.incident.surge_seq IS 'number of that message';
COMMENT ON COLUMN bus.incident.open_during IS 'from when to when it was open, by event times; several spans if it was reopened';
UPDATE bus.incident i
   SET ended_at = CASE WHEN NOT c.is_open THEN i.since END,
       open_during = tstzmultirange(tstzrange(i.began_at, CASE WHEN NOT c.is_open THEN greatest(i.since, i.began_at) END))
  FROM bus.cycle_state c WHERE c.cycle = 'incident' AND c.state = i.state;
UPDATE bus.incident i
   SET surge_seq = s.seq, surge_at = s.at
  FROM (SELECT DISTINCT ON (m.entity) m.entity, m.seq, m.at FROM bus.moved m
         WHERE m.cycle = 'incident' AND m.event IN ('HAZARD_RESUMED', 'REOPENED') ORDER BY m.entity, m.seq DESC) AS s
 WHERE s.entity = i.incident_id;
CREATE INDEX incident_open ON bus.incident (began_at) WHERE ended_at IS NULL;
CREATE INDEX incident_ended ON bus.incident (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX incident_merged ON bus.incident (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX incident_report_event ON bus.incident_report (event_at);

ALTER TABLE bus.incident_filed ADD COLUMN message_id uuid;
COMMENT ON COLUMN bus.incident_filed.message_id IS 'the report, see bus.report';
UPDATE bus.incident_filed f SET message_id = d.message_id FROM bus.document d WHERE d.type = f.type AND d.seq = f.seq;

INSERT INTO bus.report (message_id, thread_id, preceding_id, seq, received_at, event_at, about_at, sender_id, type, status,
                        label, is_cancel, agency, version, number, prepared_by, authorised_by, places, incident_ids)
SELECT DISTINCT ON (d.message_id) d.message_id, d.message_id, (d.doc->>'preceding_id')::uuid, d.seq, d.received_at,
       d.event_at, d.event_at, d.sender_id, d.type, d.status, coalesce(nullif(d.marks >> 4, 0), 4),
       d.doc->>'kind' = 'KIND_CANCEL', coalesce(nullif(p.agency, ''), split_part(p.name, '.', 1)),
       coalesce(substr(d.doc->t.name->>'version', length('REPORT_VERSION_') + 1), ''),
       coalesce(d.doc->t.name->>'report_no', d.doc->t.name->>'act_no', ''),
       coalesce(d.doc->t.name->'prepared_by'->>'name', ''), coalesce(d.doc->t.name->'authorised_by'->>'name', ''),
       coalesce(d.places, ''),
       ARRAY(SELECT jsonb_array_elements_text(coalesce(d.doc->'incident_ids', '[]'))::uuid)
  FROM bus.document d JOIN bus.type t ON t.number = d.type JOIN bus.principal p ON p.principal_id = d.sender_id
 WHERE d.type BETWEEN 121 AND 124 ORDER BY d.message_id, d.seq;

-- What belongs to an incident is found by an index, through policies, too: these look behind no expression. The table is
-- written anew for it.
ALTER TABLE bus.document ADD COLUMN incident_id uuid GENERATED ALWAYS AS ((doc->'incident_ids'->>0)::uuid) STORED;
COMMENT ON COLUMN bus.document.incident_id IS 'the first of the incidents that it names';
CREATE INDEX document_incident ON bus.document (incident_id, seq) WHERE incident_id IS NOT NULL;

DO $$
BEGIN
    ALTER TABLE bus.report ENABLE ROW LEVEL SECURITY;
    ALTER TABLE bus.report FORCE ROW LEVEL SECURITY;
    CREATE POLICY owner ON bus.report TO bus_owner USING (true) WITH CHECK (true);
    CREATE POLICY whole ON bus.report FOR SELECT TO bus_admin, bus_audit USING (true);
END
$$;

-- The rules of incidents ----------------------------------------------------------------------------
INSERT INTO bus.cycle_guard (cycle, guard, code, means) VALUES
('incident', 'requests_closed', 'request_open', 'nothing that was asked for it is still open'),
('incident', 'parts_closed',    'part_open',    'every incident that is a part of it is over');
UPDATE bus.transition SET guards = '{helped,requests_closed,parts_closed,reported}'
 WHERE cycle = 'incident' AND from_state = 'RECOVERY' AND event = 'CLOSED';

RESET ROLE;
