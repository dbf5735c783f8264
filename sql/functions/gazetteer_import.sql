-- gazetteer_import: tables of other people become the gazetteer, and what is wrong with them is said.
--
--   bus.gazetteer_stage(table) ─▶ bus.place_stated ─▶ bus.gazetteer_match   names without codes find theirs
--                                                 ─▶ bus.gazetteer_conflicts  what contradicts what
--                                                 ─▶ bus.gazetteer_merge      bus.place, a new version
--
-- Whose word counts first: our own tables (rank 0), a list of codes, polygons, names, populations. A name that a table
-- lacks comes from the next one that means the same place. What a message said (bus.place_said) no table changes.
-- The same tables again change nothing.

-- The rows of a table, of GeoJSON, or of a list in an object.
CREATE FUNCTION bus.gazetteer_rows(rows jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(rows) = 'array' THEN rows
                WHEN jsonb_typeof(rows->'features') = 'array'
                    THEN (SELECT jsonb_agg(f->'properties' ORDER BY ord)
                            FROM jsonb_array_elements(rows->'features') WITH ORDINALITY AS u(f, ord))
                WHEN jsonb_typeof(rows->'DataList') = 'array' THEN rows->'DataList' END
$$;
-- Which kind of table these rows are; null: none that is known here.
CREATE FUNCTION bus.gazetteer_shape(rows jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN r ?& ARRAY['pcode', 'level', 'name_en'] THEN 'own'
                WHEN r ?& ARRAY['P-Code', 'Admin Level', 'Name'] THEN 'list'
                WHEN r ?& ARRAY['admin2_pcode', 'admin2Name_en'] THEN 'polygons'
                WHEN r ?& ARRAY['id', 'name_tg', 'name_en', 'parent_name_en'] THEN 'names'
                WHEN r ?& ARRAY['wof_id', 'placetype', 'name'] THEN 'atlas'
                WHEN r ?& ARRAY['text', 'Pop_2020_H'] THEN 'population' END
      FROM (SELECT bus.gazetteer_rows(rows)->0 AS r) AS x
$$;

-- 'YYYY-MM-DD' as the beginning of that day in the country (UTC+5, no summer time); null: it is none.
CREATE FUNCTION bus.gazetteer_day(day text) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF day !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
        RETURN NULL;
    END IF;
    RETURN make_timestamptz(left(day, 4)::int4, substr(day, 6, 2)::int4, right(day, 2)::int4, 0, 0, 0, 'UTC-5');
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;
CREATE FUNCTION bus.gazetteer_number(text text) RETURNS float8
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN text ~ '^-?[0-9]{1,9}([.][0-9]{1,15})?$' THEN text::float8 END
$$;
-- One blank between words.
CREATE FUNCTION bus.gazetteer_name(text text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS
$$ SELECT left(btrim(regexp_replace(normalize(coalesce(text, ''), NFC), '[[:space:]]+', ' ', 'g')), 120) $$;

-- Takes one table in place of what it said before. A row that is of no use is a conflict.
CREATE FUNCTION bus.gazetteer_stage(source text, rows jsonb, OUT shape text, OUT taken int4, OUT left_out int4)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r record;
    s bus.place_stated;
    wrong text;
BEGIN
    shape := bus.gazetteer_shape(rows);
    taken := 0;
    left_out := 0;
    IF shape IS NULL THEN
        RETURN;
    END IF;
    DELETE FROM bus.place_stated x WHERE x.source = gazetteer_stage.source;
    UPDATE bus.place_conflict c SET is_found = false
     WHERE c.kind = 'row' AND c.sources = ARRAY[gazetteer_stage.source] AND c.settled_at IS NULL;
    FOR r IN SELECT u.r, coalesce((u.r->>'line')::int4, u.ord::int4) AS line
               FROM jsonb_array_elements(bus.gazetteer_rows(rows)) WITH ORDINALITY AS u(r, ord) LOOP
        CONTINUE WHEN coalesce(r.r->>'P-Code', '') LIKE '#%'; -- the row of tags
        s := bus.gazetteer_stated(shape, r.r);
        s.source := source;
        s.line := r.line;
        wrong := bus.gazetteer_wrong(s, r.r);
        IF wrong = 'settlement' THEN
            left_out := left_out + 1;
        ELSIF wrong IS NOT NULL THEN
            left_out := left_out + 1;
            PERFORM bus.conflict_put('row', coalesce(nullif(s.pcode, ''), bus.cut(s.name_en, 80)),
                                     format('%s, row %s: %s', source, r.line, wrong), 'left out', ARRAY[source]);
        ELSE
            taken := taken + 1;
            INSERT INTO bus.place_stated SELECT s.*;
        END IF;
    END LOOP;
    -- Regions stand only beside the districts in them.
    INSERT INTO bus.place_stated (line, rank, level, source, shape, name_tg, name_en)
    SELECT -row_number() OVER (ORDER BY d.en), 3, 2, source, shape, d.tg, d.en
      FROM (SELECT DISTINCT bus.gazetteer_name(x->>'parent_name_tg') AS tg, bus.gazetteer_name(x->>'parent_name_en') AS en
              FROM jsonb_array_elements(bus.gazetteer_rows(rows)) AS x WHERE shape = 'names') AS d;
END
$$;

-- One row of a table in our columns.
CREATE FUNCTION bus.gazetteer_stated(shape text, r jsonb) RETURNS bus.place_stated
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s bus.place_stated;
BEGIN
    s.shape := shape;
    s.rank := array_position(ARRAY['own', 'list', 'polygons', 'names', 'atlas', 'population'], shape) - 1;
    s.pcode := CASE shape WHEN 'own' THEN r->>'pcode' WHEN 'list' THEN r->>'P-Code' WHEN 'polygons' THEN r->>'admin2_pcode'
                          WHEN 'population' THEN regexp_replace(r->>'text', '^([0-9]{7})0{6}$', '\1') END;
    s.pcode := coalesce(btrim(s.pcode), '');
    s.level := CASE shape WHEN 'own' THEN bus.gazetteer_number(r->>'level') WHEN 'list' THEN bus.gazetteer_number(r->>'Admin Level') + 1
                          WHEN 'atlas' THEN CASE r->>'placetype' WHEN 'region' THEN 2 WHEN 'county' THEN 3 ELSE 5 END
                          ELSE 3 END;
    s.parent := coalesce(CASE shape WHEN 'own' THEN r->>'parent' WHEN 'list' THEN r->>'Parent P-Code'
                                    WHEN 'polygons' THEN r->>'admin1Pcode' END, '');
    s.parent_name := bus.gazetteer_name(CASE shape WHEN 'names' THEN r->>'parent_name_en' WHEN 'atlas' THEN r->>'parent_name' END);
    s.name_en := bus.gazetteer_name(CASE shape WHEN 'list' THEN r->>'Name' WHEN 'polygons' THEN r->>'admin2Name_en'
                                               WHEN 'atlas' THEN r->>'name' ELSE r->>'name_en' END);
    s.name_ru := bus.gazetteer_name(CASE shape WHEN 'polygons' THEN r->>'admin2Name_ru' ELSE r->>'name_ru' END);
    s.name_tg := bus.gazetteer_name(CASE shape WHEN 'polygons' THEN r->>'admin2Name_tg' ELSE r->>'name_tg' END);
    s.lat := bus.gazetteer_number(r->>'lat');
    s.lon := bus.gazetteer_number(r->>'lon');
    s.population := bus.gazetteer_number(coalesce(r->>'population', r->>'Pop_2020_H'));
    s.population_year := CASE shape WHEN 'population' THEN 2020 ELSE bus.gazetteer_number(r->>'population_year') END;
    s.valid_from := bus.gazetteer_day(coalesce(nullif(r->>'valid_from', ''), r->>'Valid from date'));
    s.valid_to := bus.gazetteer_day(r->>'valid_to');
    s.replaced_by := coalesce(string_to_array(nullif(btrim(r->>'replaced_by'), ''), ' '), '{}');
    s.aliases := ARRAY(SELECT bus.gazetteer_name(a) FROM unnest(string_to_array(coalesce(r->>'aliases', ''), ';')) AS a
                        WHERE btrim(a) <> '');
    s.matched := '{}';
    RETURN s;
END
$$;

-- Why a row is of no use; null: it is of use.
CREATE FUNCTION bus.gazetteer_wrong(s bus.place_stated, r jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN s.shape = 'atlas' AND s.level = 5 THEN 'settlement' -- without a code, and there are thousands: no place of ours
        WHEN s.level IS NULL OR s.level NOT BETWEEN 1 AND 5 OR s.level <> trunc(s.level) THEN 'its level is none of 1 to 5'
        WHEN s.shape IN ('own', 'list', 'polygons', 'population') AND s.pcode !~ '^([0-9]{7,13}|[A-Z]{2}[0-9]{2,13})$'
            THEN format('"%s" is no P-code', left(s.pcode, 40))
        WHEN s.name_en = '' AND s.shape <> 'population' THEN 'it has no name'
        WHEN coalesce(r->>'valid_from', '') <> '' AND s.valid_from IS NULL
             OR coalesce(r->>'valid_to', '') <> '' AND s.valid_to IS NULL THEN 'a day is not written as YYYY-MM-DD'
        WHEN s.valid_to <= coalesce(s.valid_from, '-infinity') THEN 'it ends before it begins'
        WHEN s.pcode = ANY (s.replaced_by) THEN 'it is replaced by itself' END
$$;

-- Names without codes -------------------------------------------------------------------------------

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

-- Conflicts -----------------------------------------------------------------------------------------

-- Says all that the tables contradict each other in; bus.gazetteer_merge forgets what was not found again.
CREATE FUNCTION bus.gazetteer_conflicts() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE bus.place_conflict c SET is_found = false WHERE c.seq IS NULL AND c.kind <> 'row' AND c.settled_at IS NULL;
    PERFORM bus.gazetteer_code_conflicts();
    PERFORM bus.gazetteer_parent_conflicts();
    PERFORM bus.gazetteer_name_conflicts();
    PERFORM bus.gazetteer_count_conflicts();
END
$$;

CREATE FUNCTION bus.gazetteer_code_conflicts() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- One code for several rows. What a table with points shows there may be the enclosed city.
    PERFORM bus.conflict_put('doubled', d.pcode,
                             format('%s has the code %s %s times, as %s (rows %s).', d.source, d.pcode, d.times, d.names, d.lines),
                             'the first row counts', ARRAY[d.source], d.near)
       FROM (SELECT s.source, s.pcode, count(*) AS times, string_agg(DISTINCT s.name_en, ' and ') AS names,
                    string_agg(s.line::text, ', ' ORDER BY s.line) AS lines,
                    coalesce((SELECT array_agg(DISTINCT c) FROM bus.place_stated o CROSS JOIN LATERAL unnest(o.matched) AS c
                               WHERE o.pcode = '' AND o.level = min(s.level) AND c <> s.pcode
                                 AND bus.gazetteer_km(o.lat, o.lon, (array_agg(s.lat ORDER BY s.line DESC))[1],
                                                      (array_agg(s.lon ORDER BY s.line DESC))[1]) < 10), '{}') AS near
               FROM bus.place_stated s WHERE s.pcode <> ''
              GROUP BY s.source, s.pcode, s.valid_from HAVING count(*) > 1) AS d;
    -- One name for several codes: a city and its district.
    PERFORM bus.conflict_put('name', d.name, format('%s is the name of %s: a name alone does not say which.', d.name, d.codes),
                             'a name of both', d.sources, d.list)
       FROM (SELECT min(c.name_en) AS name, string_agg(c.pcode, ' and ' ORDER BY c.pcode) AS codes,
                    array_agg(c.pcode ORDER BY c.pcode) AS list, array_agg(DISTINCT c.source) AS sources
               FROM bus.gazetteer_coded() AS c GROUP BY c.level, bus.fold_place(c.name_en), left(c.pcode, 4) HAVING count(*) > 1) AS d;
    -- Codes that the first list has not, or that another table with codes has not.
    PERFORM bus.conflict_put('absent', o.source,
                             format('%s of the %s codes of level %s in %s are not in %s: %s.', count(*) FILTER (WHERE NOT x.there),
                                    count(*), l.level, f.source, o.source,
                                    string_agg(format('%s %s', l.pcode, l.name_en), ', ' ORDER BY l.pcode) FILTER (WHERE NOT x.there)),
                             'taken without what that table knows', ARRAY[f.source, o.source])
       FROM (SELECT s.source FROM bus.place_stated s WHERE s.shape = 'list' GROUP BY 1) AS f
       JOIN (SELECT DISTINCT s.source, s.pcode, s.level, s.name_en FROM bus.place_stated s) AS l ON l.source = f.source
       JOIN (SELECT DISTINCT s.source, s.level, s.shape FROM bus.place_stated s WHERE s.pcode <> '') AS o
            ON o.source <> f.source AND o.level = l.level AND o.shape IN ('polygons', 'population')
      CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM bus.place_stated s WHERE s.source = o.source AND s.pcode = l.pcode) AS there) AS x
      WHERE EXISTS (SELECT FROM bus.place_stated s WHERE s.source = o.source AND left(s.pcode, 2) = left(l.pcode, 2))
        AND left(l.pcode, 2) IN (SELECT left(s.pcode, 2) FROM bus.place_stated s WHERE s.source = o.source)
      GROUP BY f.source, o.source, l.level HAVING bool_or(NOT x.there);
    PERFORM bus.conflict_put('absent', o.pcode, format('%s (%s) stands in %s and in no list of codes.', o.pcode, o.name, o.source),
                             'taken', ARRAY[o.source])
       FROM (SELECT s.pcode, min(s.name_en) AS name, string_agg(DISTINCT s.source, ', ') AS source FROM bus.place_stated s
              WHERE s.pcode <> '' AND s.shape IN ('polygons', 'population') GROUP BY 1) AS o
      WHERE EXISTS (SELECT FROM bus.place_stated s WHERE s.shape = 'list')
        AND NOT EXISTS (SELECT FROM bus.place_stated s WHERE s.rank < 2 AND s.pcode = o.pcode);
END
$$;

CREATE FUNCTION bus.gazetteer_parent_conflicts() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.conflict_put('parent', c.pcode,
                             CASE WHEN p.pcode IS NULL THEN format('%s %s lies in %s, which no table has.', c.pcode, c.name_en,
                                                                   coalesce(nullif(c.parent, ''), 'nothing'))
                                  ELSE format('%s %s of level %s lies in %s %s, which is of level %s.', c.pcode, c.name_en, c.level,
                                              p.pcode, p.name_en, p.level) END,
                             'taken as it is', ARRAY[c.source])
       FROM bus.gazetteer_coded() AS c LEFT JOIN bus.gazetteer_coded() AS p ON p.pcode = c.parent
      WHERE c.level > 2 AND (p.pcode IS NULL OR p.level >= c.level)
        AND NOT EXISTS (SELECT FROM bus.place x WHERE x.pcode = c.parent AND x.level < c.level AND x.until_version IS NULL);
    PERFORM bus.conflict_put('parent', c.pcode, format('%s %s lies in %s by %s and in %s by %s.', c.pcode, c.name_en, c.parent,
                                                       c.source, s.said, s.source),
                             format('in %s', c.parent), ARRAY[c.source, s.source])
       FROM bus.gazetteer_coded() AS c
       JOIN (SELECT DISTINCT s.pcode, s.parent AS said, s.source FROM bus.place_stated s
              WHERE s.pcode <> '' AND s.parent <> '' AND s.rank > 0
             UNION
             SELECT m.code, r.code, s.source FROM bus.place_stated s
              CROSS JOIN LATERAL unnest(s.matched) AS m(code) CROSS JOIN LATERAL unnest(bus.gazetteer_region(s)) AS r(code)
              WHERE s.level > 2) AS s USING (pcode)
      WHERE s.said <> c.parent AND s.source <> c.source;
    PERFORM bus.conflict_put('loop', l.pcode, format('%s lies in itself: %s.', l.pcode, l.way), 'taken without a parent', l.sources)
       FROM bus.gazetteer_loops() AS l;
END
$$;

-- Codes whose parents lead back to them, each loop told from each of its codes.
CREATE FUNCTION bus.gazetteer_loops() RETURNS TABLE (pcode text, way text, sources text[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE coded AS MATERIALIZED (SELECT * FROM bus.gazetteer_coded()),
    up AS (
        SELECT c.pcode AS start, c.parent AS at, ARRAY[c.pcode] AS seen, ARRAY[c.source] AS sources FROM coded c
        UNION ALL
        SELECT u.start, c.parent, u.seen || c.pcode, u.sources || c.source FROM up u JOIN coded c ON c.pcode = u.at
         WHERE c.pcode <> ALL (u.seen) AND cardinality(u.seen) < 32
    )
    SELECT u.start, array_to_string(u.seen || u.at, ' in '), ARRAY(SELECT DISTINCT s FROM unnest(u.sources) AS s)
      FROM up u WHERE u.at = u.start
$$;

CREATE FUNCTION bus.gazetteer_name_conflicts() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Every name of a code against the first one in its language. A region may be called one.
    PERFORM bus.conflict_put(
                CASE WHEN bus.skeleton_place(n.folded) = bus.skeleton_place(f.folded) THEN 'spelling' ELSE 'names' END, n.pcode,
                format('%s is "%s" in %s and "%s" in %s.', n.pcode, f.name, f.source, n.name, n.source),
                format('called "%s"; the other is an alias', f.name), ARRAY[f.source, n.source])
       FROM (SELECT x.*, bus.gazetteer_folded(x.name, x.level, x.language) AS folded,
                    first_value(x.source || E'\t' || x.name) OVER (PARTITION BY x.pcode, x.language ORDER BY x.rank, x.source, x.line) AS first
               FROM (SELECT c.code AS pcode, s.level, n.language, n.name, s.source, s.rank, s.line
                       FROM bus.place_stated s
                      CROSS JOIN LATERAL unnest(CASE s.pcode WHEN '' THEN s.matched ELSE ARRAY[s.pcode] END) AS c(code)
                      CROSS JOIN LATERAL (VALUES ('en', s.name_en), ('tg', s.name_tg), ('ru', s.name_ru)) AS n(language, name)
                      WHERE n.name <> '' AND (s.rank > 0 OR s.valid_to IS NULL)) AS x) AS n
      CROSS JOIN LATERAL (SELECT split_part(n.first, E'\t', 1) AS source, split_part(n.first, E'\t', 2) AS name,
                                 bus.gazetteer_folded(split_part(n.first, E'\t', 2), n.level, n.language) AS folded) AS f
      WHERE n.folded <> f.folded AND (n.source <> f.source OR bus.skeleton_place(n.folded) <> bus.skeleton_place(f.folded));
    -- Names that fit no code: districts of former times, and cities that are none of ours.
    PERFORM bus.conflict_put('unknown', s.name_en,
                             format('"%s" in %s is the name of no code%s.',
                                    concat_ws(', ', s.name_en, nullif(s.name_tg, ''), nullif(s.name_ru, '')), s.source,
                                    coalesce('; nearest: ' || (SELECT string_agg(format('%s %s', c.pcode, c.name_en), ', ' ORDER BY u.ord)
                                                                 FROM unnest(bus.gazetteer_near(s.lat, s.lon, 2)) WITH ORDINALITY AS u(code, ord)
                                                                 JOIN bus.gazetteer_coded() AS c ON c.pcode = u.code), '')),
                             'left out', ARRAY[s.source], bus.gazetteer_near(s.lat, s.lon, 2))
       FROM bus.place_stated s WHERE s.pcode = '' AND s.matched = '{}' AND s.level < 5;
    -- A point far from where the place is.
    PERFORM bus.conflict_put('point', c.pcode, format('%s puts %s %s %s km from where %s has it.', s.source, c.pcode, s.name_en,
                                                      round(bus.gazetteer_km(s.lat, s.lon, c.lat, c.lon)), c.point_source),
                             format('where %s has it', c.point_source), ARRAY[s.source, c.point_source])
       FROM bus.place_stated s CROSS JOIN LATERAL unnest(s.matched) AS m(code)
       JOIN bus.gazetteer_coded() AS c ON c.pcode = m.code
      WHERE s.pcode = '' AND bus.gazetteer_km(s.lat, s.lon, c.lat, c.lon) > 60;
END
$$;
CREATE FUNCTION bus.gazetteer_count_conflicts() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.conflict_put('count', o.source, format('%s has %s districts and cities in %s rows, %s has %s.', o.source, o.units,
                                                       o.rows, f.source, f.units),
                             format('%s counts', f.source), ARRAY[f.source, o.source])
       FROM (SELECT s.source, count(DISTINCT s.pcode) AS units FROM bus.place_stated s
              WHERE s.shape = 'list' AND s.level = 3 AND s.pcode LIKE '35%' GROUP BY 1 ORDER BY 1 LIMIT 1) AS f
       JOIN (SELECT s.source, count(DISTINCT CASE s.pcode WHEN '' THEN s.parent_name || s.name_en ELSE s.pcode END) AS units,
                    count(*) AS rows
               FROM bus.place_stated s WHERE s.level = 3 AND s.rank > 0 AND (s.pcode = '' OR s.pcode LIKE '35%') GROUP BY 1) AS o
            ON o.source <> f.source AND (o.units <> f.units OR o.rows <> o.units);
    PERFORM bus.conflict_put('population', c.pcode, format('%s %s has %s people by %s and %s by %s.', c.pcode, c.name_en,
                                                           c.population, c.source, s.population, s.source),
                             'neither is taken', ARRAY[c.source, s.source])
       FROM (SELECT DISTINCT ON (k.pcode) k.pcode, k.name_en, s.population, s.source FROM bus.gazetteer_coded() AS k
               JOIN bus.place_stated s ON s.pcode = k.pcode AND s.population > 0
              ORDER BY k.pcode, s.rank, s.source) AS c
       JOIN bus.place_stated s ON s.population > 0 AND s.source <> c.source AND s.level = 3
            AND (s.pcode = c.pcode OR s.matched = ARRAY[c.pcode])
      WHERE abs(s.population - c.population) > c.population / 3;
END
$$;

-- The gazetteer made of it --------------------------------------------------------------------------

-- What the tables together say of each span of each code. An atlas has a wrong name here and there: its names in other
-- languages count if they are spellings of the English one.
CREATE FUNCTION bus.gazetteer_spans() RETURNS SETOF bus.place
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p bus.place;
    base record;
    loops text[] := ARRAY(SELECT l.pcode FROM bus.gazetteer_loops() AS l);
BEGIN
    FOR base IN
        SELECT s.*, lead(s.from_at) OVER (PARTITION BY s.pcode ORDER BY s.from_at) AS next_from
          FROM (SELECT DISTINCT ON (x.pcode, f.from_at) x.*, f.from_at
                  FROM bus.place_stated x
                 CROSS JOIN LATERAL (SELECT coalesce(x.valid_from, CASE WHEN x.rank = 0 AND x.valid_to IS NULL THEN (
                           SELECT min(y.valid_from) FROM bus.place_stated y WHERE y.pcode = x.pcode AND y.rank = 1) END,
                           '-infinity') AS from_at) AS f
                 WHERE x.pcode <> '' AND (x.rank < 2 OR x.shape = 'polygons' AND NOT EXISTS (
                           SELECT FROM bus.place_stated y WHERE y.pcode = x.pcode AND y.rank < 2))
                   AND NOT (x.rank > 0 AND EXISTS ( -- our own table knows this time of it
                           SELECT FROM bus.place_stated y WHERE y.pcode = x.pcode AND y.rank = 0
                              AND coalesce(y.valid_from, '-infinity') <= f.from_at
                              AND (y.valid_to IS NULL OR y.valid_to > f.from_at)))
                 ORDER BY x.pcode, f.from_at, x.rank, x.source, x.line) AS s LOOP
        p := NULL;
        p.pcode := base.pcode;
        p.level := base.level;
        p.parent := CASE WHEN base.pcode = ANY (loops) THEN '' ELSE base.parent END;
        p.name_en := base.name_en;
        p.source := base.source;
        p.valid_from := base.from_at;
        p.valid_to := coalesce(base.valid_to, base.next_from);
        p.replaced_by := base.replaced_by;
        SELECT n.tg, n.ru INTO p.name_tg, p.name_ru
          FROM (SELECT (array_agg(s.name_tg ORDER BY s.rank, s.source, s.line) FILTER (WHERE s.name_tg <> '' AND s.tg_fits))[1] AS tg,
                       (array_agg(s.name_ru ORDER BY s.rank, s.source, s.line) FILTER (WHERE s.name_ru <> '' AND s.ru_fits))[1] AS ru
                  FROM (SELECT x.*, x.shape <> 'atlas' OR x.level = 2 OR bus.is_alike(x.name_tg, base.name_en) AS tg_fits,
                               x.shape <> 'atlas' OR x.level = 2 OR bus.is_alike(x.name_ru, base.name_en) AS ru_fits
                          FROM (SELECT * FROM bus.place_stated y WHERE y.pcode = base.pcode
                                UNION ALL
                                SELECT * FROM bus.place_stated y WHERE y.pcode = '' AND base.pcode = ANY (y.matched)) AS x) AS s
                 WHERE s.source = base.source AND s.line = base.line
                    OR s.pcode <> '' AND s.rank BETWEEN 1 AND 2 AND bus.is_alike(s.name_en, base.name_en)
                    OR s.pcode = '' AND (s.level = 2 OR bus.fold_place(s.name_en) = bus.fold_place(base.name_en))) AS n;
        p.name_tg := coalesce(p.name_tg, '');
        p.name_ru := coalesce(p.name_ru, '');
        SELECT c.lat, c.lon INTO p.lat, p.lon FROM bus.place_stated c
         WHERE c.pcode = base.pcode AND c.lat IS NOT NULL ORDER BY c.rank, c.source, c.line LIMIT 1;
        SELECT s.population, s.population_year INTO p.population, p.population_year FROM bus.place_stated s
         WHERE s.pcode = base.pcode AND s.population > 0
           AND NOT EXISTS (SELECT FROM bus.place_conflict c
                            WHERE c.kind = 'population' AND c.subject = base.pcode AND c.is_found AND c.settled_at IS NULL)
         ORDER BY s.rank, s.source, s.line LIMIT 1;
        RETURN NEXT p;
    END LOOP;
END
$$;

-- Makes the gazetteer of everything that is staged. Answers its version, 0 if nothing changed.
CREATE FUNCTION bus.gazetteer_merge(source text, OUT version int4, OUT changed int4, OUT places int4)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    p bus.place;
    said record;
    made int4;
    gone int4;
    starts text[] := '{}';
BEGIN
    ANALYZE bus.place_stated;
    PERFORM FROM bus.log_head FOR UPDATE; -- as messages change the gazetteer: one after the other
    PERFORM bus.gazetteer_match();
    PERFORM bus.gazetteer_conflicts();
    INSERT INTO bus.gazetteer_version (source) VALUES (bus.cut(gazetteer_merge.source, 200))
    RETURNING gazetteer_version.version INTO made;
    changed := 0;
    places := 0;
    FOR p IN SELECT * FROM bus.gazetteer_spans() LOOP
        places := places + 1;
        SELECT x.name_tg, x.name_ru, x.name_en, x.parent, g.seq INTO said
          FROM bus.place x JOIN bus.gazetteer_version g USING (version)
         WHERE x.pcode = p.pcode AND x.until_version IS NULL AND g.seq IS NOT NULL
         ORDER BY x.valid_from DESC LIMIT 1;
        IF FOUND THEN
            IF (said.name_en, said.parent) <> (p.name_en, p.parent) THEN
                PERFORM bus.conflict_put('said', p.pcode, format('%s is "%s" in %s by message %s and "%s" in %s by %s.', p.pcode,
                                                                 said.name_en, said.parent, said.seq, p.name_en, p.parent, p.source),
                                         'the message counts', ARRAY[p.source]);
            END IF;
            CONTINUE;
        END IF;
        p.version := made;
        starts := starts || (p.pcode || ' ' || p.valid_from);
        changed := changed + bus.place_put(p)::int4;
    END LOOP;
    -- A span that the tables had before and have no more, of a code that they still have.
    UPDATE bus.place x SET until_version = made
      FROM bus.gazetteer_version g
     WHERE g.version = x.version AND g.seq IS NULL AND x.until_version IS NULL
       AND x.pcode || ' ' || x.valid_from <> ALL (starts) AND x.pcode IN (SELECT split_part(s, ' ', 1) FROM unnest(starts) AS s);
    GET DIAGNOSTICS gone = ROW_COUNT;
    changed := changed + gone;
    DELETE FROM bus.place_conflict c WHERE NOT c.is_found AND c.settled_at IS NULL;
    IF changed = 0 THEN
        DELETE FROM bus.gazetteer_version g WHERE g.version = made;
        version := 0;
    ELSE
        UPDATE bus.gazetteer_version g SET changed = gazetteer_merge.changed WHERE g.version = made;
        version := made;
        PERFORM bus.say_audit('gazetteer_imported', made::text, '', gazetteer_merge.source, '', NULL, changed);
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION bus.gazetteer_stage, bus.gazetteer_merge, bus.gazetteer_shape, bus.gazetteer_rows TO bus_admin;
