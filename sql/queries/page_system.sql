-- page: how far the record is, which hubs and brokers run, and the link of every office and gateway
-- takes: lang
WITH link AS MATERIALIZED (SELECT * FROM eoc.links()), newest AS MATERIALIZED (SELECT * FROM eoc.newest)
SELECT json_build_object(
    'now', now(), 'head', (SELECT m.seq FROM newest m), 'newest_at', (SELECT m.received_at FROM newest m),
    'hubs', coalesce((SELECT json_agg(x) FROM eoc.hubs(coalesce($1::text, 'en')) AS x), '[]'),
    'links', coalesce((SELECT json_agg(x) FROM (
        SELECT l.principal, l.roles, l.heard_at, l.served_by, l.behind, l.confirmed_at
          FROM link l ORDER BY l.confirmed_at IS NOT NULL AND l.served_by IS NULL DESC, l.heard_at DESC NULLS LAST LIMIT 600) AS x), '[]'))::text;
