-- views_incident: where incidents stand, all that happened in them, and reports that belong to none yet.

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

-- All that belongs to an incident: its own moves, every other message that names it with what it moved, and reports that
-- a person gave to it. Of households numbers by the hour. Receipts are columns, not rows, but for those that answer an
-- alert, as what is done about its incident does: who took it, and when. What is only a draft, of an alert or of an order to a machine, has not happened, nor has an alert that is contested; nor is
-- it told twice that an alert was answered.
CREATE VIEW eoc.incident_timeline AS
SELECT x.incident_id, x.at, t.name AS what, x.cycle, x.entity, nullif(x.part, 0) AS part, x.event,
       nullif(x.from_state, '') AS from_state, x.to_state, x.households, coalesce(nullif(x.doc->>'author', ''), p.name) AS by, nullif(x.places, '') AS places,
       left(coalesce(CASE WHEN x.event IS NULL OR x.event IN ('ASK', 'ESCALATE') THEN b->>'target_role' END, b->'infos'->0->>'headline', b->>'subject', b->>'reason', b->>'situation', b->>'text', b->>'name',
                     b->'lines'->0->'resource'->>'name', b->'lines'->0->'resource'->>'kind'), 200) AS text,
       x.received_at, round(extract(epoch FROM x.received_at - x.at), 3) AS received_s,
       round(extract(epoch FROM a.stored_at - x.at), 3) AS stored_s,
       round(extract(epoch FROM s.delivered_at - x.at), 3) AS delivered_s,
       round(extract(epoch FROM s.displayed_at - x.at), 3) AS displayed_s,
       round(extract(epoch FROM s.accepted_at - x.at), 3) AS accepted_s, x.message_id, x.seq, x.step
  FROM (SELECT m.entity AS incident_id, m.at, m.type, m.cycle, m.entity, m.part, m.event, m.from_state, m.to_state,
               NULL::int4 AS households, m.principal_id AS sender_id, d.places, d.doc, d.received_at, m.message_id, m.seq, m.step
          FROM bus.moved m LEFT JOIN bus.document d ON d.type = m.type AND d.seq = m.seq
         WHERE m.cycle = 'incident'
        UNION ALL
        SELECT d.incident_id, d.event_at, d.type, m.cycle, m.entity, m.part, m.event, m.from_state, m.to_state,
               NULL, d.sender_id, d.places, d.doc, d.received_at, d.message_id, d.seq, m.step
          FROM bus.document d LEFT JOIN bus.moved m ON m.message_id = d.message_id AND m.cycle <> 'household'
         WHERE d.incident_id IS NOT NULL AND d.type NOT IN (140, 141, 181) AND d.type NOT BETWEEN 220 AND 227
           AND (d.type <> 182 OR d.sender_id > 0 OR m.seq IS NOT NULL) AND NOT (d.type IN (103, 104, 106) AND d.status > 2)
           AND CASE WHEN d.type = 180 THEN d.doc->'public_alert'->>'status' IS DISTINCT FROM 'CAP_STATUS_DRAFT'
                    AND NOT EXISTS (SELECT FROM bus.contested c WHERE c.seq = d.seq AND c.settled_as IS DISTINCT FROM 1) ELSE true END
        UNION ALL
        SELECT y.incident_id, m.at, m.type, m.cycle, m.entity, m.part, m.event, m.from_state, m.to_state,
               NULL, m.principal_id, d.places, d.doc, d.received_at, m.message_id, m.seq, m.step
          FROM (SELECT a.incident_id, a.message_id FROM bus.document a WHERE a.incident_id IS NOT NULL AND a.type IN (101, 180)
                UNION SELECT r.incident_id, r.message_id FROM bus.incident_report r WHERE r.incident_id IS NOT NULL) AS y
          JOIN bus.moved m ON m.cycle = 'alert' AND m.entity = y.message_id AND m.type IN (140, 141, 181, 182)
          JOIN bus.document d ON d.type = m.type AND d.seq = m.seq AND (m.type < 180 OR d.incident_id IS DISTINCT FROM y.incident_id)
        UNION ALL
        SELECT r.incident_id, r.event_at, r.type, NULL, NULL, NULL, NULL, NULL, NULL, NULL, r.sender_id, r.places, d.doc,
               d.received_at, r.message_id, r.seq, NULL
          FROM bus.incident_report r JOIN bus.document d ON d.type = r.type AND d.seq = r.seq
         WHERE r.incident_id IS NOT NULL AND d.incident_id IS DISTINCT FROM r.incident_id
        UNION ALL
        SELECT h.incident_id, max(m.at), NULL, 'household', NULL, NULL, m.event, NULL, m.to_state,
               count(DISTINCT h.household_id)::int4, NULL, NULL, NULL, NULL, NULL, max(m.seq), max(m.step)
          FROM bus.household h JOIN bus.moved m ON m.cycle = 'household' AND m.entity = h.household_id
         WHERE h.incident_id IS NOT NULL
         GROUP BY h.incident_id, date_trunc('hour', m.at), m.event, m.to_state) AS x
  LEFT JOIN bus.type t ON t.number = x.type
  LEFT JOIN bus.principal p ON p.principal_id = x.sender_id
  LEFT JOIN LATERAL (SELECT y.seq, y.stored_at FROM bus.addressed y
                      WHERE y.seq = x.seq AND x.households IS NULL LIMIT 1) AS a ON true -- by its index, whatever the guess of rows
  LEFT JOIN LATERAL (SELECT min(coalesce(r.said_at, r.at)) FILTER (WHERE r.level BETWEEN 2 AND 5) AS delivered_at,
                            min(coalesce(r.said_at, r.at)) FILTER (WHERE r.level BETWEEN 3 AND 5) AS displayed_at,
                            min(coalesce(r.said_at, r.at)) FILTER (WHERE r.level = 4) AS accepted_at
                       FROM bus.recipient_step r WHERE r.seq = a.seq AND r.note = '') AS s ON true
 CROSS JOIN LATERAL (SELECT x.doc->t.name AS b) AS y;
COMMENT ON VIEW eoc.incident_timeline IS 'all that belongs to an incident, with every delay: WHERE incident_id = ... ORDER BY at, seq, step';
COMMENT ON COLUMN eoc.incident_timeline.by IS 'the person, where several speak through one sender';
COMMENT ON COLUMN eoc.incident_timeline.at IS 'when it happened, as its sender says; of households the last of the hour';
COMMENT ON COLUMN eoc.incident_timeline.what IS 'type of the message; null: a number of households';
COMMENT ON COLUMN eoc.incident_timeline.cycle IS 'life cycle that it moved: incident, line, alert ...; null: it moved nothing';
COMMENT ON COLUMN eoc.incident_timeline.entity IS 'what it moved';
COMMENT ON COLUMN eoc.incident_timeline.part IS 'line of a request';
COMMENT ON COLUMN eoc.incident_timeline.households IS 'how many came to to_state by this event within an hour, as far as the reader may see them';
COMMENT ON COLUMN eoc.incident_timeline.received_s IS 'seconds from when it happened until a broker had it';
COMMENT ON COLUMN eoc.incident_timeline.stored_s IS 'seconds until it was stored; null: it was addressed to nobody, and stored as it was received';
COMMENT ON COLUMN eoc.incident_timeline.delivered_s IS 'seconds until the first of those to whom it was addressed had it';
COMMENT ON COLUMN eoc.incident_timeline.displayed_s IS 'seconds until the first of them saw it';
COMMENT ON COLUMN eoc.incident_timeline.accepted_s IS 'seconds until the first of them took it';
COMMENT ON COLUMN eoc.incident_timeline.step IS 'order in which moves were decided';

CREATE VIEW eoc.incident_proposal AS
SELECT r.message_id, t.name AS type, r.event_at, p.name AS sender, r.hazard, r.places,
       (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[r.status] AS status, i.incident_id AS proposed_id, i.name AS proposed_name,
       i.state AS proposed_state, r.seq, nullif(r.level, '') AS level, CASE r.type WHEN 120 THEN 1 ELSE 2 END AS precedence
  FROM bus.incident_report r
  LEFT JOIN bus.incident i ON i.incident_id = r.proposed_id AND i.ended_at IS NULL
  LEFT JOIN bus.principal p ON p.principal_id = r.sender_id
  LEFT JOIN bus.type t ON t.number = r.type
 WHERE r.incident_id IS NULL AND r.over_seq IS NULL;
COMMENT ON VIEW eoc.incident_proposal IS 'reports that belong to no incident yet, and the one they may belong to; a person confirms by naming them as cause or evidence';
COMMENT ON COLUMN eoc.incident_proposal.proposed_id IS 'one that goes on; null: it may be a new one';
COMMENT ON COLUMN eoc.incident_proposal.precedence IS 'as in eoc.queue: 1 FLASH .. 5 BULK';
COMMENT ON COLUMN eoc.incident_proposal.level IS 'WARNING or ALARM of a detector; null: a person reported';

GRANT EXECUTE ON FUNCTION bus.incident_whole TO bus_reader, bus_admin, bus_audit; -- eoc.incident_messages asks
GRANT SELECT ON eoc.incident_now, eoc.incident_timeline, eoc.incident_proposal TO bus_reader, bus_admin;
