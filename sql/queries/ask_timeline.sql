-- ask: all that belongs to an incident, with every delay
-- takes: INCIDENT
-- $1 text: its id
SELECT t.at, t.what, t.event, t.to_state, t.households, t.by, t.text, t.received_s, t.stored_s, t.delivered_s, t.displayed_s,
       t.accepted_s, t.seq
  FROM eoc.incident_timeline t
 WHERE t.incident_id = $1::text::uuid
 ORDER BY t.at, t.seq, t.step;
