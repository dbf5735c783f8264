-- page: what needs a decision, most urgent and oldest first, and what somebody has in hand; names of places in the reader's language
-- takes: lang status
-- The view is looked through once: on a night with 10,000 open things three times would be two thirds of the answer.
WITH q AS MATERIALIZED (SELECT * FROM eoc.queue),
     s AS (SELECT * FROM q WHERE $2::text IS NULL OR q.status = $2::text)
SELECT json_build_object(
    'as_of', (SELECT max(seq) FROM s),
    'total', (SELECT count(*) FROM s),
    'items', coalesce((SELECT json_agg(x) FROM (
        SELECT q.*, eoc.place_name(split_part(q.places, ' ', 1), coalesce($1::text, 'en')) AS place, to_json(f) AS flash, to_json(d) AS detection, c.headline
          FROM (SELECT * FROM s ORDER BY s.precedence, s.since LIMIT 300) AS q
          LEFT JOIN LATERAL (SELECT r.village, r.deaths, r.injured, r.missing, r.houses, r.road_cut, r.to_evacuate, r.confidence, r.text
                               FROM eoc.flash_report r WHERE r.seq = q.seq AND q.what = 'report') AS f ON true
          LEFT JOIN LATERAL (SELECT r.torrent_id, r.level, r.text, r.confidence_pct, r.local_siren_sounded AS siren FROM eoc.sensor_detection r WHERE r.seq = q.seq AND q.what IN ('alert', 'report')) AS d ON true
          LEFT JOIN LATERAL (SELECT r.headline FROM eoc.public_alert r WHERE r.seq = q.seq AND q.what IN ('alert', 'draft')
                              ORDER BY starts_with(r.language, coalesce($1::text, 'en')) DESC LIMIT 1) AS c ON true
         ORDER BY q.precedence, q.since) AS x), '[]'),
    'taken', coalesce((SELECT json_agg(x) FROM (
        SELECT t.*, eoc.place_name(split_part(t.places, ' ', 1), coalesce($1::text, 'en')) AS place
          FROM eoc.taken t WHERE t.status = coalesce($2::text, t.status) ORDER BY t.since DESC LIMIT 30) AS x), '[]'))::text;
