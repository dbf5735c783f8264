-- page: resources: what is open, promised, under way, on scene, due back, and late
-- takes: lang status
SELECT json_build_object('items', coalesce((SELECT json_agg(x) FROM (
    SELECT b.*, eoc.place_name(split_part(b.places, ' ', 1), coalesce($1::text, 'en')) AS place
      FROM eoc.board b WHERE b.status = coalesce($2::text, b.status)
     ORDER BY b.late DESC NULLS LAST, b.asked_at LIMIT 500) AS x), '[]'))::text;
