-- page: what one shift hands to the next: open things, who took what, promises and their times, silent districts, what changed
-- takes: lang status since until
WITH me AS (SELECT coalesce($1::text, 'en') AS lang, $2::text AS status, coalesce($3::text::timestamptz, now() - interval '12 hours') AS since, coalesce($4::text::timestamptz, now()) AS until),
     -- As the queue's page does: all for what orders them, the rest for those that are shown.
     q AS MATERIALIZED (SELECT q.what, q.id, q.precedence, q.turn, q.since, q.status = 'EXERCISE' AND q.since < now() - interval '1 day' AS past FROM eoc.queue q WHERE q.status = coalesce($2::text, q.status) AND q.what <> 'silence')
SELECT json_build_object(
    'as_of', (SELECT json_build_object('seq', m.seq, 'at', now()) FROM eoc.newest m),
    'since', me.since, 'until', me.until,
    'open', coalesce((SELECT json_agg(x) FROM (SELECT q.*, eoc.place_name(split_part(q.places, ' ', 1), me.lang) AS place,
                          (SELECT r.headline FROM eoc.public_alert r WHERE r.seq = q.seq AND q.what = 'draft' ORDER BY starts_with(r.language, me.lang) DESC LIMIT 1) AS headline, u.code, u.why, u.type,
                          (SELECT CASE me.lang WHEN 'tg' THEN k.tg WHEN 'ru' THEN k.ru ELSE k.en END FROM eoc.kinds_of(ARRAY[eoc.asked_kind(q.detail)]) AS k WHERE q.what IN ('request', 'late') LIMIT 1) AS kind_name
                    FROM eoc.queue q LEFT JOIN LATERAL (SELECT r.code, r.why, r.type FROM eoc.undecided r WHERE r.seq = q.seq AND q.what = 'undecided') AS u ON true
                   WHERE q.status = coalesce(me.status, q.status) AND q.what <> 'silence'
                     AND q.id = ANY (ARRAY(SELECT t.id FROM q t ORDER BY t.past, t.precedence, t.turn, t.since LIMIT 100)) ORDER BY q.status = 'EXERCISE' AND q.since < now() - interval '1 day', q.precedence, q.turn, q.since LIMIT 100) AS x), '[]'),
    'open_count', (SELECT count(*) FROM q WHERE NOT q.past), 'past', (SELECT nullif(count(*), 0) FROM q WHERE q.past),
    'taken', coalesce((SELECT json_agg(x) FROM (SELECT e.at, e.what, e.by, d.type, eoc.place_name(d.pcode, me.lang) AS place, replace(coalesce(d.doc->'sensor_detection'->>'level', ''), 'DETECTION_LEVEL_', '') AS level, round(extract(epoch FROM e.after)) AS after_s
                    FROM eoc.escalation e JOIN eoc.document d ON d.message_id = e.alert_id
                   WHERE e.at >= me.since AND e.at <= me.until AND e.by IS NOT NULL AND e.what <> 'ASKED' ORDER BY e.at LIMIT 100) AS x), '[]'),
    'promised', coalesce((SELECT json_agg(x) FROM (SELECT c.supplier, c.kind, c.state, c.quantity, c.unit, c.arrives_at, c.until_at, c.for_agency, i.name AS incident, eoc.place_name(split_part(c.places, ' ', 1), me.lang) AS place,
                          c.status = 'ACTUAL' AND (c.arrived_at IS NULL AND c.arrives_at < now() OR c.until_at < now() AND c.state IN ('ON_SCENE', 'RELEASED', 'RETURNING')) AS late
                    FROM eoc.commitment c LEFT JOIN eoc.incident_now i ON i.incident_id = c.incident_id
                   WHERE c.status = coalesce(me.status, c.status) AND c.state IN ('COMMITTED', 'COMMITTED_PROVISIONAL', 'EN_ROUTE', 'ON_SCENE', 'EXTENSION_REQUESTED', 'RELEASED', 'RETURNING', 'RETURN_REQUESTED', 'RELEASING')
                   ORDER BY coalesce(c.arrived_at, c.arrives_at) LIMIT 100) AS x), '[]'),
    'replies', coalesce((SELECT json_agg(x) FROM (SELECT d.event_at, coalesce(nullif(d.doc->>'author', ''), d.sender) AS by, d.doc->'to' AS to, d.doc->'general_message'->>'subject' AS subject,
                          eoc.at(d.doc->'general_message'->>'reply_by_us') AS reply_by FROM eoc.document d
                   WHERE d.type = 'general_message' AND d.status = coalesce(me.status, d.status) AND d.event_at >= me.since - interval '2 days' AND d.doc->'general_message'->>'reply_by_us' <> '0'
                     AND NOT EXISTS (SELECT FROM eoc.document r WHERE r.type = 'general_message' AND r.seq > d.seq AND r.doc->'general_message'->>'reply_to' = d.message_id::text)
                   ORDER BY d.seq DESC LIMIT 30) AS x), '[]'),
    'silence', coalesce((SELECT json_agg(x) FROM (SELECT s.pcode, s.since, s.last_sender, s.incident_name, eoc.place_name(s.pcode, me.lang) AS place FROM eoc.silence s ORDER BY s.since) AS x), '[]'),
    'incidents', coalesce((SELECT json_agg(x) FROM (SELECT i.incident_id, i.name, i.hazard, i.state, i.since, i.began_at, i.last_at, i.status, i.reports, i.households, i.since >= me.since AS changed, eoc.place_name(split_part(i.places, ' ', 1), me.lang) AS place
                    FROM eoc.incident_now i WHERE i.status = coalesce(me.status, i.status) AND (i.state NOT IN ('CLOSED', 'MERGED', 'FALSE_ALARM') OR i.since >= me.since)
                   ORDER BY i.last_at DESC NULLS LAST LIMIT 60) AS x), '[]'),
    'changed', coalesce((SELECT json_agg(x) FROM (SELECT m.at, m.event, m.from_state, m.to_state, i.name, m.by FROM eoc.incident_now i JOIN eoc.moved m ON m.cycle = 'incident' AND m.entity = i.incident_id
                   WHERE i.last_at >= me.since AND i.status = coalesce(me.status, i.status) AND m.at >= me.since AND m.at <= me.until ORDER BY m.at LIMIT 100) AS x), '[]'),
    'log', coalesce((SELECT json_agg(x) FROM (SELECT d.event_at AS at, coalesce(nullif(d.doc->>'author', ''), d.sender) AS by, d.doc->'activity_log_entry'->>'text' AS text FROM eoc.document d
                   WHERE d.type = 'activity_log_entry' AND d.status = coalesce(me.status, d.status) AND d.event_at >= me.since AND d.event_at <= me.until ORDER BY d.seq LIMIT 100) AS x), '[]'))::text
  FROM me;
