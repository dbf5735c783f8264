-- page: what a form offers: people to write to, open incidents (those near by first), kinds of resources that were named before
-- takes: places status lang
SELECT json_build_object(
    'people', coalesce((SELECT json_agg(a ORDER BY a.kind <> 'role', a.kind = 'agency', a.recipient) FROM eoc.addressee a), '[]'),
    'incidents', coalesce((SELECT json_agg(x) FROM (
        SELECT i.incident_id, i.name, i.state, i.hazard, i.places, i.began_at, i.reports,
               eoc.place_name(split_part(i.places, ' ', 1), coalesce($3::text, 'en')) AS place
          FROM eoc.incident_now i
         WHERE i.status = $2::text AND i.state IN ('REPORTED', 'VERIFYING', 'CONFIRMED', 'RESPONDING', 'STABILISED', 'RECOVERY')
         ORDER BY left(i.places, 7) = left(coalesce($1::text, ''), 7) DESC, left(i.places, 4) = left(coalesce($1::text, ''), 4) DESC,
                  i.last_at DESC LIMIT 40) AS x), '[]'),
    'kinds', coalesce((SELECT json_agg(DISTINCT b.kind) FROM eoc.board b WHERE b.kind <> ''), '[]'))::text;
