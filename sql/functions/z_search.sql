-- search: what people find by a word, in whatever letters they write it.
--
--   bus.document ─▶ bus.search_fill (behind the log) ─▶ bus.search_text ─▶ bus.search_seqs (rights) ─▶ eoc.search

-- Text as it is compared: small Latin letters and figures, words with one blank between. Alike are what people type for
-- each other: ғ г g gh, ӣ и й y i, қ к k q, ӯ у u, ҳ х h kh x, ҷ ч дж j ch, ё е, w v, double letters and single ones.
CREATE FUNCTION eoc.fold(text text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t text := lower(normalize(text, NFKD) COLLATE "und-x-icu");
    letter text;
BEGIN
    t := regexp_replace(t, '[\u0300-\u036f]', '', 'g'); -- ӣ ӯ ё й are и у е и with a mark
    t := translate(t, 'абвгғдезиіїкқлмнопрстуфхҳыэєчҷьъ''’ʼ`', 'abvggdeziiikklmnoprstufhhieecc');
    t := replace(replace(replace(replace(replace(t, 'ж', 'zh'), 'ш', 'sh'), 'щ', 'sh'), 'ю', 'yu'), 'я', 'ya');
    t := replace(replace(replace(replace(t, 'ц', 's'), 'ts', 's'), 'shch', 'sh'), 'dzh', 'c');
    t := replace(replace(replace(t, 'ch', 'c'), 'kh', 'h'), 'gh', 'g');
    t := translate(t, 'yqwxj', 'ikvhc');
    FOREACH letter IN ARRAY '{a,b,c,d,e,f,g,h,i,k,l,m,n,o,p,r,s,t,u,v,z}'::text[] LOOP -- a pattern that refers back takes minutes of a long word
        t := replace(t, letter || letter, letter);
    END LOOP;
    RETURN btrim(regexp_replace(t, '[^a-z0-9]+', ' ', 'g'));
END
$$;
COMMENT ON FUNCTION eoc.fold IS 'text as searches compare it: Cyrillic and Latin alike, without marks, small';

-- Under what a message is shown; null: it is not looked through. Nothing of households is.
CREATE FUNCTION bus.search_kind(type int2) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN type IN (101, 180) THEN 'alert' WHEN type IN (103, 104, 105, 106, 107) THEN 'sensor' WHEN type BETWEEN 120 AND 124 THEN 'report'
                WHEN type IN (140, 141) THEN 'incident' WHEN type BETWEEN 160 AND 175 THEN 'request' WHEN type IN (200, 201, 203, 204) THEN 'message'
                WHEN type IN (202, 224) OR type BETWEEN 240 AND 260 THEN 'document' END
$$;

-- All that a document says in words, but no ids, words of enumerations, numbers of time or seals.
CREATE FUNCTION bus.search_words(kind text, places text, doc jsonb) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN array_to_tsvector(ARRAY(
        SELECT DISTINCT left(w, 40)
          FROM regexp_split_to_table(eoc.fold(left(coalesce((
                   SELECT string_agg(v #>> '{}', ' ') FROM jsonb_path_query(doc, 'strict $.** ? (@.type() == "string")') AS v
                    WHERE v #>> '{}' !~ '^([A-Z][A-Z0-9_]+|[0-9a-f]{8}-[0-9a-f-]{27}|-?[0-9]{10,}|\S{41,})$'), ''), 20000)), ' ') AS w
         WHERE w <> ''
        UNION SELECT '#' || p FROM regexp_split_to_table(places, '\s+') AS p WHERE p <> ''
        UNION SELECT '@' || kind));
END
$$;

-- Takes in at most `most` documents behind the last one, unless somebody else is at it, and answers how many. A document
-- whose words cannot be had stops the taking in, and nothing else: a warning names it.
CREATE FUNCTION bus.search_fill(most int4 DEFAULT 300) RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    after int8;
    head int8 := (SELECT h.seq FROM bus.log_head h);
    taken int4;
    last int8;
BEGIN
    SELECT p.seq INTO after FROM bus.projection p WHERE p.name = 'search' AND p.seq < head FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true); -- what a crash forgets is taken in again
    WITH new AS MATERIALIZED (
        SELECT d.* FROM bus.type t
         CROSS JOIN LATERAL (SELECT x.seq, x.sender_id, x.type, x.marks, x.places, x.doc FROM bus.document x
                              WHERE x.type = t.number AND x.seq > after AND x.seq <= head ORDER BY x.seq LIMIT most) AS d
         WHERE bus.search_kind(t.number) IS NOT NULL ORDER BY d.seq LIMIT most
    ), put AS (
        INSERT INTO bus.search_text (seq, sender_id, type, marks, kind, places, words)
        SELECT n.seq, n.sender_id, n.type, n.marks, k, coalesce(n.places, ''), bus.search_words(k, coalesce(n.places, ''), n.doc)
          FROM new n CROSS JOIN LATERAL bus.search_kind(n.type) AS k
         WHERE coalesce(n.marks >> 4, 0) < 4 -- what is personal is found by its id
        ON CONFLICT DO NOTHING
    )
    SELECT count(*), max(n.seq) INTO taken, last FROM new n;
    UPDATE bus.projection p SET seq = CASE WHEN taken < most THEN head ELSE last END WHERE p.name = 'search';
    RETURN taken;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RAISE WARNING 'search stands behind number %: %', after, SQLERRM;
    RETURN 0;
END
$$;

-- Places that a word may mean, by code, by name, by the beginning of a name; if there are none, by consonants alone, hard
-- and soft ones alike: Ходжент is Хуҷанд.
CREATE FUNCTION bus.search_places(word text) RETURNS TABLE (pcode text, is_whole bool)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    f text := bus.fold_place(word);
    s text := translate(replace(bus.skeleton_place(f), 'ch', 'j'), 'dzbgv', 'tspkf');
BEGIN
    RETURN QUERY
    SELECT x.code, bool_or(x.whole) FROM (
        SELECT p.pcode AS code, true AS whole FROM bus.place p WHERE p.pcode = word AND p.until_version IS NULL
        UNION ALL SELECT a.pcode, a.folded = f FROM bus.place_alias a WHERE a.folded = f OR (length(f) > 2 AND a.folded LIKE f || '%')) AS x
     GROUP BY x.code;
    IF NOT FOUND AND length(s) > 3 THEN
        RETURN QUERY SELECT DISTINCT a.pcode, true FROM bus.place_alias a
                      WHERE translate(replace(a.skeleton, 'ch', 'j'), 'dzbgv', 'tspkf') = s;
    END IF;
END
$$;

-- A question as the index takes it: every word, or what it means as a place; `loose`: words may go on.
CREATE FUNCTION bus.search_query(query text, loose bool) RETURNS tsquery
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked tsquery;
    part tsquery;
    w text;
BEGIN
    FOR w IN SELECT x FROM regexp_split_to_table(btrim(query), '\s+') WITH ORDINALITY AS t(x, n) WHERE x <> '' ORDER BY n LIMIT 8 LOOP
        part := (SELECT string_agg('''' || left(f, 40) || CASE WHEN loose THEN ''':*' ELSE '''' END, ' & ')::tsquery
                   FROM regexp_split_to_table(eoc.fold(w), ' ') AS f WHERE f <> '');
        CONTINUE WHEN part IS NULL;
        part := part || coalesce((SELECT string_agg('''#' || regexp_replace(p.pcode, '^([0-9]{4})000$', '\1') || ''':*', ' | ')::tsquery
                                    FROM bus.search_places(w) AS p WHERE p.is_whole AND p.pcode ~ '^[0-9A-Z]+$'), part);
        asked := coalesce(asked && part, part);
    END LOOP;
    RETURN asked;
END
$$;

-- What the reader may hear of it, as the policy of documents has it (z_readers.sql). Only bus.search_seqs asks; the planner sees
-- through it, so that the index serves.
CREATE FUNCTION bus.search_heard() RETURNS SETOF bus.search_text LANGUAGE sql STABLE AS $$
    SELECT s.* FROM bus.search_text s
     WHERE CASE (SELECT bus.reader_map())[s.type * 4 + coalesce(nullif(s.marks >> 4, 0), CASE s.sender_id WHEN 0 THEN 2 ELSE 4 END)]
           WHEN 1 THEN true
           WHEN 2 THEN s.places ~ (SELECT bus.reader_places())
           WHEN 3 THEN s.places ~ (SELECT bus.reader_places()) OR s.seq <@ (SELECT bus.reader_reached())
           WHEN 4 THEN s.seq <@ (SELECT bus.reader_reached())
           WHEN 5 THEN bus.reader_asks(s.type, s.places, coalesce(nullif(s.marks >> 4, 0), CASE s.sender_id WHEN 0 THEN 2 ELSE 4 END), s.sender_id, s.seq)
           ELSE false END
$$;

-- Numbers of documents of one kind that have the words and that the reader may hear: first those with the words themselves
-- (rank 1), then those with longer ones (2), newest first. A word that is everywhere is found among the newest without
-- the index; of one that is in many old ones only, a thousand are looked at.
CREATE FUNCTION bus.search_seqs(exact tsquery, loose tsquery, of_kind text, most int4) RETURNS TABLE (seq int8, type int2, rank int4)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    seen int8[] := '{}';
    part int8[];
    asked tsquery;
BEGIN
    FOR nth IN 1 .. 2 LOOP
        asked := CASE nth WHEN 1 THEN exact ELSE loose END && format('''@%s''', of_kind)::tsquery;
        EXIT WHEN asked IS NULL OR cardinality(seen) >= most;
        part := ARRAY(SELECT h.seq FROM (SELECT n.* FROM bus.search_heard() AS n WHERE n.kind = of_kind ORDER BY n.seq DESC LIMIT most * 6) AS h WHERE h.words @@ asked);
        IF cardinality(part) < most THEN
            part := ARRAY(SELECT h.seq FROM bus.search_heard() AS h WHERE h.words @@ asked LIMIT 1001);
        END IF;
        IF cardinality(part) > 1000 THEN
            part := ARRAY(SELECT h.seq FROM (SELECT n.* FROM bus.search_heard() AS n WHERE n.kind = of_kind ORDER BY n.seq DESC LIMIT 10000) AS h WHERE h.words @@ asked LIMIT most)
                    || part[1:most];
        END IF;
        RETURN QUERY SELECT s.seq, s.type, nth FROM (SELECT DISTINCT x FROM unnest(part) AS x WHERE x <> ALL (seen) ORDER BY x DESC LIMIT most - cardinality(seen)) AS y
                       JOIN bus.search_text s ON s.seq = y.x;
        seen := seen || part;
    END LOOP;
END
$$;

-- What has these words, at most `most` of a kind. rank: 0 by its own id or name, 1 the words themselves, 2 words that
-- begin so. Rights are the reader's: nothing is here that no view would show.
CREATE FUNCTION eoc.search(query text, most int4 DEFAULT 50)
RETURNS TABLE (kind text, id text, rank int4, at timestamptz, type text, status text, state text, places text, title text, detail text,
               by text, incident_id uuid, seq int8)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    q text := left(btrim(query), 200);
    hex text := lower(replace(q, '-', ''));
    low uuid;
    high uuid;
    exact tsquery := bus.search_query(q, false);
    loose tsquery := bus.search_query(q, true);
    named text[] := ARRAY(SELECT p.pcode FROM bus.search_places(q) AS p);
    plain text := lower(translate(bus.transliterate_tg(q), 'ÍŬíŭė’', 'iuiue')); -- as names of principals are written
    numbered int8 := CASE WHEN q ~ '^[#№]?\s*[0-9]{1,15}$' THEN regexp_replace(q, '\D', '', 'g')::int8 END;
BEGIN
    IF hex ~ '^[0-9a-f]{4,32}$' THEN
        low := rpad(hex, 32, '0')::uuid;
        high := rpad(hex, 32, 'f')::uuid;
    END IF;
    IF q = '' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT 'place', p.pcode, CASE WHEN s.is_whole THEN 0 ELSE 2 END, NULL::timestamptz, p.level, NULL, CASE WHEN NOT p.holds THEN 'OVER' END, p.pcode,
           concat_ws(' · ', nullif(p.name_tg, ''), nullif(p.name_ru, ''), p.name_en), p.path_en, NULL, NULL::uuid, NULL::int8
      FROM bus.search_places(q) AS s
      JOIN LATERAL (SELECT * FROM eoc.place x WHERE x.pcode = s.pcode ORDER BY x.valid_from DESC NULLS LAST LIMIT 1) AS p ON true
     ORDER BY 3, p.level, p.pcode LIMIT most;

    RETURN QUERY
    SELECT CASE WHEN EXISTS (SELECT FROM bus.sensor_status s WHERE s.sender_id = p.principal_id) THEN 'sensor' ELSE 'principal' END, p.name,
           CASE WHEN p.name = plain THEN 0 ELSE 1 END, NULL::timestamptz, NULL, NULL, CASE WHEN p.revoked_at IS NOT NULL THEN 'REVOKED' END,
           coalesce(substring(p.name FROM 'tj([0-9]{7,10})'), ''), p.name, NULL, p.name, NULL::uuid, NULL::int8
      FROM bus.principal p
     WHERE p.principal_id > 0 AND length(plain) > 1
       AND (strpos(p.name, plain) > 0 OR substring(p.name FROM 'tj([0-9]{7})') = ANY (named))
     ORDER BY 3, p.name LIMIT most;

    IF low IS NOT NULL THEN
        RETURN QUERY
        SELECT 'household', h.household_id::text, 0, h.since, 'household_event', (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[h.status], h.state, h.places, NULL, NULL, NULL,
               h.incident_id, h.seq
          FROM bus.household h WHERE h.household_id BETWEEN low AND high ORDER BY h.household_id LIMIT most;
    END IF;

    RETURN QUERY
    WITH hit AS MATERIALIZED (
        SELECT DISTINCT ON (u.seq) u.seq, u.type, u.rank FROM (
            SELECT d.seq, d.type, 0 AS rank FROM bus.document d WHERE low IS NOT NULL AND length(hex) > 7 AND d.message_id BETWEEN low AND high
            UNION ALL
            SELECT d.seq, d.type, 0 FROM bus.type t JOIN bus.document d ON d.type = t.number AND d.seq = numbered
             WHERE numbered IS NOT NULL AND bus.search_kind(t.number) IS NOT NULL
            UNION ALL
            SELECT f.seq, f.type, f.rank
              FROM (VALUES ('incident', most * 2), ('report', most), ('alert', most), ('request', most), ('message', most), ('sensor', most), ('document', most)) AS k(kind, n)
             CROSS JOIN LATERAL bus.search_seqs(exact, loose, k.kind, k.n) AS f) AS u
         ORDER BY u.seq, u.rank
    ), said AS MATERIALIZED (
        SELECT bus.search_kind(d.type) AS kind, h.rank, d.*, t.name AS type_name, d.doc->t.name AS b
          FROM hit h JOIN bus.type t ON t.number = h.type JOIN bus.document d ON d.type = h.type AND d.seq = h.seq
         WHERE bus.search_kind(h.type) IS NOT NULL
    ), of_incident AS MATERIALIZED (
        SELECT i.incident_id, min(x.rank) AS rank FROM bus.incident i
          JOIN (SELECT coalesce((s.b->>'incident_id')::uuid, s.incident_id) AS incident_id, s.rank FROM said s WHERE s.kind = 'incident'
                UNION ALL SELECT j.incident_id, 0 FROM bus.incident j WHERE low IS NOT NULL AND j.incident_id BETWEEN low AND high) AS x USING (incident_id)
         GROUP BY i.incident_id
    ), shown AS (
        SELECT 'incident' AS kind, i.incident_id::text AS id, o.rank, i.last_at AS at, 'incident' AS type, i.status, i.state, i.places, nullif(i.name, '') AS title,
               i.hazard AS detail, NULL AS by, i.incident_id, i.seq
          FROM of_incident o JOIN bus.incident i USING (incident_id)
        UNION ALL
        SELECT s.kind, s.message_id::text, s.rank, s.event_at, s.type_name, s.status, NULL, s.places,
               coalesce(nullif(s.b->>'subject', ''), s.b->'infos'->0->>'headline', s.b->'lines'->0->'resource'->>'name', s.b->'lines'->0->'resource'->>'kind', s.b->>'name',
                        s.b->>'village'),
               left(coalesce(s.b->'infos'->0->>'description', s.b->>'text', s.b->>'situation', s.b->>'reason', s.b->>'description',
                             s.doc->'general_message'->>'text'), 200),
               coalesce(nullif(s.doc->>'author', ''), p.name), s.incident_id, s.seq
          FROM said s LEFT JOIN bus.principal p ON p.principal_id = s.sender_id WHERE s.kind <> 'incident'
    )
    SELECT x.kind, x.id, x.rank, x.at, x.type, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[x.status], x.state, x.places, x.title, x.detail, x.by,
           x.incident_id, x.seq
      FROM (SELECT y.*, row_number() OVER (PARTITION BY y.kind ORDER BY y.rank, y.seq DESC) AS nth FROM shown y) AS x
     WHERE x.nth <= most ORDER BY x.kind, x.nth;
END
$$;
COMMENT ON FUNCTION eoc.search IS 'what has these words, in whatever letters: incidents, reports, alerts, requests, messages, documents, places, principals, sensors, households by id';

GRANT EXECUTE ON FUNCTION eoc.fold, eoc.search, bus.search_kind, bus.search_places, bus.search_query, bus.search_seqs TO bus_reader;
GRANT EXECUTE ON FUNCTION eoc.fold TO bus_admin; -- eoc.kinds_of needs it
