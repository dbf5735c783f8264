-- called: agencies, offices, duties and resources by their names, to whom one can write, and who could supply something.

-- All names of a row as searches compare them.
CREATE FUNCTION bus.called_folded(c bus.called) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT f FROM unnest(ARRAY[c.id, c.tg, c.ru, c.en] || c.also) AS n CROSS JOIN LATERAL eoc.fold(n) AS f WHERE f <> '');
END
$$;

-- Adds a name or replaces it: SELECT bus.called_set('agency', 'msf', 'MSF', 'Врачи без границ', 'MSF', '{}').
CREATE FUNCTION bus.called_set(list text, id text, tg text, ru text, en text, also text[] DEFAULT '{}', place_in_list int2 DEFAULT 100) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO bus.called AS c (list, id, place_in_list, tg, ru, en, also) VALUES (called_set.list, called_set.id, called_set.place_in_list, called_set.tg, called_set.ru, called_set.en, called_set.also)
        ON CONFLICT ON CONSTRAINT called_pkey DO UPDATE SET place_in_list = excluded.place_in_list, tg = excluded.tg, ru = excluded.ru, en = excluded.en, also = excluded.also;
    UPDATE bus.called AS c SET folded = bus.called_folded(c) WHERE c.list = called_set.list AND c.id = called_set.id;
END
$$;

CREATE VIEW eoc.called AS
SELECT c.list, c.id, c.place_in_list, c.tg, c.ru, c.en, c.also FROM bus.called c;
COMMENT ON VIEW eoc.called IS 'what people call agencies, offices, duties and kinds of resources: ORDER BY place_in_list';
COMMENT ON COLUMN eoc.called.list IS 'agency: first part of a principal''s name; office: a role of principals; duty: what stands before the @ of a recipient; resource: a kind';

-- Which kinds of resources these are, whatever people wrote: by a name of the list, or by its stem with another ending
-- ("excavators", "экскаваторов", "палаток" is палатк-). Null: none of the list.
CREATE FUNCTION eoc.kinds_of(kinds text[])
RETURNS TABLE (kind text, id text, tg text, ru text, en text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT k.kind, c.id, c.tg, c.ru, c.en
      FROM (SELECT DISTINCT u AS kind, eoc.fold(u) AS f, eoc.fold(regexp_replace(u, 's$', '')) AS one FROM unnest(kinds) AS u) AS k -- ts is folded to s
      LEFT JOIN LATERAL (
        SELECT x.id, x.tg, x.ru, x.en
          FROM bus.called x CROSS JOIN LATERAL unnest(x.folded) AS name CROSS JOIN LATERAL regexp_replace(name, '[aeiou]+$', '') AS stem
         WHERE x.list = 'resource'
           AND (name IN (k.f, k.one) OR length(stem) > 2 AND starts_with(k.f, stem) AND substr(k.f, length(stem) + 1) ~ '^(a|i|u|e|s|es|ov|ev|ei|am|ami|ah|om|a?hoi?|a?horo|oni?)?$')
         ORDER BY name IN (k.f, k.one) DESC, length(name) DESC, x.id LIMIT 1) AS c ON true;
END
$$;
COMMENT ON FUNCTION eoc.kinds_of IS 'kinds of resources as people wrote them, and which of the list they are (null: none)';

-- The kind in eoc.queue.detail of a request: "2 KGM fuel".
CREATE FUNCTION eoc.asked_kind(detail text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (regexp_match(detail, '^([0-9.]+ )?((KGM|TNE|LTR|hour|person) )?(.*)$'))[4] $$;
COMMENT ON FUNCTION eoc.asked_kind IS 'kind of resource in the detail of a row of eoc.queue';

-- Every principal and agency to whom a message can be written. A principal is called by the first of its roles that has a
-- name; machines are none to write to. Titles and places are no secret; links and rosters are, and ask what the reader may hear.
CREATE FUNCTION bus.offices()
RETURNS TABLE (recipient text, kind text, agency text, office text, list text, pcode text, stands_for text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.name, 'principal', split_part(p.name, '.', 1), r.id, 'office', nullif(split_part(p.places, ' ', 1), ''), ARRAY[p.name]
      FROM bus.principal p
      LEFT JOIN LATERAL (SELECT c.id FROM bus.called c WHERE c.list = 'office' AND c.id = ANY (string_to_array(p.roles, ' ')) ORDER BY c.place_in_list LIMIT 1) AS r ON true
     WHERE bus.is_in_force(p) AND NOT (p.roles <> '' AND string_to_array(p.roles, ' ') <@ '{gateway,broker,carrier,counter,witness}')
    UNION ALL
    SELECT DISTINCT split_part(p.name, '.', 1), 'agency', split_part(p.name, '.', 1), NULL, 'agency', NULL, '{}'::text[]
      FROM bus.principal p WHERE bus.is_in_force(p) AND strpos(p.name, '.') > 0;
END
$$;

CREATE FUNCTION eoc.recipients(text text, near text, lang text)
RETURNS TABLE (recipient text, kind text, title text, place text, pcode text, agency text, on_duty text[], heard_at timestamptz, served_by text, rank int4)
LANGUAGE plpgsql STABLE SET jit = off AS $$
#variable_conflict use_column
DECLARE
    said text[] := ARRAY(SELECT w FROM regexp_split_to_table(coalesce(recipients.text, ''), '[\s,.@·’'']+') AS w WHERE length(w) > 1);
    here text := left(coalesce(near, ''), 7);
BEGIN
    RETURN QUERY
    WITH office AS MATERIALIZED (
        SELECT * FROM bus.offices()
        UNION ALL
        SELECT d.recipient, 'role', split_part(min(d.principal), '.', 1), d.role, 'duty', d.place, array_agg(d.principal ORDER BY d.turn)
          FROM eoc.duty d GROUP BY d.recipient, d.role, d.place
    ), place AS MATERIALIZED (
        SELECT o.pcode, eoc.place_name(o.pcode, lang) AS name,
               (SELECT string_agg(' ' || a.folded, '') FROM bus.place_alias a WHERE a.pcode IN (o.pcode, left(o.pcode, 7))) AS names
          FROM (SELECT DISTINCT x.pcode FROM office x WHERE x.pcode IS NOT NULL) AS o
    ), word AS MATERIALIZED (
        SELECT c.list, c.id, c.place_in_list, CASE lang WHEN 'tg' THEN c.tg WHEN 'ru' THEN c.ru ELSE c.en END AS name, ' ' || array_to_string(c.folded, ' ') AS names
          FROM bus.called c WHERE c.list <> 'resource'
    ), one AS MATERIALIZED (
        SELECT o.*, p.name AS place, coalesce(w.name, CASE o.kind WHEN 'agency' THEN coalesce(g.name, upper(o.agency)) ELSE coalesce(replace(o.office, '_', ' '), split_part(o.recipient, '.', 2)) END) AS title,
               coalesce(g.name, upper(o.agency)) AS agency_name, coalesce(w.place_in_list, 200) AS nth,
               concat(' ', lower(translate(o.recipient, '.@', '  ')), g.names, w.names) AS names, coalesce(p.names, '') AS place_names
          FROM office o LEFT JOIN place p USING (pcode) LEFT JOIN word w ON w.list = o.list AND w.id = o.office
          LEFT JOIN word g ON g.list = 'agency' AND g.id = o.agency
    ), fits AS (
        SELECT o.*, (SELECT count(*) FROM unnest(said) AS s WHERE strpos(o.place_names, ' ' || bus.fold_place(s)) > 0) AS by_place
          FROM one o
         WHERE NOT EXISTS (SELECT FROM unnest(said) AS s
                            WHERE NOT (strpos(o.names, ' ' || eoc.fold(s)) > 0 OR strpos(o.names, ' ' || lower(s)) > 0
                                       OR length(s) > 1 AND (strpos(o.place_names, ' ' || bus.fold_place(s)) > 0
                                                             OR length(s) > 4 AND strpos(o.place_names, bus.fold_place(s)) > 0)))
    ), link AS MATERIALIZED (SELECT l.principal, l.heard_at, l.served_by FROM eoc.links() AS l),
    duty AS MATERIALIZED (SELECT x.pcode, array_agg(DISTINCT n) AS names FROM office x CROSS JOIN LATERAL unnest(x.stands_for) AS n
                           WHERE x.kind = 'role' AND x.office IN ('duty', 'dispatcher', 'office') GROUP BY x.pcode)
    SELECT f.recipient, f.kind, f.title, f.place, f.pcode, f.agency_name,
           ARRAY(SELECT coalesce(x.title || ', ' || x.place, x.title || ' ' || substr(n, strpos(n, '.') + 1))
                   FROM unnest(CASE f.kind WHEN 'role' THEN f.stands_for ELSE coalesce(d.names, '{}') END) AS n LEFT JOIN one x ON x.recipient = n AND x.kind = 'principal'),
           l.heard_at, l.served_by,
           (CASE WHEN f.kind = 'agency' THEN 40 WHEN here <> '' AND left(f.pcode, 7) = here THEN 0 WHEN here <> '' AND left(f.pcode, 4) = left(here, 4) THEN 10
                 WHEN f.pcode IS NULL THEN 20 ELSE 30 END - 50 * f.by_place::int4 + CASE WHEN f.kind = 'agency' AND said <> '{}' THEN -25 ELSE 0 END) * 1000 + f.nth
      FROM fits f LEFT JOIN link l ON l.principal = f.stands_for[1] LEFT JOIN duty d ON d.pcode = f.pcode
     ORDER BY 10, f.recipient;
END
$$;
COMMENT ON FUNCTION eoc.recipients IS 'to whom one can write, the likeliest first: whom all the words name, in any letters; empty: all, the nearest first';

-- Who could supply this kind for this place, the likeliest first. why: offers it unasked; has supplied it before; is a depot; is the
-- centre of the region, or of the country, that looks further.
CREATE FUNCTION eoc.suppliers(kind text, near text)
RETURNS TABLE (recipient text, why text, rank int4)
LANGUAGE plpgsql STABLE SET jit = off AS $$
#variable_conflict use_column
DECLARE
    here text := left(coalesce(near, ''), 7);
    wanted text := (SELECT k.id FROM eoc.kinds_of(ARRAY[suppliers.kind]) AS k);
BEGIN
    RETURN QUERY
    WITH office AS MATERIALIZED (SELECT * FROM bus.offices() AS o WHERE o.kind = 'principal'),
    alike AS MATERIALIZED (SELECT k.kind FROM eoc.kinds_of(ARRAY(SELECT DISTINCT l.kind FROM bus.line l WHERE suppliers.kind <> '' LIMIT 300)) AS k
                            WHERE k.id = wanted OR lower(k.kind) = lower(suppliers.kind)),
    had AS MATERIALIZED (
        SELECT l.supplier, bool_or(l.state IN ('OFFERED', 'AVAILABLE', 'AVAILABLE_PROVISIONAL', 'QUOTED', 'QUOTED_PROVISIONAL')) AS offers
          FROM bus.line l WHERE l.kind IN (SELECT a.kind FROM alike a) AND l.state NOT IN ('REQUESTED', 'REQUISITIONED', 'DECLINED', 'WITHDRAWN', 'CANCELLED', 'EXPIRED')
         GROUP BY l.supplier
    ), could AS (
        SELECT o.recipient, o.pcode, CASE WHEN h.offers THEN 'offers' WHEN h.supplier IS NOT NULL THEN 'has_supplied' WHEN o.office = 'supplier' THEN 'depot'
                                          WHEN o.office IN ('dispatcher', 'eoc') AND (o.pcode IS NULL OR o.pcode = left(here, 4) || '000') THEN 'centre' END AS why
          FROM office o LEFT JOIN had h ON o.recipient = h.supplier OR starts_with(o.recipient, h.supplier || '.')
    )
    SELECT c.recipient, c.why, (array_position('{offers,has_supplied,depot,centre}', c.why) * 10
           + CASE WHEN left(c.pcode, 7) = here THEN 0 WHEN left(c.pcode, 4) = left(here, 4) THEN 1 ELSE 2 END)::int4
      FROM could c WHERE c.why IS NOT NULL
     ORDER BY 3, 1;
END
$$;
COMMENT ON FUNCTION eoc.suppliers IS 'who could supply a kind of resource for a place, the likeliest first, and why they may';

-- What people call every principal, the duties, and the agencies of a place, so that nobody has to read `coes.ayni.office`: its title
-- by the last part of its name or by its role, the place it stands for or is named after, and whose it is, if not of the first
-- agency of the list. What would be called alike, and every machine, says the last part of its name too; what is alike even then says its code. Codes: a
-- principal's name, `duty@` (a place follows it), `coes.ayni` (an agency at a place), an agency, and the bus itself. Titles and places are no secret.
CREATE FUNCTION eoc.called_as(language text) RETURNS TABLE (code text, name text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH word AS MATERIALIZED (
        SELECT c.list, c.id, c.place_in_list, CASE language WHEN 'tg' THEN c.tg WHEN 'ru' THEN c.ru ELSE c.en END AS name FROM bus.called c WHERE c.list <> 'resource'
    ), own AS MATERIALIZED (
        SELECT p.name AS code, split_part(p.name, '.', 1) AS agency, split_part(p.name, '.', 2) AS post, substring(p.name FROM '[^.]*$') AS last, string_to_array(p.roles, ' ') AS roles,
               nullif(split_part(p.places, ' ', 1), '') AS pcode
          FROM bus.principal p WHERE p.principal_id > 0 AND strpos(p.name, '.') > 0
    ), post AS MATERIALIZED ( -- who stands for the whole country sits somewhere: coes.sughd.duty
        SELECT DISTINCT ON (o.post) o.post, a.pcode
          FROM (SELECT DISTINCT x.post FROM own x WHERE x.pcode IS NULL) AS o JOIN bus.place_alias a ON a.folded = bus.fold_place(o.post) AND a.pcode ~ '^.{7}$'
         ORDER BY o.post, a.is_former, a.pcode
    ), place AS MATERIALIZED (
        SELECT x.pcode, eoc.place_name(x.pcode, language) AS name FROM (SELECT o.pcode FROM own o WHERE o.pcode IS NOT NULL UNION SELECT s.pcode FROM post s) AS x
    ), titled AS (
        SELECT o.code, o.agency, o.post, o.last, 'gateway' = ANY (o.roles) AS is_machine, l.name AS place,
               coalesce((SELECT w.name FROM word w WHERE w.list = 'duty' AND w.id = o.last),
                        (SELECT w.name FROM word w WHERE w.list = 'office' AND w.id = ANY (o.roles) ORDER BY w.place_in_list LIMIT 1)) AS title
          FROM own o LEFT JOIN post s ON s.post = o.post AND o.pcode IS NULL LEFT JOIN place l ON l.pcode = coalesce(o.pcode, s.pcode)
    ), one AS (
        SELECT t.*, CASE WHEN g.place_in_list > 10 OR g.id IS NULL THEN coalesce(g.name, upper(t.agency)) END AS foreign_agency,
               t.is_machine OR count(*) OVER (PARTITION BY t.title, t.place, t.agency) > 1 AS is_alike
          FROM titled t LEFT JOIN word g ON g.list = 'agency' AND g.id = t.agency
    ), named AS (
    SELECT o.code, concat_ws(' · ', concat_ws(', ', concat_ws(' ', o.title, CASE WHEN o.is_alike THEN o.last END), coalesce(o.place, initcap(o.post))), o.foreign_agency) AS name
      FROM one o WHERE o.title IS NOT NULL
    UNION ALL
    SELECT o.agency || '.' || o.post, concat_ws(', ', coalesce(min(g.name), upper(o.agency)), coalesce(min(o.place), initcap(o.post)))
      FROM one o LEFT JOIN word g ON g.list = 'agency' AND g.id = o.agency
     WHERE NOT o.is_machine AND NOT EXISTS (SELECT FROM own x WHERE x.code = o.agency || '.' || o.post) GROUP BY o.agency, o.post
    UNION ALL
    SELECT CASE w.list WHEN 'duty' THEN w.id || '@' ELSE w.id END, w.name FROM word w WHERE w.list IN ('duty', 'agency')
    UNION ALL
    SELECT 'bus', CASE language WHEN 'tg' THEN 'шабака' WHEN 'ru' THEN 'шина' ELSE 'the bus' END
    )
    SELECT n.code, CASE WHEN count(*) OVER (PARTITION BY n.name) > 1 THEN format('%s (%s)', n.name, n.code) ELSE n.name END FROM named n;
END
$$;
COMMENT ON FUNCTION eoc.called_as IS 'what people call principals, duties (duty@), agencies at a place (coes.ayni) or anywhere, and the bus itself, by code';

GRANT SELECT ON eoc.called, bus.called TO bus_reader, bus_admin;
GRANT EXECUTE ON FUNCTION bus.called_set TO bus_admin;
GRANT EXECUTE ON FUNCTION bus.offices, eoc.asked_kind, eoc.kinds_of, eoc.recipients, eoc.suppliers, eoc.called_as TO bus_reader;
GRANT EXECUTE ON FUNCTION eoc.asked_kind, eoc.kinds_of, eoc.called_as TO bus_admin; -- the queue of the page is that of `eocctl board`
