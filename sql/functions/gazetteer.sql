-- gazetteer: how places are called, spelled and found, and what messages say of them.
--
--   gazetteer_update ─▶ bus.gazetteer_said ─▶ bus.place_put ─▶ bus.place (a new version; the old row stays)
--   tables of others ─▶ gazetteer_import.sql ─▶ bus.place_put
--
-- Codes live: a place that ended says what took its place, and what an old message names by an old code is found by
-- bus.place_now. Nothing is deleted.

-- Spelling ------------------------------------------------------------------------------------------

-- Tajik Cyrillic in Latin letters by the BGN/PCGN 1994 system, as confirmed in 2017 with its notes on letters that
-- the spelling of 1998 has no more (ц, щ, ь, ы): https://www.interscript.org/systems/bgnpcgn-tgk-Cyrl-Latn-1994 and
-- https://www.eki.ee/wgrs/v2_2/rom2_tg.htm. What is no Cyrillic stays as it is.
CREATE FUNCTION bus.transliterate_tg(text text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t text := normalize(text, NFC);
BEGIN
    t := regexp_replace(t, '([аеёиоуӯӣэюя])ц([аеёиоуӯӣэюя])', '\1ts\2', 'gi');
    t := replace(replace(replace(replace(replace(t, 'Ғ', 'Gh'), 'ғ', 'gh'), 'Ё', 'Yo'), 'ё', 'yo'), 'Ж', 'Zh');
    t := replace(replace(replace(replace(replace(t, 'ж', 'zh'), 'Х', 'Kh'), 'х', 'kh'), 'Ч', 'Ch'), 'ч', 'ch');
    t := replace(replace(replace(replace(replace(t, 'Ш', 'Sh'), 'ш', 'sh'), 'Щ', 'Sh'), 'щ', 'sh'), 'Ю', 'Yu');
    t := replace(replace(replace(t, 'ю', 'yu'), 'Я', 'Ya'), 'я', 'ya');
    RETURN translate(t, 'АБВГДЕЗИӢЙКҚЛМНОПРСТУӮФҲҶЪЭЦЫабвгдезиӣйкқлмнопрстуӯфҳҷъэцыЬь',
                        'ABVGDEZIÍYKQLMNOPRSTUŬFHJ’ĖSIabvgdeziíykqlmnoprstuŭfhj’ėsi');
END
$$;
COMMENT ON FUNCTION bus.transliterate_tg IS 'Tajik Cyrillic in Latin letters, BGN/PCGN 1994';

-- Russian in Latin letters by the BGN/PCGN 1947 system, without its optional dots.
CREATE FUNCTION bus.transliterate_ru(text text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t text := normalize(text, NFC);
BEGIN
    -- ye and yë unless a consonant is before them.
    t := regexp_replace(t, '(?<![бвгджзклмнпрстфхцчшщБВГДЖЗКЛМНПРСТФХЦЧШЩ])([её])', 'y\1', 'g');
    t := regexp_replace(t, '(?<![бвгджзклмнпрстфхцчшщБВГДЖЗКЛМНПРСТФХЦЧШЩ])Е', 'Yе', 'g');
    t := regexp_replace(t, '(?<![бвгджзклмнпрстфхцчшщБВГДЖЗКЛМНПРСТФХЦЧШЩ])Ё', 'Yё', 'g');
    t := replace(replace(replace(replace(t, 'Ж', 'Zh'), 'ж', 'zh'), 'Х', 'Kh'), 'х', 'kh');
    t := replace(replace(replace(replace(t, 'Ц', 'Ts'), 'ц', 'ts'), 'Ч', 'Ch'), 'ч', 'ch');
    t := replace(replace(replace(replace(t, 'Ш', 'Sh'), 'ш', 'sh'), 'Щ', 'Shch'), 'щ', 'shch');
    t := replace(replace(replace(replace(t, 'Ю', 'Yu'), 'ю', 'yu'), 'Я', 'Ya'), 'я', 'ya');
    RETURN translate(t, 'АБВГДЕЁЗИЙКЛМНОПРСТУФЪЫЬЭабвгдеёзийклмнопрстуфъыьэ',
                        'ABVGDEËZIYKLMNOPRSTUF”Y’Eabvgdeëziyklmnoprstuf”y’e');
END
$$;
COMMENT ON FUNCTION bus.transliterate_ru IS 'Russian in Latin letters, BGN/PCGN 1947 without its optional dots';

-- A name as it is compared: Latin, small, without marks, and alike for letters that people take for each other:
-- ӣ и й y i, ӯ у u, қ к q k, ғ г gh g, ҳ х kh h, ҷ дж j, single and double ones.
CREATE FUNCTION bus.fold_place(text text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t text := lower(normalize(bus.transliterate_tg(text), NFKD));
BEGIN
    t := regexp_replace(t, '[^a-z]+', '', 'g');
    t := replace(replace(replace(replace(t, 'dzh', 'j'), 'zh', 'j'), 'kh', 'h'), 'gh', 'g');
    t := translate(t, 'qywx', 'kivh');
    RETURN regexp_replace(t, '(.)\1+', '\1', 'g');
END
$$;
-- The same without the vowels behind the first letter: Yavon, Ёвон and Яван.
CREATE FUNCTION bus.skeleton_place(folded text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT regexp_replace(left(folded, 1) || regexp_replace(substr(folded, 2), '[aeiou]', '', 'g'), '(.)\1+', '\1', 'g')
$$;

-- Two spellings of one name.
CREATE FUNCTION bus.is_alike(name text, other text) RETURNS bool
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS
$$ SELECT bus.skeleton_place(bus.fold_place(name)) = bus.skeleton_place(bus.fold_place(other)) $$;

-- Codes ---------------------------------------------------------------------------------------------

-- What stands now where this code was: itself, or what took its place, several after a split. A code that nobody
-- knows is answered as it is.
CREATE FUNCTION bus.place_now(pcode text) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE way AS (
        SELECT place_now.pcode AS code, ARRAY[place_now.pcode] AS seen
        UNION ALL
        SELECT n.code, w.seen || n.code
          FROM way w
          CROSS JOIN LATERAL (SELECT p.replaced_by FROM bus.place p
                               WHERE p.pcode = w.code AND p.until_version IS NULL
                               ORDER BY p.valid_from DESC LIMIT 1) AS last
          CROSS JOIN LATERAL unnest(last.replaced_by) AS n(code)
         WHERE n.code <> ALL (w.seen) AND cardinality(w.seen) < 32
    )
    SELECT DISTINCT w.code FROM way w
     WHERE NOT EXISTS (SELECT FROM (SELECT p.replaced_by FROM bus.place p
                                     WHERE p.pcode = w.code AND p.until_version IS NULL
                                     ORDER BY p.valid_from DESC LIMIT 1) AS last
                        WHERE last.replaced_by <> '{}' AND NOT last.replaced_by <@ w.seen)
$$;
COMMENT ON FUNCTION bus.place_now IS 'codes that stand now where this code was';

-- The known code that this one lies in: itself, the district that its digits begin with, or the region.
CREATE FUNCTION bus.place_known(pcode text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.code FROM unnest(ARRAY[pcode, left(pcode, 7), left(pcode, 4) || '000']) WITH ORDINALITY AS u(code, ord)
     WHERE EXISTS (SELECT FROM bus.place p WHERE p.pcode = u.code AND p.until_version IS NULL) ORDER BY ord LIMIT 1
$$;

-- Rows of the gazetteer, what is known now, from the place up to its region: depth 0, 1 ...
CREATE FUNCTION bus.place_up(pcode text)
RETURNS TABLE (depth int4, code text, level int2, name_tg text, name_ru text, name_en text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE up AS (
        SELECT 0 AS depth, p.* FROM (SELECT * FROM bus.place x WHERE x.pcode = place_up.pcode AND x.until_version IS NULL
                                      ORDER BY x.valid_from DESC LIMIT 1) AS p
        UNION ALL
        SELECT u.depth + 1, p.* FROM up u
         CROSS JOIN LATERAL (SELECT * FROM bus.place x WHERE x.pcode = u.parent AND x.until_version IS NULL
                              ORDER BY x.valid_from DESC LIMIT 1) AS p
         WHERE u.depth < 8 AND u.parent <> ''
    )
    SELECT u.depth, u.pcode, u.level, u.name_tg, u.name_ru, u.name_en FROM up u
$$;

-- Changes -------------------------------------------------------------------------------------------

CREATE FUNCTION bus.alias_put(pcode text, alias text, language text, source text, is_former bool DEFAULT false)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    f text := bus.fold_place(alias);
BEGIN
    IF alias <> '' AND f <> '' THEN
        INSERT INTO bus.place_alias AS a (pcode, alias, language, source, is_former, folded, skeleton)
        VALUES (alias_put.pcode, alias_put.alias, alias_put.language, alias_put.source, alias_put.is_former, f,
                bus.skeleton_place(f))
            ON CONFLICT ON CONSTRAINT place_alias_pkey DO UPDATE SET folded = excluded.folded, skeleton = excluded.skeleton,
                                                                     is_former = excluded.is_former
         WHERE (a.folded, a.is_former) IS DISTINCT FROM (excluded.folded, excluded.is_former);
    END IF;
END
$$;

-- Puts one span of a place in force as of p.version; the row it replaces stays. False: it says nothing new.
CREATE FUNCTION bus.place_put(p bus.place) RETURNS bool
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    had bus.place;
BEGIN
    SELECT * INTO had FROM bus.place x
     WHERE x.pcode = p.pcode AND x.valid_from = p.valid_from AND x.until_version IS NULL;
    IF FOUND THEN
        IF (had.valid_to, had.lat, had.lon, had.population, had.level, had.population_year, had.parent, had.name_tg,
            had.name_ru, had.name_en, had.replaced_by)
           IS NOT DISTINCT FROM
           (p.valid_to, p.lat, p.lon, p.population, p.level, p.population_year, p.parent, p.name_tg, p.name_ru, p.name_en,
            p.replaced_by) THEN
            RETURN false;
        END IF;
        IF had.version = p.version THEN -- said twice in one message: the last word stands
            DELETE FROM bus.place x WHERE x.pcode = p.pcode AND x.valid_from = p.valid_from AND x.version = p.version;
        ELSE
            UPDATE bus.place x SET until_version = p.version
             WHERE x.pcode = p.pcode AND x.valid_from = p.valid_from AND x.until_version IS NULL;
        END IF;
    END IF;
    INSERT INTO bus.place SELECT p.*;
    PERFORM bus.alias_put(p.pcode, p.name_tg, 'tg', p.source);
    PERFORM bus.alias_put(p.pcode, p.name_ru, 'ru', p.source);
    PERFORM bus.alias_put(p.pcode, p.name_en, 'en', p.source);
    RETURN true;
END
$$;

-- A conflict is one row, however often it is found; what a person settled stays settled.
CREATE FUNCTION bus.conflict_put(kind text, subject text, what text, done text, sources text[],
                                 proposed text[] DEFAULT '{}', seq int8 DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO bus.place_conflict AS c (kind, subject, what, done, sources, proposed, seq)
    VALUES (conflict_put.kind, conflict_put.subject, conflict_put.what, conflict_put.done, conflict_put.sources,
            conflict_put.proposed, conflict_put.seq)
        ON CONFLICT ON CONSTRAINT place_conflict_kind_subject_what_key
        DO UPDATE SET done = excluded.done, sources = excluded.sources, proposed = excluded.proposed, is_found = true;
END
$$;

-- What a person says of a conflict: the name becomes an alias of `pcode`, or, if that is empty, it is left as it is.
CREATE FUNCTION bus.place_settle(id int8, pcode text, because text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c bus.place_conflict;
BEGIN
    SELECT * INTO c FROM bus.place_conflict x WHERE x.conflict_id = id AND x.settled_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF pcode <> '' THEN
        IF NOT EXISTS (SELECT FROM bus.place p WHERE p.pcode = place_settle.pcode AND p.until_version IS NULL) THEN
            RAISE EXCEPTION 'there is no place "%"', pcode USING ERRCODE = 'no_data_found';
        ELSIF c.kind <> 'unknown' THEN
            RAISE EXCEPTION 'only the name of an unknown place becomes an alias; this conflict is of kind "%"', c.kind
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        PERFORM bus.alias_put(pcode, c.subject, '', 'settled by a person', true);
    END IF;
    UPDATE bus.place_conflict x
       SET settled_at = clock_timestamp(), settled_by = session_user, settled_as = place_settle.pcode,
           because = place_settle.because
     WHERE x.conflict_id = id;
    PERFORM bus.say_audit('place_settled', c.kind || ' ' || c.subject, c.what, place_settle.pcode, place_settle.because);
    RETURN true;
END
$$;
GRANT EXECUTE ON FUNCTION bus.place_settle TO bus_admin;

-- Said on the bus -----------------------------------------------------------------------------------

-- Does the way up from `parent` lead through `pcode`, also where that is not known yet?
CREATE FUNCTION bus.is_below(parent text, pcode text) RETURNS bool
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    at text := parent;
BEGIN
    FOR step IN 1 .. 32 LOOP
        IF at = pcode THEN
            RETURN true;
        END IF;
        SELECT x.parent INTO at FROM bus.place x WHERE x.pcode = at AND x.until_version IS NULL
         ORDER BY x.valid_from DESC LIMIT 1;
        EXIT WHEN NOT FOUND;
    END LOOP;
    RETURN false;
END
$$;
-- Does what took the place of these lead to `pcode`?
CREATE FUNCTION bus.leads_to(codes text[], pcode text) RETURNS bool
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE way AS (
        SELECT c AS code, 1 AS steps FROM unnest(codes) AS c
        UNION
        SELECT n.code, w.steps + 1 FROM way w
          JOIN bus.place p ON p.pcode = w.code AND p.until_version IS NULL
         CROSS JOIN LATERAL unnest(p.replaced_by) AS n(code)
         WHERE w.steps < 32
    )
    SELECT EXISTS (SELECT FROM way w WHERE w.code = pcode)
$$;

-- What one entry of a message does. What cannot be is a conflict, and no change: the message itself is a fact.
CREATE FUNCTION bus.place_said(e jsonb, v bus.gazetteer_version, sender text) RETURNS bool
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p bus.place;
    had record;
    a jsonb;
    wrong text;
BEGIN
    p.pcode := e->>'pcode';
    p.parent := coalesce(e->>'parent', '');
    p.level := array_position(ARRAY['COUNTRY', 'REGION', 'DISTRICT', 'JAMOAT', 'VILLAGE'],
                              eoc.word(e->>'level', 'ADMIN_LEVEL_'));
    p.name_tg := coalesce(e->>'name_tg', '');
    p.name_ru := coalesce(e->>'name_ru', '');
    p.name_en := coalesce(e->>'name_en', '');
    p.valid_from := eoc.at(e->>'valid_from_us');
    p.valid_to := eoc.at(e->>'valid_to_us');
    p.replaced_by := ARRAY(SELECT jsonb_array_elements_text(coalesce(e->'replaced_by', '[]')));
    p.population := nullif((e->>'population')::int4, 0);
    p.population_year := nullif((e->>'population_year')::int4, 0);
    p.lat := (e->'centre'->>'lat_e7')::float8 / 1e7;
    p.lon := (e->'centre'->>'lon_e7')::float8 / 1e7;
    p.source := v.source;
    p.version := v.version;
    SELECT x.*, g.said_version INTO had FROM bus.place x JOIN bus.gazetteer_version g USING (version)
     WHERE x.pcode = p.pcode AND x.until_version IS NULL AND (p.valid_from IS NULL OR x.valid_from = p.valid_from)
     ORDER BY x.valid_from DESC LIMIT 1;
    p.valid_from := coalesce(p.valid_from, had.valid_from, '-infinity');
    wrong := CASE
        WHEN p.level IS NULL THEN 'no level that is known here'
        WHEN NOT bus.may(sender, 'say', 'gazetteer_update', p.pcode, 'INTERNAL')
            THEN format('%s may not speak of this place', sender)
        WHEN p.parent <> '' AND bus.is_below(p.parent, p.pcode) THEN format('its parent %s lies in it', p.parent)
        WHEN bus.leads_to(p.replaced_by, p.pcode) THEN 'it would be replaced by itself'
        WHEN p.valid_to <= p.valid_from THEN 'it ends before it begins'
        WHEN had.source = v.source AND had.said_version > v.said_version
            THEN format('version %s is older than %s, which is known', v.said_version, had.said_version) END;
    IF wrong IS NOT NULL THEN
        PERFORM bus.conflict_put('said', p.pcode, format('%s said of %s "%s": %s.', sender, p.pcode, p.name_en, wrong),
                                 'not taken', ARRAY[v.source], '{}', v.seq);
        RETURN false;
    END IF;
    IF p.level > 2 AND NOT EXISTS (SELECT FROM bus.place x WHERE x.pcode = p.parent AND x.until_version IS NULL) THEN
        PERFORM bus.conflict_put('parent', p.pcode, format('%s %s lies in %s, which nobody knows.', p.pcode, p.name_en,
                                                           coalesce(nullif(p.parent, ''), 'nothing')),
                                 'taken as it is', ARRAY[v.source], '{}', v.seq);
    END IF;
    FOR a IN SELECT jsonb_array_elements(coalesce(e->'aliases', '[]')) LOOP
        PERFORM bus.alias_put(p.pcode, coalesce(a->>'name', ''),
                              CASE coalesce(a->>'lang', '') WHEN 'LANG_TG' THEN 'tg' WHEN 'LANG_RU' THEN 'ru'
                                                            WHEN 'LANG_EN' THEN 'en' ELSE '' END,
                              v.source, coalesce((a->>'former')::bool, false));
    END LOOP;
    FOR wrong IN SELECT jsonb_array_elements_text(coalesce(e->'conflicts', '[]')) LOOP
        PERFORM bus.conflict_put('code', p.pcode, format('%s says that another table gives the code %s to "%s".', sender,
                                                         p.pcode, wrong), 'taken as said', ARRAY[v.source], '{}', v.seq);
    END LOOP;
    IF bus.is_alike(had.name_en, p.name_en) THEN
        -- A list in one language takes nobody's names in the others.
        p.name_tg := coalesce(nullif(p.name_tg, ''), had.name_tg);
        p.name_ru := coalesce(nullif(p.name_ru, ''), had.name_ru);
        p.lat := coalesce(p.lat, had.lat);
        p.lon := coalesce(p.lon, had.lon);
        p.population_year := CASE WHEN p.population IS NULL THEN had.population_year ELSE p.population_year END;
        p.population := coalesce(p.population, had.population);
    END IF;
    -- One span at a time: the one before ends where this begins, and this where the next does.
    p.valid_to := least(p.valid_to, (SELECT min(x.valid_from) FROM bus.place x WHERE x.pcode = p.pcode AND x.until_version IS NULL
                                       AND x.valid_from > p.valid_from));
    PERFORM bus.place_ends(p);
    RETURN bus.place_put(p);
END
$$;

-- Where a span begins, the one before it ends.
CREATE FUNCTION bus.place_ends(p bus.place) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before bus.place;
BEGIN
    SELECT * INTO before FROM bus.place x
     WHERE x.pcode = p.pcode AND x.until_version IS NULL AND x.valid_from < p.valid_from
     ORDER BY x.valid_from DESC LIMIT 1;
    IF before.valid_to IS NULL OR before.valid_to > p.valid_from THEN
        before.valid_to := p.valid_from;
        before.version := p.version;
        IF before.pcode IS NOT NULL THEN
            PERFORM bus.place_put(before);
        END IF;
    END IF;
END
$$;

-- Called by the append, under the lock of the head. Only what is ACTUAL changes the gazetteer.
CREATE FUNCTION bus.gazetteer_of(res bus.append_result, m_sender int4[], m_type int2[], m_status int2[],
                                 d_ordinal int4[], d_doc jsonb[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v bus.gazetteer_version;
    sender text;
    body jsonb;
    e jsonb;
    taken int4;
BEGIN
    FOR i IN 1 .. cardinality(m_type) LOOP
        CONTINUE WHEN m_type[i] <> 260 OR m_status[i] <> 1 OR res.outcome[i] <> 1;
        body := d_doc[array_position(d_ordinal, i)]->'gazetteer_update';
        SELECT p.name INTO sender FROM bus.principal p WHERE p.principal_id = m_sender[i];
        CONTINUE WHEN body IS NULL OR sender IS NULL;
        INSERT INTO bus.gazetteer_version (seq, said_version, source)
        VALUES (coalesce(res.seq[i], res.before + i), (body->>'version')::int8, coalesce(body->>'source', ''))
        RETURNING * INTO v;
        taken := 0;
        FOR e IN SELECT jsonb_array_elements(coalesce(body->'places', '[]')) LOOP
            taken := taken + bus.place_said(e, v, sender)::int4;
        END LOOP;
        UPDATE bus.gazetteer_version g SET changed = taken WHERE g.version = v.version;
    END LOOP;
END
$$;
