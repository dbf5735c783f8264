-- page: names of all places, for lists, search and maps
-- takes: nothing
SELECT json_build_object('items', coalesce((SELECT json_agg(x) FROM (
    SELECT p.pcode, p.level, p.parent, p.name_tg, p.name_ru, p.name_en, p.lat, p.lon FROM eoc.place p WHERE p.holds ORDER BY p.pcode) AS x), '[]'))::text;
