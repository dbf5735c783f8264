-- page: incidents, open ones first
-- takes: lang status
SELECT json_build_object('items', coalesce((SELECT json_agg(x) FROM (
    SELECT i.*, eoc.place_name(split_part(i.places, ' ', 1), coalesce($1::text, 'en')) AS place,
           (SELECT f.families FROM eoc.families(i.status, i.incident_id) AS f WHERE f.what = 'total') AS families,
           (SELECT count(*)::int4 FROM eoc.request_open r WHERE r.incident_id = i.incident_id) AS requests
      FROM (SELECT * FROM eoc.incident_now n WHERE n.status = coalesce($2::text, n.status)
             ORDER BY n.state IN ('CLOSED', 'MERGED', 'FALSE_ALARM'), n.last_at DESC NULLS LAST LIMIT 60) AS i) AS x), '[]'))::text;
