-- page: how far the record is, which brokers serve listeners, and every principal's link
-- takes: lang
SELECT json_build_object(
    'now', now(), 'head', (SELECT max(m.seq) FROM eoc.message m), 'newest_at', (SELECT m.received_at FROM eoc.message m ORDER BY m.seq DESC LIMIT 1),
    'brokers', coalesce((SELECT json_agg(x) FROM (
        SELECT l.served_by AS broker, count(*) AS listeners, max(l.heard_upto_at) AS heard_upto_at
          FROM eoc.link l WHERE l.served_by IS NOT NULL GROUP BY 1 ORDER BY 1) AS x), '[]'),
    'links', coalesce((SELECT json_agg(x) FROM (
        SELECT l.principal, l.last_word_at, l.served_by, l.behind, l.heard_upto_at IS NOT NULL AS listens,
               eoc.place_name(split_part(l.places, ' ', 1), coalesce($1::text, 'en')) AS place
          FROM eoc.link l ORDER BY l.heard_upto_at IS NOT NULL AND l.served_by IS NULL DESC, l.last_word_at DESC NULLS LAST LIMIT 600) AS x), '[]'))::text;
