-- search: what people type for each other is alike, what was said is found, rights hold, and ten years are found as fast.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap, from the
-- root of the repository.
\ir lib/begin.sql
SET LOCAL statement_timeout = '60s';

-- Letters ---------------------------------------------------------------------------------------------
SELECT is(eoc.fold(t), folded, t) FROM (VALUES
    ('Айнӣ', 'aini'), ('Айни', 'aini'), ('Ayni', 'aini'), ('Aini', 'aini'), ('AYNĪ', 'aini'), ('Хуҷанд', 'hucand'), ('Хучанд', 'hucand'),
    ('Khujand', 'hucand'), ('Худжанд', 'hucand'), ('Қӯрғонтеппа', 'kurgontepa'), ('Кургонтеппа', 'kurgontepa'), ('Qurghonteppa', 'kurgontepa'),
    ('Ҳисор', 'hisor'), ('Хисор', 'hisor'), ('ЁЛКА', 'elka'), ('елка', 'elka'), ('Щучье', 'shuce'), ('Shchuchye', 'shucie'), ('Мӯъминобод', 'muminobod'),
    ('  gw-07,  № 12 ', 'gv 07 no 12'), ('', ''), ('«—»', ''), ('a' || chr(769) || 'b', 'ab'), ('2011', '2011')) AS v(t, folded);
SELECT is(provolatile::text, 'i', 'an index may hang on it') FROM pg_proc WHERE oid = 'eoc.fold'::regproc;
SELECT is(eoc.fold(repeat('Ж', 100000)), repeat('zh', 100000), 'however long');

-- Places ----------------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.rows(csv text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg((SELECT jsonb_object_agg(h.name, coalesce(c.cell, ''))
                        FROM unnest(string_to_array(split_part(csv, E'\n', 1), ',')) WITH ORDINALITY AS h(name, ord)
                        LEFT JOIN unnest(string_to_array(l.line, ',')) WITH ORDINALITY AS c(cell, ord) USING (ord))
                     || jsonb_build_object('line', l.ord) ORDER BY l.ord)
      FROM regexp_split_to_table(csv, E'\n') WITH ORDINALITY AS l(line, ord) WHERE l.ord > 1 AND l.line <> ''
$$;
\set list `cat deploy/demo/data/tjk_pcodes_adm1_adm2.hxl.csv`
\set points `cat agents/link/places/tjk_district_points.csv`
\set divisions `cat agents/link/places/openadmindata_tj_divisions.csv`
SELECT bus.gazetteer_stage('list.csv', pg_temp.rows(:'list')), bus.gazetteer_stage('points.csv', pg_temp.rows(:'points')),
       bus.gazetteer_stage('divisions.csv', pg_temp.rows(:'divisions')), bus.gazetteer_merge('test') \g /dev/null
SELECT ok('3505203' IN (SELECT pcode FROM bus.search_places(t) WHERE is_whole), t || ' is Ayni') FROM (VALUES ('Ayni'), ('Айнӣ'), ('Aini'), ('Айни'), ('3505203')) AS v(t);
SELECT ok('3505401' IN (SELECT pcode FROM bus.search_places(t) WHERE is_whole), t || ' is Khujand') FROM (VALUES ('Khujand'), ('Хуҷанд'), ('Ходжент'), ('Худжанд'), ('Хучанд')) AS v(t);
SELECT is_empty($$SELECT * FROM bus.search_places('')$$, 'nothing is no place');

-- What was said ---------------------------------------------------------------------------------------
INSERT INTO bus.principal (name, agency, roles, places) VALUES
    ('coes.tj3505203.gw07', 'coes', 'gateway', '3505203'), ('coes.ayni', 'coes', 'district', '3505203'),
    ('coes.ayni.registry', 'coes', 'registry', '3505203'), ('coes.dushanbe', 'coes', 'dispatcher', ''), ('rcst.somebody', 'rcst', 'partner', '3505217');
CREATE FUNCTION pg_temp.uid(n int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('0190aaaa-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
SELECT v.seq, now(), now(), p.principal_id, t.number, 1, pg_temp.uid(v.seq), jsonb_build_object(v.type, v.body::jsonb) || coalesce(v.more::jsonb, '{}'), v.places, v.label << 4
  FROM (VALUES
    (1, 'coes.ayni', 'flash_report', '{"hazard": "HAZARD_MUDFLOW", "text": "Сел аз Гусар-сой, пул вайрон шуд"}', '3505203', 2, NULL),
    (2, 'coes.ayni', 'general_message', '{"subject": "Road", "text": "Дорога на Пенджикент открыта"}', '3505203', 2, NULL),
    (3, 'coes.dushanbe', 'general_message', '{"subject": "Secret", "text": "unspeakable thing"}', '3505203', 3, NULL),
    (4, 'coes.ayni', 'household_event', '{"household_id": "0190bbbb-0000-7000-8000-000000000001", "actor": "Nameless"}', '3505203', 4, NULL),
    (5, 'coes.ayni', 'general_message', '{"text": "a personal word: Nameless"}', '3505203', 4, NULL),
    (6, 'coes.ayni', 'incident', '{"incident_id": "0190cccc-0000-7000-8000-000000000001", "name": "Гусар, сел"}', '3505203', 2, NULL),
    (7, 'coes.ayni', 'request_resource', '{"lines": [{"line_id": 1, "resource": {"name": "excavator"}}]}', '3505203', 2, NULL),
    (8, 'coes.tj3505203.gw07', 'sensor_detection', '{"level": "DETECTION_LEVEL_ALARM", "text": "two flow sensors"}', '3505203', 1, NULL),
    (9, 'coes.ayni', 'facility_status', '{"name": "School no. 3", "state": "OPERATING_STATE_OPEN"}', '3505203', 2, NULL),
    (10, 'coes.ayni', 'general_message', '{"text": "[\u0001] <b>''&| :* !"}', '', 2, NULL)) AS v(seq, who, type, body, places, label, more)
  JOIN bus.principal p ON p.name = v.who JOIN bus.type t ON t.name = v.type;
INSERT INTO bus.incident (incident_id, seq, first_seq, since, began_at, last_at, sender_id, status, label, state, hazard, name, places)
SELECT '0190cccc-0000-7000-8000-000000000001', 6, 6, now(), now(), now(), principal_id, 1, 2, 'REPORTED', 'MUDFLOW', 'Гусар, сел', '3505203' FROM bus.principal WHERE name = 'coes.ayni';
INSERT INTO bus.household (household_id, seq, first_seq, since, affected_at, sender_id, status, state, places, origin)
SELECT '0190bbbb-0000-7000-8000-000000000001', 4, 4, now(), now(), principal_id, 1, 'AFFECTED', '3505203', '3505203' FROM bus.principal WHERE name = 'coes.ayni';
UPDATE bus.log_head SET seq = 10;
SELECT is(bus.search_fill(4), 4, 'words are taken in bit by bit');
SELECT is((SELECT seq FROM bus.projection WHERE name = 'search'), 5::int8, 'and no further than they were had');
SELECT is(bus.search_fill(), 5, 'the rest') ;
SELECT is(bus.search_fill(), 0, 'and nothing twice');
SELECT is((SELECT string_agg(seq::text, ' ' ORDER BY seq) FROM bus.search_text), '1 2 3 6 7 8 9 10', 'nothing of households, nothing personal');

CREATE ROLE finder LOGIN IN ROLE bus_console;
SELECT bus.reader_set('finder', 'coes.dushanbe') \g /dev/null
GRANT USAGE ON SCHEMA tap TO finder;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tap TO finder;
CREATE FUNCTION pg_temp.found(words text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(DISTINCT kind || coalesce(' ' || seq, ''), ', ') FROM eoc.search(words) $$;
SET LOCAL SESSION AUTHORIZATION finder;
SELECT is(pg_temp.found(t), wanted, format('"%s"', t)) FROM (VALUES
    ('гусар', 'incident 6, report 1'), ('GUSAR сел', 'incident 6, report 1'), ('gus', 'incident 6, report 1'), ('usar', NULL),
    ('пенджикент', 'message 2, place'), ('pendzhikent doroga', 'message 2'), ('excavator', 'request 7'), ('flow sensors', 'alert 8'), ('School 3', 'document 9'),
    ('gw07', 'principal'), ('HAZARD_MUDFLOW', NULL), ('nameless', NULL), ('0190cccc-0000', 'incident 6'),
    ('№ 2', 'message 2'), ('', NULL), ('   ', NULL), ('''', NULL), (':* & | ! ( ''', NULL), ('\', NULL), ('%', NULL)) AS v(t, wanted);
SELECT is(pg_temp.found(t), pg_temp.found('3505203'), t || ' finds what happened there') FROM (VALUES ('Айнӣ'), ('Ayni'), ('Aini'), ('Айни')) AS v(t);
SELECT matches(pg_temp.found('Айни'), 'alert 8.*incident 6.*message 2.*place.*report 1.*request 7.*', 'all of it');
SELECT is((SELECT array_agg(rank ORDER BY seq) FROM eoc.search('гусар') WHERE kind = 'report'), '{1}', 'words themselves rank before beginnings');
SELECT throws_ok($$SELECT * FROM bus.search_text$$, '42501', NULL, 'the words themselves nobody reads');
SELECT throws_ok($$SELECT * FROM bus.search_heard()$$, '42501', NULL, 'nor by a function');
RESET SESSION AUTHORIZATION;

-- A partner of another district hears less: what it may not read it does not find, not even that it is there.
SELECT bus.reader_set('finder', 'rcst.somebody') \g /dev/null
SET LOCAL SESSION AUTHORIZATION finder;
SELECT is((SELECT count(*)::int FROM eoc.search('unspeakable')), (SELECT count(*)::int FROM eoc.message WHERE seq = 3), 'a word of what is hidden finds nothing');
SELECT is_empty($$SELECT s.seq FROM bus.search_seqs('sel', 'sel', 'report', 50) AS s WHERE NOT EXISTS (SELECT FROM bus.document d WHERE d.seq = s.seq)$$,
                'nor do the numbers tell');
SELECT is((SELECT string_agg(s.seq::text, ' ' ORDER BY s.seq) FROM unnest('{incident,report,alert,request,message,sensor,document}'::text[]) AS k
            CROSS JOIN LATERAL bus.search_seqs('''#3505203''', '''#3505203''', k, 50) AS s),
          (SELECT string_agg(d.seq::text, ' ' ORDER BY d.seq) FROM bus.document d WHERE d.places = '3505203' AND d.type < 220), 'they are what the policy shows');
RESET SESSION AUTHORIZATION;
SELECT bus.reader_set('finder', 'coes.ayni.registry') \g /dev/null
SET LOCAL SESSION AUTHORIZATION finder;
SELECT is((SELECT string_agg(kind || ' ' || id, '') FROM eoc.search('0190bbbb')), 'household 0190bbbb-0000-7000-8000-000000000001', 'who may read a household finds it by its id');
SELECT is(pg_temp.found('nameless'), NULL, 'and by nothing else');
RESET SESSION AUTHORIZATION;
SELECT ok(NOT has_function_privilege('bus_ingest', 'eoc.search(text, int4)', 'EXECUTE'), 'brokers search nothing');

SELECT * FROM finish();
ROLLBACK;
