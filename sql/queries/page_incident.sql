-- page: one incident: where it stands, what happened, what offices say side by side, what gateways measured, what is asked for, who was harmed, whom warnings reached
-- takes: incident lang
WITH inc AS MATERIALIZED (
    SELECT i.*, coalesce($2::text, 'en') AS lang FROM eoc.incident_now i WHERE i.incident_id = $1::text::uuid
), line AS MATERIALIZED (
    SELECT * FROM eoc.incident_timeline t WHERE t.incident_id = $1::text::uuid ORDER BY t.at DESC, t.seq DESC, t.step DESC LIMIT 400
), request AS MATERIALIZED (SELECT b.* FROM eoc.board b WHERE b.incident_id = $1::text::uuid
), alarm AS MATERIALIZED (
    -- Alarms that belong to it, and those near it that belong to nothing yet.
    SELECT l.seq FROM line l WHERE l.what = 'sensor_detection'
    UNION
    SELECT p.seq FROM eoc.incident_proposal p
     WHERE p.event_at BETWEEN (SELECT began_at - interval '1 day' FROM inc) AND (SELECT coalesce(last_at, now()) + interval '1 hour' FROM inc)
       AND p.status = (SELECT status FROM inc) AND p.type = 'sensor_detection' AND left(p.places, 7) = (SELECT left(places, 7) FROM inc)
), detection AS MATERIALIZED (
    SELECT d.seq, d.event_at AS at, d.sender, d.level, d.text, d.evidence, d.front_speed_m_s, d.seq IN (SELECT seq FROM alarm) AS is_alarm
      FROM eoc.sensor_detection d
     WHERE d.seq BETWEEN (SELECT min(seq) - 20000 FROM alarm) AND (SELECT max(seq) + 20000 FROM alarm)
       AND d.event_at BETWEEN (SELECT began_at - interval '1 day' FROM inc) AND (SELECT coalesce(last_at, now()) + interval '12 hours' FROM inc)
       AND d.sender = ANY (ARRAY(SELECT e.sender FROM alarm a CROSS JOIN LATERAL (SELECT y.sender FROM eoc.sensor_detection y WHERE y.seq = a.seq OFFSET 0) AS e))
     ORDER BY d.event_at LIMIT 60
), span AS MATERIALIZED (
    SELECT greatest(min(d.at) FILTER (WHERE d.is_alarm) - interval '6 hours', max(d.at) FILTER (WHERE d.is_alarm) - interval '24 hours') AS from_at,
           least(max(d.at) FILTER (WHERE d.is_alarm) + interval '12 hours',
                 greatest(max(d.at) FILTER (WHERE d.is_alarm), now()) + interval '10 minutes') AS to_at FROM detection d
), proof AS MATERIALIZED (
    SELECT d.sender, (e->>'datastream_id')::int4 AS datastream_id, eoc.word(e->>'type', 'OBSERVATION_TYPE_') AS type,
           (e->>'threshold')::numeric * 10::numeric ^ coalesce((e->>'exponent')::int4, 0) AS line, d.is_alarm
      FROM detection d CROSS JOIN LATERAL jsonb_array_elements(d.evidence) AS e WHERE jsonb_typeof(d.evidence) = 'array'
), channel AS MATERIALIZED (
    -- What the alarms stand on, and the rain of the same district.
    SELECT c.sender, c.sender_id, c.datastream_id, min(p.rank) AS rank
      FROM eoc.channels() AS c
      JOIN (SELECT DISTINCT p.sender, p.datastream_id, 1 AS rank FROM proof p WHERE p.is_alarm) AS p USING (sender, datastream_id)
     WHERE c.status = (SELECT status FROM inc) GROUP BY 1, 2, 3
    UNION ALL
    (SELECT c.sender, c.sender_id, c.datastream_id, 2 FROM eoc.channels() AS c
      WHERE c.status = (SELECT status FROM inc) AND left(c.pcode, 7) = (SELECT left(places, 7) FROM inc)
        AND NOT EXISTS (SELECT FROM proof p WHERE p.sender = c.sender AND p.datastream_id = c.datastream_id)
        AND EXISTS (SELECT FROM eoc.observation o WHERE o.sender_id = c.sender_id AND o.datastream_id = c.datastream_id AND o.type IN ('RAIN_ACC', 'RAIN_INT')
                       AND o.time BETWEEN (SELECT from_at FROM span) AND (SELECT to_at FROM span))
      ORDER BY c.datastream_id LIMIT 1)
), sample AS (
    SELECT c.sender, c.datastream_id, c.rank, o.type, o.unit, round(extract(epoch FROM min(o.time)) * 1000) AS ms, min(o.value) AS low, max(o.value) AS high
      FROM channel c CROSS JOIN span s
      JOIN eoc.observation o ON o.sender_id = c.sender_id AND o.datastream_id = c.datastream_id AND o.time BETWEEN s.from_at AND s.to_at
       AND NOT o.is_missing
     GROUP BY c.sender, c.datastream_id, c.rank, o.type, o.unit, floor(extract(epoch FROM o.time - s.from_at) / greatest(1, extract(epoch FROM s.to_at - s.from_at) / 300))
), filed AS MATERIALIZED (
    -- Reports of the field stand as they are; of the others the version that stands.
    SELECT l.seq, l.what, coalesce(r.is_current, false) AS stands, coalesce(r.is_withdrawn, false) AS gone
      FROM (SELECT DISTINCT x.seq, x.what, x.message_id FROM line x
             WHERE x.what IN ('flash_report', 'situation_report', 'casualty_summary', 'damage_needs_assessment')) AS l
      LEFT JOIN LATERAL (SELECT y.is_current, y.is_withdrawn FROM eoc.report y WHERE y.message_id = l.message_id OFFSET 0) AS r ON true
), link AS MATERIALIZED (SELECT k.principal, k.pcode FROM eoc.links() AS k
), word AS MATERIALIZED (
    -- Every office's newest word of each kind: of the line the reports of the field, of reports the version that stands.
    SELECT f.seq, 'flash_report' AS type, f.sender, f.event_at AS at, f.village AS place, f.pcode, f.reporter_role AS role, NULL AS version, f.confidence,
           jsonb_strip_nulls(jsonb_build_object('deaths', f.deaths, 'injured', f.injured, 'missing', f.missing, 'evacuated', f.to_evacuate, 'houses', f.houses, 'road_cut', f.road_cut)) AS facts, f.text
      FROM filed l CROSS JOIN LATERAL (SELECT * FROM eoc.flash_report y WHERE y.seq = l.seq OFFSET 0) AS f WHERE l.what = 'flash_report'
    UNION ALL
    SELECT s.seq, 'situation_report', s.sender, s.event_at, s.place_name, s.pcode, NULL, s.version, s.confidence,
           jsonb_strip_nulls(jsonb_build_object('households', s.households_affected, 'displaced', s.people_displaced, 'road_cut', CASE WHEN s.roads_cut IS NOT NULL AND s.roads_cut <> '[]' THEN 'YES' END,
               'deaths', (SELECT sum((c->>'persons')::int4) FROM jsonb_array_elements(k.counts) AS c WHERE c->>'kind' = 'CASUALTY_KIND_KILLED' AND c->>'sex' IS NULL AND c->>'age' IS NULL),
               'injured', (SELECT sum(coalesce((c->>'persons')::int4, 0)) FROM jsonb_array_elements(k.counts) AS c WHERE c->>'kind' = 'CASUALTY_KIND_INJURED' AND c->>'sex' IS NULL AND c->>'age' IS NULL),
               'missing', (SELECT sum(coalesce((c->>'persons')::int4, 0)) FROM jsonb_array_elements(k.counts) AS c WHERE c->>'kind' = 'CASUALTY_KIND_MISSING' AND c->>'sex' IS NULL AND c->>'age' IS NULL),
               'evacuated', (SELECT sum(coalesce((c->>'persons')::int4, 0)) FROM jsonb_array_elements(k.counts) AS c WHERE c->>'kind' = 'CASUALTY_KIND_EVACUATED' AND c->>'sex' IS NULL AND c->>'age' IS NULL))), s.situation
      FROM filed l CROSS JOIN LATERAL (SELECT * FROM eoc.situation_report y WHERE y.seq = l.seq OFFSET 0) AS s
     CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(d.doc->'situation_report'->'casualties'->'counts') WHEN 'array' THEN d.doc->'situation_report'->'casualties'->'counts' ELSE '[]' END AS counts
                           FROM eoc.document d WHERE d.seq = s.seq AND d.type = 'situation_report') AS k
     WHERE l.what = 'situation_report' AND l.stands
    UNION ALL
    SELECT c.seq, 'casualty_summary', c.sender, c.as_of, c.place_name, c.pcode, NULL, NULL, c.confidence,
           jsonb_strip_nulls(jsonb_build_object('deaths', sum(c.persons) FILTER (WHERE c.kind = 'KILLED'), 'injured', sum(c.persons) FILTER (WHERE c.kind = 'INJURED'),
               'missing', sum(c.persons) FILTER (WHERE c.kind = 'MISSING'), 'evacuated', sum(c.persons) FILTER (WHERE c.kind = 'EVACUATED'))), c.source
      FROM filed l CROSS JOIN LATERAL (SELECT * FROM eoc.casualty_summary y WHERE y.seq = l.seq OFFSET 0) AS c
     WHERE l.what = 'casualty_summary' AND l.stands AND c.sex IS NULL AND c.age_band IS NULL
     GROUP BY c.seq, c.sender, c.as_of, c.place_name, c.pcode, c.confidence, c.source
    UNION ALL
    SELECT max(a.seq), 'damage_needs_assessment', a.sender, max(a.event_at), string_agg(DISTINCT a.village, ', '), min(a.pcode), NULL, max(a.version), max(a.confidence),
           jsonb_strip_nulls(jsonb_build_object('houses', round(sum(a.quantity) FILTER (WHERE a.asset = 'HOUSE')), 'destroyed', round(sum(a.quantity) FILTER (WHERE a.asset = 'HOUSE' AND a.damage = 'DESTROYED')),
               'heavy', round(sum(a.quantity) FILTER (WHERE a.asset = 'HOUSE' AND a.damage = 'HEAVY')), 'silted', round(sum(a.quantity) FILTER (WHERE a.asset = 'HOUSE' AND a.damage = 'SILTED')),
               'households', sum(a.households_affected) FILTER (WHERE a.nth = 1), 'displaced_households', sum(a.households_displaced) FILTER (WHERE a.nth = 1),
               'relocate', sum(a.households_to_relocate) FILTER (WHERE a.nth = 1), 'road_km', sum(a.quantity) FILTER (WHERE a.asset = 'ROAD'))), a.act_no
      FROM (SELECT d.*, row_number() OVER (PARTITION BY d.seq, d.village ORDER BY d.asset) AS nth
              FROM filed l CROSS JOIN LATERAL (SELECT * FROM eoc.damage_assessment y WHERE y.seq = l.seq OFFSET 0) AS d
             WHERE l.what = 'damage_needs_assessment' AND NOT l.gone) AS a
     GROUP BY a.sender, a.act_no
)
SELECT json_build_object(
    'incident', (SELECT row_to_json(x) FROM (SELECT i.*, eoc.place_name(split_part(i.places, ' ', 1), i.lang) AS place FROM inc i) AS x),
    'timeline', coalesce((SELECT json_agg(t) FROM (SELECT l.at, l.what, l.cycle, l.event, l.from_state, l.to_state, l.households, l.by, l.text, l.seq,
                   CASE l.what WHEN 'sensor_detection' THEN (SELECT row_to_json(y) FROM (SELECT s.level, s.profile, s.evidence, s.front_speed_m_s, s.text FROM eoc.sensor_detection s WHERE s.seq = l.seq LIMIT 1) AS y) END AS detection FROM line l) AS t), '[]'),
    'reports', coalesce((SELECT json_agg(w) FROM (SELECT w.*, eoc.place_name(w.pcode, (SELECT lang FROM inc)) AS district FROM word w ORDER BY w.at LIMIT 12) AS w), '[]'),
    'detections', coalesce((SELECT json_agg(d) FROM (SELECT d.at, d.sender, d.level, d.text, d.evidence, d.front_speed_m_s FROM detection d) AS d), '[]'),
    'plots', coalesce((SELECT json_agg(p) FROM (
        SELECT s.sender, s.datastream_id, s.type, s.unit, min(s.rank) AS rank, json_agg(json_build_array(s.ms, s.low, s.high) ORDER BY s.ms) AS points,
               (SELECT json_agg(x) FROM (SELECT p.line FROM proof p WHERE p.sender = s.sender AND p.datastream_id = s.datastream_id
                                            AND p.type = s.type AND p.line IS NOT NULL GROUP BY 1) AS x) AS lines
          FROM sample s GROUP BY 1, 2, 3, 4 ORDER BY 5, 1, 2 LIMIT 6) AS p), '[]'),
    'span', (SELECT json_build_array(round(extract(epoch FROM s.from_at) * 1000), round(extract(epoch FROM s.to_at) * 1000)) FROM span s WHERE s.from_at IS NOT NULL),
    'requests', coalesce((SELECT json_agg(b) FROM (SELECT r.*, CASE (SELECT lang FROM inc) WHEN 'tg' THEN k.tg WHEN 'ru' THEN k.ru ELSE k.en END AS kind_name
                   FROM request r LEFT JOIN eoc.kinds_of(ARRAY(SELECT DISTINCT q.kind FROM request q)) AS k USING (kind) ORDER BY r.asked_at) AS b), '[]'),
    'commitments', coalesce((SELECT json_agg(c) FROM (SELECT c.thread, c.line_id, c.supplier, c.state, c.quantity, c.arrived, c.arrives_at, c.arrived_at, c.until_at
                   FROM request q CROSS JOIN LATERAL (SELECT * FROM eoc.commitment y WHERE y.thread = q.thread AND y.line_id = q.line_id OFFSET 0) AS c ORDER BY c.since) AS c), '[]'),
    'families', coalesce((SELECT json_agg(f) FROM inc CROSS JOIN LATERAL eoc.families(inc.status, inc.incident_id) AS f WHERE f.what <> 'clock'), '[]'),
    'alerts', coalesce((SELECT json_agg(a) FROM (
        SELECT DISTINCT ON (l.at, l.seq) a.message_id, a.event_at AS at, a.sender, a.cap_status, a.msg_type, a.expires_at, a.headline, a.urgency, a.severity, a.language, n.state, n.taken_by
          FROM line l CROSS JOIN LATERAL (SELECT * FROM eoc.public_alert y WHERE y.seq = l.seq OFFSET 0) AS a
          LEFT JOIN LATERAL (SELECT (array_agg(x.to_state ORDER BY x.step DESC))[1] AS state, string_agg(DISTINCT x.by, ', ') FILTER (WHERE x.event IN ('ACCEPT', 'ACKNOWLEDGE')) AS taken_by
                               FROM line x WHERE x.cycle = 'alert' AND x.entity = a.message_id) AS n ON true
         WHERE l.what = 'public_alert' ORDER BY l.at DESC, l.seq, a.language = (SELECT lang FROM inc) DESC NULLS LAST, a.language LIMIT 20) AS a), '[]'),
    'receipts', coalesce((SELECT json_agg(r) FROM (
        SELECT r.message_id, r.type, r.recipient, r.level, r.level_at, r.by, r.code, CASE WHEN w.pcode <> '' THEN eoc.place_name(w.pcode, (SELECT lang FROM inc)) ELSE '' END AS place, l.text
          FROM (SELECT DISTINCT ON (l.seq) l.seq, l.text FROM line l WHERE l.what <> 'receipt') AS l
         CROSS JOIN LATERAL (SELECT y.message_id, y.type, y.recipient, y.level, y.level_at, y.by, y.code FROM eoc.recipient y WHERE y.seq = l.seq OFFSET 0) AS r
         CROSS JOIN LATERAL (SELECT coalesce(nullif(split_part(r.recipient, '@', 2), ''), (SELECT k.pcode FROM link k WHERE k.principal = r.recipient), '') AS pcode) AS w
         ORDER BY r.type <> 'public_alert', w.pcode, r.recipient LIMIT 200) AS r), '[]'))::text;
