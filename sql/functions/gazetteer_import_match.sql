-- gazetteer_import_match: tables without P-codes, whose rows find theirs by name and by where they lie.

CREATE FUNCTION bus.gazetteer_km(lat float8, lon float8, other_lat float8, other_lon float8) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT 6371 * 2 * asin(least(1, sqrt(sind((other_lat - lat) / 2) ^ 2
                                         + cosd(lat) * cosd(other_lat) * sind((other_lon - lon) / 2) ^ 2)))
$$;
-- What a region is called besides its name.
CREATE FUNCTION bus.gazetteer_bare(name text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT bus.fold_place(regexp_replace(name, 'Вилояти|Мухтори|Кӯҳистони|область|автономная|ская', '', 'g'))
$$;

-- A code as the first of the tables that has it says.
CREATE FUNCTION bus.gazetteer_coded()
RETURNS TABLE (pcode text, level int2, parent text, name_en text, lat float8, lon float8, source text, point_source text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT ON (s.pcode) s.pcode, s.level, s.parent, s.name_en, first_value(s.lat) OVER w, first_value(s.lon) OVER w,
           s.source, first_value(s.source) OVER w
      FROM bus.place_stated s
     WHERE s.pcode <> '' AND s.shape <> 'population'
    WINDOW w AS (PARTITION BY s.pcode ORDER BY s.lat IS NULL, s.rank, s.source, s.line)
     ORDER BY s.pcode, s.rank, s.valid_from DESC NULLS LAST, s.source, s.line
$$;

-- A name as conflicts compare it: a region without what it is called besides, a district in Russian as a noun
-- (Айнинский: Айни).
CREATE FUNCTION bus.gazetteer_folded(name text, level int2, language text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN level = 2 THEN bus.gazetteer_bare(name)
                WHEN language = 'ru' THEN regexp_replace(bus.fold_place(regexp_replace(name, '(ин)?ский( |$)', '')), '[aiu]+$', '')
                ELSE bus.fold_place(name) END
$$;

-- Fills matched of the tables without codes: regions first, then what lies in them.
CREATE FUNCTION bus.gazetteer_match() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.alias_put(s.pcode, n.name, n.language, s.source, n.language = '')
       FROM bus.place_stated s
      CROSS JOIN LATERAL (SELECT * FROM (VALUES ('en', s.name_en), ('tg', s.name_tg), ('ru', s.name_ru)) AS v(language, name)
                           UNION ALL SELECT '', a FROM unnest(s.aliases) AS a) AS n
      WHERE s.pcode <> '' AND n.name <> '';
    UPDATE bus.place_stated s
       SET matched = coalesce((
           SELECT array_agg(DISTINCT a.pcode) FROM bus.place_alias a JOIN bus.gazetteer_coded() AS k USING (pcode)
            WHERE k.level = 2 AND a.folded IN (bus.fold_place(s.name_en), bus.fold_place(s.name_tg),
                                               bus.gazetteer_bare(s.name_tg), bus.gazetteer_bare(s.name_ru))), '{}')
     WHERE s.pcode = '' AND s.level = 2;
    -- A region that one table names in another language is known by that to the next.
    UPDATE bus.place_stated s SET matched = o.matched
      FROM bus.place_stated o
     WHERE s.pcode = '' AND s.level = 2 AND s.matched = '{}' AND o.pcode = '' AND o.level = 2 AND o.matched <> '{}'
       AND o.source <> s.source AND bus.fold_place(o.name_tg) = bus.fold_place(s.name_tg);
    -- By the English name, else by another name, else by the consonants of the English one; of these those in its own
    -- region, if there are any. Without its English name it has to lie where the place lies.
    WITH coded AS MATERIALIZED (SELECT * FROM bus.gazetteer_coded()),
    asked AS MATERIALIZED (
        SELECT s.source, s.line, s.level, s.lat, s.lon, bus.fold_place(s.name_en) AS en, bus.fold_place(s.name_tg) AS tg,
               bus.fold_place(s.name_ru) AS ru, bus.skeleton_place(bus.fold_place(s.name_en)) AS skeleton,
               bus.gazetteer_region(s) AS region
          FROM bus.place_stated s WHERE s.pcode = '' AND s.level > 2
    ), spelled AS MATERIALIZED ( -- no spelling of a table without codes, or the next import would find more
        SELECT c.*, a.folded, a.skeleton FROM bus.place_alias a JOIN coded c USING (pcode)
         WHERE a.source NOT IN (SELECT x.source FROM bus.place_stated x WHERE x.pcode = '')
    ), hit AS (
        SELECT s.source, s.line, s.lat, c.pcode, c.parent = ANY (s.region) AS is_there,
               min(bus.gazetteer_km(s.lat, s.lon, c.lat, c.lon)) AS km,
               min(CASE WHEN c.folded = s.en THEN 1 WHEN c.folded IN (s.tg, s.ru) THEN 2 ELSE 3 END) AS how
          FROM asked s JOIN spelled c ON c.level = s.level
               AND (c.folded IN (s.en, s.tg, s.ru) OR length(c.skeleton) > 2 AND c.skeleton = s.skeleton)
         GROUP BY 1, 2, 3, 4, 5
    ), best AS (
        SELECT h.*, rank() OVER (PARTITION BY h.source, h.line ORDER BY h.how, NOT h.is_there) AS place
          FROM hit h WHERE h.how = 1 OR h.lat IS NULL OR h.km < 60
    ), codes AS (
        SELECT a.source, a.line, coalesce(array_agg(b.pcode ORDER BY b.pcode) FILTER (WHERE b.place = 1), '{}') AS codes
          FROM asked a LEFT JOIN best b USING (source, line) GROUP BY 1, 2
    )
    UPDATE bus.place_stated s SET matched = c.codes FROM codes c WHERE s.source = c.source AND s.line = c.line;
    PERFORM bus.alias_put(c, n.name, n.language, s.source)
       FROM bus.place_stated s CROSS JOIN LATERAL unnest(s.matched) AS c
      CROSS JOIN LATERAL (VALUES ('en', s.name_en), ('tg', s.name_tg), ('ru', s.name_ru)) AS n(language, name)
      WHERE n.name <> '';
END
$$;

-- The region that a row without a code says it lies in.
CREATE FUNCTION bus.gazetteer_region(s bus.place_stated) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT x.matched FROM bus.place_stated x
                      WHERE x.source = s.source AND x.level = 2 AND x.name_en = s.parent_name LIMIT 1), '{}')
$$;

-- The codes that lie nearest to a point, within 60 km; for a person to choose from.
CREATE FUNCTION bus.gazetteer_near(lat float8, lon float8, most int4) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(n.pcode ORDER BY n.km), '{}')
      FROM (SELECT c.pcode, bus.gazetteer_km(near.lat, near.lon, c.lat, c.lon) AS km
              FROM (VALUES (lat, lon)) AS near(lat, lon), bus.gazetteer_coded() AS c
             WHERE c.lat IS NOT NULL AND near.lat IS NOT NULL
             ORDER BY km LIMIT most) AS n
     WHERE n.km < 60
$$;
