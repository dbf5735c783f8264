-- page: one incident as its papers have it: where it stands, harm and how sure it is, what offices wrote, requests, gaps, the log of a period
-- takes: incident lang since until
WITH me AS (SELECT $1::text::uuid AS id, coalesce($2::text, 'en') AS lang, $3::text::timestamptz AS since, $4::text::timestamptz AS until),
incident AS MATERIALIZED (SELECT i.* FROM eoc.incident_now i WHERE i.incident_id = $1::text::uuid),
reports AS MATERIALIZED (SELECT DISTINCT ON (s.sender) s.* FROM eoc.situation_report s JOIN eoc.report r ON r.message_id = s.message_id AND r.is_current
    WHERE s.incident_id = $1::text::uuid AND ((SELECT until FROM me) IS NULL OR s.event_at <= (SELECT until FROM me)) ORDER BY s.sender, s.event_at DESC)
SELECT json_build_object(
    'as_of', (SELECT json_build_object('seq', m.seq, 'at', now()) FROM eoc.newest m),
    'incident', (SELECT row_to_json(x) FROM (SELECT i.*, (SELECT json_agg(json_build_object('pcode', w, 'name', eoc.place_name(w, me.lang))) FROM unnest(string_to_array(i.places, ' ')) AS w WHERE w <> '') AS where
                   FROM incident i) AS x),
    'described', (SELECT row_to_json(x) FROM (SELECT d.text, d.urgency, d.event_at, d.sender FROM eoc.incident d JOIN eoc.moved v ON v.message_id = d.message_id AND v.cycle = 'incident'
                   WHERE v.entity = me.id AND d.text <> '' ORDER BY d.seq DESC LIMIT 1) AS x),
    'harm', coalesce((SELECT json_agg(json_build_object('place', eoc.place_name(h.district, me.lang), 'district', h.district, 'what', h.what, 'figure', h.figure, 'sure', h.sure, 'said_by', h.said_by,
                   'said_at', h.said_at, 'type', h.type, 'confidence', h.confidence, 'others', h.others)) FROM eoc.harm(me.id, me.until) AS h), '[]'),
    'relocation', coalesce((SELECT json_agg(x) FROM (SELECT c.*, eoc.place_name(c.district, me.lang) AS place FROM eoc.relocation_counts c JOIN incident i ON c.incident_id = i.incident_id OR c.incident_id IS NULL AND c.status = i.status AND strpos(i.places, c.district) > 0
                   ORDER BY c.incident_id IS NULL, c.district) AS x), '[]'),
    'reports', coalesce((SELECT json_agg(r ORDER BY r.event_at DESC) FROM (SELECT s.*, eoc.place_name(s.pcode, me.lang) AS place FROM reports s) AS r), '[]'),
    'needs', coalesce((SELECT json_agg(n) FROM (SELECT x.category, coalesce((SELECT CASE me.lang WHEN 'tg' THEN k.tg WHEN 'ru' THEN k.ru ELSE k.en END FROM eoc.kinds_of(ARRAY[x.item]) AS k), x.item) AS item, trim_scale(x.quantity) AS quantity, x.unit, trim_scale(x.met) AS met, x.horizon, x.people, x.sender, x.event_at FROM eoc.situation_need x
                   JOIN reports r ON r.seq = x.seq WHERE x.incident_id = me.id) AS n), '[]'),
    'requests', coalesce((SELECT json_agg(b) FROM (SELECT x.thread, x.line_id, x.state, x.kind, x.asked_by, x.asked_at, x.needed_at, x.wanted, x.unit, x.wanted_text, x.open, x.promised, x.under_way, x.on_scene,
                   x.due_back, x.late, x.suppliers FROM eoc.board x WHERE x.incident_id = me.id ORDER BY x.asked_at) AS b), '[]'),
    'promises', coalesce((SELECT json_agg(c) FROM (SELECT x.thread, x.line_id, x.supplier, x.state, x.kind, x.items, x.quantity, x.unit, x.from_at, x.arrives_at, x.departed_at, x.arrived_at, x.until_at FROM eoc.commitment x
                   WHERE x.incident_id = me.id ORDER BY x.arrives_at) AS c), '[]'),
    'villages', coalesce((SELECT json_agg(v) FROM (SELECT x.village, x.asset, x.damage, x.species, trim_scale(x.quantity) AS quantity, x.unit, x.event_at, x.act_no FROM eoc.damage_assessment x
                   WHERE x.incident_id = me.id AND x.asset IS NOT NULL AND (me.until IS NULL OR x.event_at <= me.until) ORDER BY x.seq, x.asset LIMIT 200) AS v), '[]'),
    'facilities', coalesce((SELECT json_agg(f) FROM (SELECT DISTINCT ON (x.facility_id) x.name, x.kind, x.state, x.road_access, x.as_of, x.places_total, x.places_available, x.utilities, x.sender FROM eoc.facility_status x
                   WHERE x.incident_id = me.id ORDER BY x.facility_id, x.as_of DESC, x.seq DESC) AS f), '[]'),
    'alerts', coalesce((SELECT json_agg(a) FROM (SELECT DISTINCT ON (x.seq) x.identifier, x.msg_type, x.sent_at, x.expires_at, x.headline, x.sender, x.language FROM eoc.public_alert x
                   WHERE x.incident_id = me.id ORDER BY x.seq DESC, (x.language ~ ('^' || me.lang)) DESC, x.language = 'tg' DESC LIMIT 10) AS a), '[]'),
    'silence', coalesce((SELECT json_agg(s) FROM (SELECT x.pcode, x.since, eoc.place_name(x.pcode, me.lang) AS place FROM eoc.silence x WHERE x.incident_id = me.id) AS s), '[]'),
    'missing', coalesce((SELECT json_agg(e) FROM (SELECT x.pcode, x.type, x.due_at, eoc.place_name(x.pcode, me.lang) AS place FROM eoc.report_expected x
                   WHERE x.incident_id = me.id AND x.state = 'MISSING' ORDER BY x.due_at DESC LIMIT 20) AS e), '[]'),
    'undecided', coalesce((SELECT json_agg(u) FROM (SELECT x.type, x.sender, x.verdict, x.since, x.why FROM eoc.undecided x JOIN eoc.document d ON d.message_id = x.message_id
                   WHERE d.incident_id = me.id ORDER BY x.since LIMIT 50) AS u), '[]'),
    'duty', coalesce((SELECT json_agg(y) FROM (SELECT DISTINCT x.role, x.place, x.turn, x.principal, x.to_at, eoc.place_name(x.place, me.lang) AS place_name FROM eoc.duty x
                   WHERE x.turn = 1 AND EXISTS (SELECT FROM incident i, unnest(string_to_array(i.places, ' ')) AS w WHERE starts_with(w, rtrim(x.place, '0')))) AS y), '[]'),
    'log', coalesce((SELECT json_agg(t) FROM (SELECT x.at, x.what, x.cycle, x.event, x.to_state, x.households, x.by, coalesce(x.text, d.line) AS text, x.seq,
                   CASE x.what WHEN 'sensor_detection' THEN (SELECT row_to_json(y) FROM (SELECT s.level, s.profile, s.evidence, s.front_speed_m_s, s.text FROM eoc.sensor_detection s WHERE s.seq = x.seq LIMIT 1) AS y) END AS detection FROM eoc.incident_timeline x
                   LEFT JOIN LATERAL (SELECT concat_ws(' ', trim_scale(eoc.amount(l->'assignment'->'quantity')), l->'resource'->>'kind') AS line FROM eoc.document y
                        CROSS JOIN LATERAL (SELECT y.doc->y.type->'lines'->0 AS l) AS z WHERE y.message_id = x.message_id AND x.cycle IN ('line', 'request') LIMIT 1) AS d ON true
                   WHERE x.incident_id = me.id AND (me.since IS NULL OR x.at >= me.since) AND (me.until IS NULL OR x.at <= me.until)
                   ORDER BY x.at DESC, x.seq DESC, x.step DESC LIMIT 400) AS t), '[]'))::text
  FROM me;
