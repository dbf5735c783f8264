-- page: incidents, open ones first
-- takes: lang status
WITH list AS MATERIALIZED (
    SELECT * FROM eoc.incident_now n WHERE n.status = coalesce($2::text, n.status)
     ORDER BY n.state IN ('CLOSED', 'MERGED', 'FALSE_ALARM'), n.last_at DESC NULLS LAST LIMIT 60
), family AS MATERIALIZED (SELECT f.* FROM eoc.incident_families(ARRAY(SELECT l.incident_id FROM list l)) AS f
), request AS MATERIALIZED (SELECT r.incident_id, count(*)::int4 AS n FROM eoc.request_open r GROUP BY r.incident_id)
SELECT json_build_object('items', coalesce((SELECT json_agg(x) FROM (
    SELECT l.*, eoc.place_name(split_part(l.places, ' ', 1), coalesce($1::text, 'en')) AS place, f.families, q.n AS requests
      FROM list l LEFT JOIN family f USING (incident_id) LEFT JOIN request q USING (incident_id)
     ORDER BY l.state IN ('CLOSED', 'MERGED', 'FALSE_ALARM'), l.last_at DESC NULLS LAST) AS x), '[]'))::text;
