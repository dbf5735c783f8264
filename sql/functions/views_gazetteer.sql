-- views_gazetteer: places, their history, how they are found, and what sources contradict each other in.

CREATE VIEW eoc.place AS
SELECT p.pcode, (ARRAY['COUNTRY', 'REGION', 'DISTRICT', 'JAMOAT', 'VILLAGE'])[p.level] AS level, p.parent, p.name_tg, p.name_ru,
       p.name_en, bus.transliterate_tg(nullif(p.name_tg, '')) AS name_latin, u.path_tg, u.path_ru, u.path_en,
       ARRAY(SELECT DISTINCT a.alias FROM bus.place_alias a
              WHERE a.pcode = p.pcode AND a.alias NOT IN (p.name_tg, p.name_ru, p.name_en) ORDER BY a.alias) AS aliases,
       nullif(p.valid_from, '-infinity') AS valid_from, p.valid_to, p.replaced_by,
       p.valid_from <= now() AND (p.valid_to IS NULL OR p.valid_to > now()) AS holds, p.lat, p.lon, p.population,
       p.population_year, p.source, p.version
  FROM bus.place p
 CROSS JOIN LATERAL (SELECT string_agg(coalesce(nullif(x.name_tg, ''), x.name_en), ', ' ORDER BY x.depth) AS path_tg,
                            string_agg(coalesce(nullif(x.name_ru, ''), x.name_en), ', ' ORDER BY x.depth) AS path_ru,
                            string_agg(x.name_en, ', ' ORDER BY x.depth) AS path_en
                       FROM (SELECT 0 AS depth, p.name_tg, p.name_ru, p.name_en
                             UNION ALL SELECT y.depth + 1, y.name_tg, y.name_ru, y.name_en FROM bus.place_up(p.parent) AS y) AS x) AS u
 WHERE p.until_version IS NULL;
COMMENT ON VIEW eoc.place IS 'places and their names in three languages; one that ended is there too, with what took its place';
COMMENT ON COLUMN eoc.place.name_latin IS 'the Tajik name in Latin letters, BGN/PCGN 1994';
COMMENT ON COLUMN eoc.place.path_en IS 'it and what it lies in, smallest first';
COMMENT ON COLUMN eoc.place.valid_from IS 'first day it holds; null = always';
COMMENT ON COLUMN eoc.place.valid_to IS 'first day it holds no more';
COMMENT ON COLUMN eoc.place.holds IS 'false: it is no more, or not yet; see replaced_by';
COMMENT ON COLUMN eoc.place.lat IS 'degrees north, WGS 84';
COMMENT ON COLUMN eoc.place.lon IS 'degrees east, WGS 84';
COMMENT ON COLUMN eoc.place.population IS 'persons';

CREATE VIEW eoc.place_history AS
SELECT p.pcode, p.version, p.until_version, g.at AS known_at, g.seq, p.valid_from, p.valid_to, p.name_tg, p.name_ru, p.name_en,
       p.parent, p.replaced_by, p.source
  FROM bus.place p JOIN bus.gazetteer_version g USING (version);
COMMENT ON VIEW eoc.place_history IS 'everything that was ever known of a place: ORDER BY valid_from, version';
COMMENT ON COLUMN eoc.place_history.until_version IS 'version that replaced this; null = it stands';
COMMENT ON COLUMN eoc.place_history.seq IS 'number of the message that said it; null = an import';

CREATE VIEW eoc.place_conflict AS
SELECT c.kind, c.conflict_id, c.subject, c.what, c.done, c.sources, c.proposed, c.since, c.seq, c.settled_at, c.settled_by,
       c.settled_as, c.because
  FROM bus.place_conflict c;
COMMENT ON VIEW eoc.place_conflict IS 'what sources contradict each other in; open ones: WHERE settled_at IS NULL';
COMMENT ON COLUMN eoc.place_conflict.done IS 'what the gazetteer does meanwhile';
COMMENT ON COLUMN eoc.place_conflict.proposed IS 'P-codes that it may be about';

-- The name of a code for people, or of the district it lies in: 'Айнӣ'. language: tg, ru or en. Unknown: the code. In
-- English a district is written as it is said and as every message spells it, Ayni and Zafarobod, in plain letters; tables from
-- abroad have several spellings of each (Aini, Zafarabad), and regions have English names of their own.
CREATE FUNCTION eoc.place_name(pcode text, language text DEFAULT 'en') RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT coalesce(nullif(CASE WHEN language = 'tg' THEN p.name_tg WHEN language = 'ru' THEN coalesce(nullif(regexp_replace(p.name_ru, '[сц]кий$', '\& район'), ''), -- the tables have a district's adjective
                                                     replace(replace(translate(p.name_tg, 'ҳқғӣӯҲҚҒӢӮ', 'хкгиуХКГИУ'), 'ҷ', 'дж'), 'Ҷ', 'Дж')) -- or nothing: Хуҷанд is Худжанд
                                                 WHEN p.level > 2 THEN translate(bus.transliterate_tg(p.name_tg), 'íŭŬėĖ’', 'iuUeE') END, ''),
                                     p.name_en)
                       FROM bus.place p WHERE p.pcode IN (place_name.pcode, left(place_name.pcode, 7)) AND p.until_version IS NULL
                      ORDER BY length(p.pcode) DESC, p.valid_from DESC LIMIT 1), pcode)
$$;
COMMENT ON FUNCTION eoc.place_name IS 'the name of a P-code, or of the district it lies in, for people';

-- Places that are called so, best first: by code, as written, alike in spelling, by their beginning, by their
-- consonants, and last where an import thinks it might be. Words are folded as bus.fold_place has it, so Айнӣ, Айни, Ayni and Aini find the same.
CREATE FUNCTION eoc.find_place(text text)
RETURNS TABLE (rank int4, pcode text, level text, name_tg text, name_ru text, name_en text, path_en text, called text,
               stands_now text[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
    f text := bus.fold_place(text);
    s text := bus.skeleton_place(f);
BEGIN
    RETURN QUERY
    SELECT h.rank, p.pcode, p.level, p.name_tg, p.name_ru, p.name_en, p.path_en, h.called,
           ARRAY(SELECT n FROM bus.place_now(p.pcode) AS n ORDER BY n)
      FROM (SELECT DISTINCT ON (x.pcode) x.* FROM (
                SELECT 0 AS rank, q.pcode, q.pcode AS called FROM bus.place q WHERE q.pcode = btrim(find_place.text)
                UNION ALL
                SELECT CASE WHEN a.alias = btrim(find_place.text) THEN 1 ELSE 2 END + 2 * a.is_former::int4, a.pcode, a.alias
                  FROM bus.place_alias a WHERE a.folded = f
                UNION ALL
                SELECT 5, a.pcode, a.alias FROM bus.place_alias a WHERE length(f) > 2 AND a.folded LIKE f || '%'
                UNION ALL
                SELECT 6, a.pcode, a.alias FROM bus.place_alias a WHERE length(s) > 2 AND a.skeleton = s
                UNION ALL -- what a table calls by a name that nobody has placed yet
                SELECT 7, n, c.subject FROM bus.place_conflict c CROSS JOIN LATERAL unnest(c.proposed[1:1]) AS n
                 WHERE c.kind = 'unknown' AND c.settled_at IS NULL AND bus.fold_place(c.subject) = f) AS x
             ORDER BY x.pcode, x.rank, x.called) AS h
      JOIN (SELECT DISTINCT ON (e.pcode) e.* FROM eoc.place e ORDER BY e.pcode, e.valid_from DESC NULLS LAST) AS p ON p.pcode = h.pcode
     ORDER BY h.rank, p.holds DESC, p.level, p.pcode;
END
$$;
COMMENT ON FUNCTION eoc.find_place IS 'places that are called so, best first, in whatever letters';

GRANT SELECT ON eoc.place, eoc.place_history, eoc.place_conflict, bus.place, bus.place_alias, bus.place_conflict,
    bus.gazetteer_version TO bus_reader, bus_admin;
GRANT EXECUTE ON FUNCTION eoc.place_name, eoc.find_place, bus.place_now, bus.place_up, bus.place_known, bus.fold_place,
    bus.skeleton_place, bus.transliterate_tg, bus.transliterate_ru TO bus_reader, bus_admin, bus_audit;
