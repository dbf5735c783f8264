-- views_incident: where incidents stand, how they got there, and reports that belong to none yet.

CREATE VIEW eoc.incident_now AS
SELECT i.incident_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[i.status] AS status, i.state, i.since, i.hazard, i.name,
       i.severity, i.certainty, i.places, i.began_at, i.last_at, i.glide, i.command, i.parent_id, i.merged_into,
       (SELECT count(*)::int4 FROM bus.incident_report r WHERE r.incident_id = i.incident_id) AS reports,
       (SELECT count(*)::int4 FROM bus.household h WHERE h.incident_id = i.incident_id AND h.status = i.status) AS households, p.name AS opened_by, i.seq
  FROM bus.incident i LEFT JOIN bus.principal p ON p.principal_id = i.sender_id;
COMMENT ON VIEW eoc.incident_now IS 'where each incident stands; eoc.incident has the messages that describe it';
COMMENT ON COLUMN eoc.incident_now.since IS 'event time of the move into this state';
COMMENT ON COLUMN eoc.incident_now.last_at IS 'event time of the newest thing said to belong to it';
COMMENT ON COLUMN eoc.incident_now.households IS 'as far as the reader may see them';

CREATE VIEW eoc.incident_timeline AS
SELECT x.entity AS incident_id, x.at, x.event, nullif(x.from_state, '') AS from_state, x.to_state, p.name AS by, m.received_at,
       m.received_at - x.at AS delay, x.message_id, x.seq, x.step
  FROM bus.moved x LEFT JOIN bus.principal p ON p.principal_id = x.principal_id
  LEFT JOIN bus.document m ON m.type = x.type AND m.seq = x.seq
 WHERE x.cycle = 'incident';
COMMENT ON VIEW eoc.incident_timeline IS 'every move of an incident and how long it took to be known here: ORDER BY step';
COMMENT ON COLUMN eoc.incident_timeline.delay IS 'from when it happened until a broker had it';

CREATE VIEW eoc.incident_proposal AS
SELECT r.message_id, t.name AS type, r.event_at, p.name AS sender, r.hazard, r.places,
       (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[r.status] AS status, r.proposed_id, i.name AS proposed_name,
       i.state AS proposed_state, r.seq
  FROM bus.incident_report r
  LEFT JOIN bus.incident i ON i.incident_id = r.proposed_id
  LEFT JOIN bus.principal p ON p.principal_id = r.sender_id
  LEFT JOIN bus.type t ON t.number = r.type
 WHERE r.incident_id IS NULL;
COMMENT ON VIEW eoc.incident_proposal IS 'reports that belong to no incident yet, and the one they may belong to; a person confirms by naming them as cause or evidence';
COMMENT ON COLUMN eoc.incident_proposal.proposed_id IS 'null: it may be a new one';

GRANT SELECT ON eoc.incident_now, eoc.incident_timeline, eoc.incident_proposal TO bus_reader, bus_admin;
