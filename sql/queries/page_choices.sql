-- page: what a form offers: open incidents (those near by first), kinds of resources by their names, and what else was named before
-- takes: places status lang
SELECT json_build_object(
    'incidents', coalesce((SELECT json_agg(x) FROM (
        SELECT i.incident_id, i.name, i.state, i.hazard, i.places, i.began_at, i.reports,
               eoc.place_name(split_part(i.places, ' ', 1), coalesce($3::text, 'en')) AS place
          FROM eoc.incident_now i
         WHERE i.status = $2::text AND i.state IN ('REPORTED', 'VERIFYING', 'CONFIRMED', 'RESPONDING', 'STABILISED', 'RECOVERY')
         ORDER BY left(i.places, 7) = left(coalesce($1::text, ''), 7) DESC, left(i.places, 4) = left(coalesce($1::text, ''), 4) DESC,
                  i.last_at DESC LIMIT 40) AS x), '[]'),
    'kinds', coalesce((SELECT json_agg(json_build_object('id', c.id, 'name', CASE $3::text WHEN 'tg' THEN c.tg WHEN 'ru' THEN c.ru ELSE c.en END, 'also', array_to_string(ARRAY[c.tg, c.ru, c.en] || c.also, ' '))
                                       ORDER BY c.place_in_list) FROM eoc.called c WHERE c.list = 'resource'), '[]'),
    'others', coalesce((SELECT json_agg(k.kind ORDER BY k.kind) FROM eoc.kinds_of(ARRAY(SELECT DISTINCT b.kind FROM eoc.board b WHERE b.kind <> '' LIMIT 200)) AS k WHERE k.id IS NULL), '[]'))::text;
