-- ask: which incidents are open, the newest first
-- takes: nothing
SELECT i.incident_id, i.name, i.status, i.state, i.since, eoc.place_name(split_part(i.places, ' ', 1)) AS place, i.hazard, i.began_at,
       i.reports, i.households
  FROM (SELECT x.incident_id FROM bus.incident x WHERE x.ended_at IS NULL ORDER BY x.began_at DESC LIMIT 500) AS o
 CROSS JOIN LATERAL (SELECT * FROM eoc.incident_now n WHERE n.incident_id = o.incident_id LIMIT 1) AS i
 ORDER BY i.began_at DESC;
