-- page: what needs a decision, most urgent and oldest first, words for this person that he has not read, and what somebody has in hand
-- takes: lang rows person
-- On a night with 10,000 open things all of them are looked at once, but only for what counts and orders them; whom an
-- alarm asked, who answered and the like are looked up for those that are shown: the first `rows` (300; what an exercise
-- of another day has left comes last, and a few of it always), and besides, however much else there is: the alarms that wait
-- longest, and of alarms, of other FLASH and of orders to sirens what was said last. When something happened is its sender's
-- word, and hides nobody's alarm; when it was said is the log's. Silence is worked out once, for both.
WITH silent AS MATERIALIZED (SELECT * FROM eoc.queue q WHERE q.what = 'silence'),
     s AS MATERIALIZED (SELECT q.what = 'alert' AS is_alarm, q.id, q.precedence * 4 + q.turn + CASE WHEN q.status = 'EXERCISE' AND q.since < now() - interval '1 day' THEN 100 ELSE 0 END AS rank, q.since, q.seq
                          FROM eoc.queue q WHERE q.what <> 'silence'
                         UNION ALL SELECT false, n.id, n.precedence * 4 + n.turn, n.since, n.seq FROM silent n),
     tally AS MATERIALIZED (SELECT max(s.seq) AS as_of, count(*) AS total, count(*) FILTER (WHERE s.rank < 6) AS urgent, count(*) FILTER (WHERE s.rank > 99) AS past FROM s),
     shown AS MATERIALIZED (
         SELECT q.* FROM eoc.queue q
          WHERE q.what <> 'silence'
            AND q.id = ANY (ARRAY(SELECT s.id FROM s ORDER BY s.rank, s.since LIMIT least(greatest(coalesce($2::text::int4, 300), 0), 2000))
                         || ARRAY(SELECT s.id FROM s WHERE s.rank > 99 ORDER BY s.rank, s.since LIMIT 20)
                         || ARRAY(SELECT s.id FROM s WHERE s.rank < 5 AND s.is_alarm ORDER BY s.seq LIMIT 20)
                         || ARRAY(SELECT s.id FROM s WHERE s.rank < 5 AND s.is_alarm ORDER BY s.seq DESC LIMIT 20)
                         || ARRAY(SELECT s.id FROM s WHERE s.rank < 5 AND NOT s.is_alarm ORDER BY s.seq DESC LIMIT 20)
                         || ARRAY(SELECT s.id FROM s WHERE s.rank = 5 ORDER BY s.seq DESC LIMIT 20))
         UNION ALL SELECT * FROM silent),
     called AS MATERIALIZED (SELECT k.kind, CASE $1::text WHEN 'tg' THEN k.tg WHEN 'ru' THEN k.ru ELSE k.en END AS name
                               FROM eoc.kinds_of(ARRAY(SELECT DISTINCT eoc.asked_kind(n.detail) FROM shown n WHERE n.what IN ('request', 'late'))) AS k)
SELECT json_build_object(
    'as_of', t.as_of, 'total', t.total, 'urgent', t.urgent, 'past', t.past,
    'items', coalesce((SELECT json_agg(x) FROM (
        SELECT q.*, k.name AS kind_name, eoc.place_name(split_part(q.places, ' ', 1), coalesce($1::text, 'en')) AS place, to_json(f) AS flash, to_json(d) AS detection, c.headline,
               u.code, u.why, u.type, o.acks, o.acks_needed, o.nobody_on_duty, o.answers
          FROM shown q
          LEFT JOIN called k ON q.what IN ('request', 'late') AND k.kind = eoc.asked_kind(q.detail)
          LEFT JOIN LATERAL (SELECT r.village, r.deaths, r.injured, r.missing, r.houses, r.road_cut, r.to_evacuate, r.confidence, r.text, r.reporter_role, r.sender
                               FROM eoc.flash_report r WHERE r.seq = q.seq AND q.what = 'report') AS f ON true
          LEFT JOIN LATERAL (SELECT r.torrent_id, r.level, r.text, r.confidence_pct, r.local_siren_sounded AS siren, r.profile, r.evidence, r.front_speed_m_s FROM eoc.sensor_detection r WHERE r.seq = q.seq AND q.what IN ('alert', 'report')) AS d ON true
          LEFT JOIN LATERAL (SELECT r.headline FROM eoc.public_alert r WHERE r.seq = q.seq AND q.what IN ('alert', 'draft')
                              ORDER BY starts_with(r.language, coalesce($1::text, 'en')) DESC LIMIT 1) AS c ON true
          LEFT JOIN LATERAL (SELECT r.code, r.why, r.type FROM eoc.undecided r WHERE r.seq = q.seq AND q.what = 'undecided') AS u ON true
          LEFT JOIN (SELECT a.alert_id, a.acks, a.acks_needed, a.nobody_on_duty, a.answers FROM eoc.alert_open a
                      WHERE a.alert_id = ANY (ARRAY(SELECT h.id FROM shown h WHERE h.what = 'alert'))) AS o ON o.alert_id = q.id AND q.what = 'alert'
         ORDER BY q.precedence, q.turn, q.since) AS x), '[]'),
    'messages', coalesce((SELECT json_agg(x) FROM (
        SELECT 'message' AS what, r.message_id AS id, d.seq, d.event_at AS since, d.status, r.level AS state, d.pcode AS places,
               eoc.place_name(d.pcode, coalesce($1::text, 'en')) AS place, d.sender AS by, d.incident_id, d.doc->'general_message'->>'subject' AS detail,
               d.doc->'general_message'->>'text' AS text, d.doc->>'lane' AS lane, eoc.at(d.doc->'general_message'->>'reply_by_us') AS due_at
          FROM eoc.reached r JOIN eoc.document d ON d.seq = r.seq
         WHERE r.principal = $3::text AND r.level IN ('STORED', 'DELIVERED') AND d.type = 'general_message'
         ORDER BY d.seq DESC LIMIT 50) AS x), '[]'),
    'taken', coalesce((SELECT json_agg(x) FROM (
        SELECT t.*, eoc.place_name(split_part(t.places, ' ', 1), coalesce($1::text, 'en')) AS place
          FROM eoc.taken t ORDER BY t.since DESC LIMIT 30) AS x), '[]'))::text
  FROM tally t;
