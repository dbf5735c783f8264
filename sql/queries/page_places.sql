-- page: places that are called so, best first, or those of these codes, with their names in each language
-- takes: text codes
SELECT coalesce((SELECT json_agg(json_build_object('pcode', x.pcode, 'tg', eoc.place_name(x.pcode, 'tg'), 'ru', eoc.place_name(x.pcode, 'ru'),
                                                   'en', eoc.place_name(x.pcode, 'en'), 'path', x.path))
  FROM ((SELECT f.pcode, f.path_en AS path FROM eoc.find_place(coalesce($1::text, '-')) AS f LIMIT 8)
        UNION ALL SELECT c, '' FROM unnest(string_to_array($2::text, ' ')) AS c WHERE c <> '') AS x), '[]')::text;
