-- gazetteer_import_wrong: what the tables of an import contradict each other in.

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
