-- ask: what happened to each household of an incident
-- takes: INCIDENT
-- $1 text: its id
SELECT h.household_id, h.status, h.state, h.members, h.house, h.days_entitled, h.days_delivered, h.offers,
       array_to_string(h.reasons, ', ') AS declined_because, h.lives_at, h.story
  FROM eoc.household_story h
 WHERE h.incident_id = $1::text::uuid
 ORDER BY h.affected_at, h.household_id;
