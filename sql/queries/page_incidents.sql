-- page: incidents, open ones first
-- takes: lang status
SELECT json_build_object('items', coalesce((SELECT json_agg(x) FROM (
    SELECT i.*, eoc.place_name(split_part(i.places, ' ', 1), coalesce($1::text, 'en')) AS place
      FROM eoc.incident_now i WHERE i.status = coalesce($2::text, i.status)
     ORDER BY i.state IN ('CLOSED', 'MERGED', 'FALSE_ALARM'), i.last_at DESC NULLS LAST LIMIT 200) AS x), '[]'))::text;
