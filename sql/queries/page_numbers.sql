-- page: an incident as lines over time: rain and stage with the detectors' thresholds, requests, households, messages by lane, time to first answers
-- takes: incident since until
WITH me AS MATERIALIZED (SELECT i.incident_id AS id, i.places, i.name, i.status,
           coalesce($2::text::timestamptz, i.began_at - interval '12 hours') AS since,
           coalesce($3::text::timestamptz, CASE WHEN i.state IN ('CLOSED', 'MERGED', 'FALSE_ALARM', 'RECOVERY') THEN i.last_at + interval '6 hours' ELSE now() END) AS until
      FROM eoc.incident_now i WHERE i.incident_id = $1::text::uuid),
story AS MATERIALIZED (SELECT t.* FROM eoc.incident_timeline t WHERE t.incident_id = $1::text::uuid),
stream AS MATERIALIZED (SELECT s.* FROM eoc.datastream s, me WHERE s.type IN ('STAGE', 'RAIN_ACC') AND strpos(me.places, left(s.pcode, 7)) > 0 ORDER BY s.sender, s.datastream_id LIMIT 8),
seen AS (SELECT s.sender, s.datastream_id, s.type, s.thing, x.*, (SELECT json_agg(DISTINCT jsonb_build_object('level', d.level, 'value', (e->>'threshold')::numeric * 10::numeric ^ coalesce((e->>'exponent')::int4, 0)))
           FROM eoc.sensor_detection d CROSS JOIN LATERAL jsonb_array_elements(d.evidence) AS e
          WHERE d.sender = s.sender AND d.event_at BETWEEN me.since - interval '30 days' AND me.until AND d.level IN ('WATCH', 'WARNING', 'ALARM') AND jsonb_typeof(d.evidence) = 'array'
            AND e->>'type' = 'OBSERVATION_TYPE_' || s.type AND e->>'threshold' IS NOT NULL) AS thresholds
      FROM stream s CROSS JOIN me CROSS JOIN LATERAL (
         SELECT json_agg(json_build_array((extract(epoch FROM y.at) * 1000)::int8, round(y.value::numeric, 3)) ORDER BY y.at) AS points, min(y.unit) AS unit
           FROM (SELECT to_timestamp(floor(extract(epoch FROM o.time) / w.step) * w.step) AS at, CASE s.type WHEN 'STAGE' THEN max(o.value) ELSE sum(o.value) END AS value, min(o.unit) AS unit
                   FROM eoc.observation o, (SELECT CASE s.type WHEN 'STAGE' THEN greatest(60, ceil(extract(epoch FROM me.until - me.since) / 600 / 60) * 60) ELSE 3600 END AS step) AS w
                  WHERE o.sender_id = s.sender_id AND o.datastream_id = s.datastream_id AND o.time >= me.since AND o.time <= me.until AND NOT o.is_missing AND o.quality & 36 = 0
                  GROUP BY 1) AS y) AS x)
SELECT json_build_object(
    'incident', (SELECT row_to_json(me) FROM me),
    'sensors', coalesce((SELECT json_agg(row_to_json(n)) FROM seen n WHERE n.points IS NOT NULL), '[]'),
    'moves', coalesce((SELECT json_agg(x) FROM (SELECT t.at, t.cycle, t.event, t.to_state, t.households FROM story t
                   WHERE t.cycle IN ('request', 'line', 'household') ORDER BY t.at, t.seq, t.step LIMIT 3000) AS x), '[]'),
    'lanes', coalesce((SELECT json_agg(x) FROM (SELECT date_trunc('hour', t.at) AS at, m.lane, count(DISTINCT m.seq)::int4 AS messages FROM story t JOIN eoc.message m ON m.seq = t.seq
                   WHERE t.what <> 'receipt' GROUP BY 1, 2 ORDER BY 1) AS x), '[]'),
    'answers', coalesce((SELECT json_agg(x) FROM (
        SELECT r.at, min(a.at) AS answered_at FROM story r JOIN story a ON a.cycle = 'line' AND a.event LIKE 'RESPOND%' AND a.at >= r.at
          JOIN eoc.line_moves l ON l.seq = a.seq AND l.cycle = 'line' AND l.thread = r.entity
         WHERE r.cycle = 'request' AND r.event = 'REQUEST' GROUP BY r.at, r.entity
        UNION ALL SELECT t.at, least(t.at + min(t.accepted_s) * interval '1 second', min(n.at)) FROM story t
          LEFT JOIN LATERAL (SELECT min(a.at) AS at FROM story a WHERE a.cycle = 'alert' AND a.entity = t.message_id AND a.event IN ('ACCEPT', 'ACKNOWLEDGE')) AS n ON true
         WHERE t.what <> 'receipt' AND (t.accepted_s IS NOT NULL OR n.at IS NOT NULL) GROUP BY t.message_id, t.at ORDER BY 1) AS x), '[]'))::text;
