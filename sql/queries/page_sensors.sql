-- page: gateways: level, siren, power, signal and clock; what each channel measured last; what was concluded, newest first
-- takes: lang
WITH gate AS MATERIALIZED (
    SELECT l.principal AS sender, l.pcode, l.heard_at FROM eoc.links() AS l WHERE 'gateway' = ANY (string_to_array(l.roles, ' '))
), newest AS MATERIALIZED (
    SELECT d.* FROM eoc.sensor_detection d ORDER BY d.seq DESC LIMIT 400
), level AS MATERIALIZED (SELECT * FROM eoc.gateway_level
), channel AS MATERIALIZED (
    SELECT c.* FROM eoc.channels() AS c LEFT JOIN level v ON v.sender = c.sender
     ORDER BY coalesce(v.level, 'CLEAR') = 'CLEAR', c.newest_at DESC LIMIT 400
), drawn AS MATERIALIZED (
    SELECT c.sender_id, c.datastream_id, c.newest_at FROM channel c LIMIT 60
)
SELECT json_build_object(
    'gateways', coalesce((SELECT json_agg(x) FROM (
        SELECT g.sender, g.heard_at, eoc.place_name(g.pcode, coalesce($1::text, 'en')) AS place, v.level, v.hazard, v.event_at AS level_at, s.time, s.mode, s.battery_v,
               nullif(s.panel_v, 0) AS panel_v, s.rssi_dbm, s.clock_offset_ms, s.backlog_messages, s.tamper, CASE WHEN r.is_test AND r.result IN ('SOUNDED', 'HEARD') THEN 'TESTED' ELSE r.result END AS siren, r.event_at AS siren_at, r.code AS siren_code
          FROM gate g LEFT JOIN level v ON v.sender = g.sender
          LEFT JOIN LATERAL (SELECT * FROM eoc.sensor_status s WHERE s.sender = g.sender AND s.time > now() - interval '2 days' ORDER BY s.time DESC LIMIT 1) AS s ON true
          LEFT JOIN LATERAL (SELECT * FROM eoc.siren_report y WHERE y.sender = g.sender ORDER BY y.seq DESC LIMIT 1) AS r ON true
         ORDER BY array_position(ARRAY['ALARM', 'WARNING', 'WATCH'], v.level), g.sender) AS x), '[]'),
    'channels', coalesce((SELECT json_agg(x) FROM (
        SELECT c.sender, c.datastream_id, c.status, c.newest_at, o.type, o.unit, o.value, o.quality,
               (SELECT json_agg(p.value ORDER BY p.time) FROM drawn d CROSS JOIN LATERAL (
                       SELECT y.time, round(y.value::numeric, 4) AS value FROM eoc.observation y WHERE y.sender_id = d.sender_id AND y.datastream_id = d.datastream_id AND NOT y.is_missing
                          AND y.time <= d.newest_at AND y.time > d.newest_at - interval '1 day' ORDER BY y.time DESC LIMIT 48) AS p
                 WHERE d.sender_id = c.sender_id AND d.datastream_id = c.datastream_id) AS trace
          FROM channel c LEFT JOIN LATERAL (SELECT y.type, y.unit, round(y.value::numeric, 4) AS value, y.quality FROM eoc.observation y WHERE y.sender_id = c.sender_id AND y.datastream_id = c.datastream_id
                                               AND y.time BETWEEN c.newest_at - interval '1 hour' AND c.newest_at ORDER BY y.time DESC LIMIT 1) AS o ON true
         ORDER BY c.sender, c.datastream_id) AS x), '[]'),
    'detections', coalesce((SELECT json_agg(x) FROM (SELECT n.seq, n.event_at, n.sender, n.status, n.level, n.hazard, n.text, n.evidence, n.front_speed_m_s, n.local_siren_sounded,
                    eoc.place_name(n.pcode, coalesce($1::text, 'en')) AS place FROM newest n ORDER BY n.event_at DESC, n.seq DESC LIMIT 60) AS x), '[]'))::text;
