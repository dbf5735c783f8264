-- page: the map: places, what happens there, what measures, who is silent
-- takes: lang
WITH gate AS MATERIALIZED (SELECT * FROM eoc.gateway_level)
SELECT json_build_object(
    'places', coalesce((SELECT json_agg(x) FROM (SELECT p.pcode, p.level, p.lat, p.lon, p.population, eoc.place_name(p.pcode, coalesce($1::text, 'en')) AS name
                 FROM eoc.place p WHERE p.holds AND p.level IN ('REGION', 'DISTRICT')) AS x), '[]'),
    'incidents', coalesce((SELECT json_agg(x) FROM (SELECT i.incident_id, i.name, i.state, i.status, i.hazard, i.severity, i.places, i.began_at, i.reports FROM eoc.incident_now i
                 WHERE i.state NOT IN ('CLOSED', 'MERGED', 'FALSE_ALARM') AND i.status IN ('ACTUAL', 'EXERCISE') ORDER BY i.last_at DESC NULLS LAST LIMIT 200) AS x), '[]'),
    'alerts', coalesce((SELECT json_agg(x) FROM (SELECT a.alert_id, a.type, a.level, a.hazard, a.status, a.state, a.places, a.sender, a.began_at FROM eoc.alert_open a
                 ORDER BY a.state = 'UNANSWERED' DESC, a.began_at LIMIT 200) AS x), '[]'),
    'gateways', coalesce((SELECT json_agg(x) FROM (
                 SELECT g.sender, d.level, d.hazard, d.event_at, d.status, s.time AS heard_at, s.mode, s.battery_v, t.name AS station, t.lat, t.lon,
                        coalesce(t.pcode, d.pcode, substring(g.sender FROM 'tj([0-9]{7})')) AS pcode
                   FROM (SELECT n.sender FROM gate n
                         UNION SELECT y.sender FROM eoc.sensor_status y WHERE y.time > now() - interval '2 days'
                         UNION SELECT z.gateway FROM eoc.station z) AS g
                   LEFT JOIN gate d ON d.sender = g.sender
                   LEFT JOIN LATERAL (SELECT * FROM eoc.sensor_status y WHERE y.sender = g.sender AND y.time > now() - interval '2 days' ORDER BY y.time DESC LIMIT 1) AS s ON true
                   LEFT JOIN LATERAL (SELECT * FROM eoc.station z WHERE z.gateway = g.sender LIMIT 1) AS t ON true
                  ORDER BY g.sender LIMIT 300) AS x), '[]'),
    'torrents', coalesce((SELECT json_agg(x) FROM (SELECT t.torrent_id, t.name, t.gateway, t.point, t.lat, t.lon, t.distance_m, t.people FROM eoc.torrent t ORDER BY t.torrent_id, t.distance_m LIMIT 500) AS x), '[]'),
    'stations', coalesce((SELECT json_agg(x) FROM (SELECT s.gateway, s.lat, s.lon FROM eoc.station s WHERE s.lat <> 0
                 AND s.gateway IN (SELECT t.gateway FROM eoc.torrent t) ORDER BY s.altitude_m DESC NULLS LAST LIMIT 500) AS x), '[]'),
    'sirens', coalesce((SELECT json_agg(x) FROM (SELECT DISTINCT ON (r.site) r.site, CASE WHEN r.is_test AND r.result IN ('SOUNDED', 'HEARD') THEN 'TESTED' ELSE r.result END AS result, r.code, r.event_at, r.pcode, r.status
                 FROM (SELECT * FROM eoc.siren_report y ORDER BY y.seq DESC LIMIT 300) AS r ORDER BY r.site, r.seq DESC) AS x), '[]'),
    'silence', coalesce((SELECT json_agg(x) FROM (SELECT s.pcode, s.since, s.last_sender, s.incident_id, s.incident_name FROM eoc.silence s) AS x), '[]'),
    'reports', coalesce((SELECT json_agg(x) FROM (
                 SELECT e.pcode, w.status, count(*) FILTER (WHERE e.state <> 'NOT_DUE')::int4 AS expected, count(*) FILTER (WHERE e.is_received)::int4 AS received,
                        count(*) FILTER (WHERE e.state = 'MISSING')::int4 AS missing, string_agg(DISTINCT e.incident_name, ', ') AS names
                   FROM (VALUES ('ACTUAL', 1, now()),
                                ('EXERCISE', 2, (SELECT max(i.last_at) FROM eoc.incident_now i WHERE i.status = 'EXERCISE' AND i.last_at > now() - interval '1 day'))) AS w(status, nr, clock)
                  CROSS JOIN LATERAL eoc.reports_expected(w.clock - interval '3 days', w.clock, w.nr) AS e
                  WHERE w.clock IS NOT NULL GROUP BY e.pcode, w.status) AS x), '[]'))::text;
