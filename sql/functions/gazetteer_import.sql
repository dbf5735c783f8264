-- gazetteer_import: tables of other people become the gazetteer, and what is wrong with them is said.
--
--   bus.gazetteer_stage(table) ─▶ bus.place_stated ─▶ bus.gazetteer_match   names without codes find theirs
--                                                 ─▶ bus.gazetteer_conflicts  what contradicts what
--                                                 ─▶ bus.gazetteer_merge      bus.place, a new version
--
-- Whose word counts first: our own tables (rank 0), a list of codes, polygons, names, populations. A name that a table
-- lacks comes from the next one that means the same place. What a message said (bus.place_said) no table changes.
-- The same tables again change nothing. Names without codes: gazetteer_import_match.sql; conflicts: gazetteer_import_wrong.sql.

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
