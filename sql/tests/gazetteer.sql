-- gazetteer: spelling, the real tables and what is wrong with them, what messages change, and how places are found.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap, from the
-- root of the repository.
\ir lib/begin.sql

-- Spelling ------------------------------------------------------------------------------------------
SELECT is(bus.transliterate_tg(t), l, t) FROM (VALUES
    ('Айнӣ', 'Ayní'), ('Ғончӣ', 'Ghonchí'), ('Хуҷанд', 'Khujand'), ('Қӯрғонтеппа', 'Qŭrghonteppa'), ('Ҳисор', 'Hisor'),
    ('Ёвон', 'Yovon'), ('Роштқалъа', 'Roshtqal’a'), ('Шаҳритус', 'Shahritus'), ('Ҷилликӯл', 'Jillikŭl'), ('Панҷ', 'Panj'),
    ('Эшонӣ', 'Ėshoní'), ('Юнус', 'Yunus'), ('Цирк', 'Sirk'), ('конфронтация', 'konfrontatsiya'), ('Aini 12', 'Aini 12')) AS v(t, l);
SELECT is(bus.transliterate_ru(t), l, t) FROM (VALUES
    ('Пенджикент', 'Pendzhikent'), ('Айни', 'Ayni'), ('Яван', 'Yavan'), ('Щучье', 'Shchuch’ye'), ('Ельцин', 'Yel’tsin'),
    ('Ёлка', 'Yëlka'), ('синее', 'sineye'), ('съезд', 's”yezd'), ('Хатлонская область', 'Khatlonskaya oblast’'), ('Гиссар', 'Gissar'),
    ('Цитадель', 'Tsitadel’'), ('Бутырка', 'Butyrka')) AS v(t, l);
SELECT is(count(DISTINCT bus.fold_place(t))::int, 1, string_agg(t, ' ')) FROM (VALUES
    (1, 'Айнӣ'), (1, 'Айни'), (1, 'Ayni'), (1, 'Aini'), (1, 'AYNĪ'), (1, 'айни'), (2, 'Хуҷанд'), (2, 'Худжанд'), (2, 'Khujand'),
    (2, 'Hujand'), (2, 'Khudzhand'), (3, 'Қӯрғонтеппа'), (3, 'Курғонтепа'), (3, 'Qurghonteppa'), (4, 'Б.Ғафуров'), (4, 'B. Gafurov'),
    (5, 'Ҳисор'), (5, 'Хисор'), (5, 'Hissor'), (6, 'Мӯъминобод'), (6, 'Mu''minobod'), (6, 'Муминобод')) AS v(one, t) GROUP BY one;
SELECT is(bus.fold_place(''), '', 'nothing folds to nothing');

-- The real tables -----------------------------------------------------------------------------------
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
\set atlas `cat agents/link/places/wof_tj_places.csv`
\set people `cat agents/link/places/prism_exposures.json`
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_stage('list.csv', pg_temp.rows(:'list')) AS g), '(list,81,0)', 'a list of codes');
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_stage('points.csv', pg_temp.rows(:'points')) AS g), '(polygons,62,0)', 'polygons');
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_stage('divisions.csv', pg_temp.rows(:'divisions')) AS g), '(names,76,0)', 'names');
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_stage('atlas.csv', pg_temp.rows(:'atlas')) AS g), '(atlas,62,0)', 'an atlas');
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_stage('people.json', :'people') AS g), '(population,58,0)', 'people');
SELECT is((SELECT g.shape FROM bus.gazetteer_stage('x.csv', '[{"a": 1}]') AS g), NULL, 'what is no table of places is not taken');
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_merge('test') AS g), '(1,81,81)', 'they make 81 places');
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_merge('test') AS g), '(0,0,81)', 'and again change nothing');
SELECT bus.gazetteer_stage('points.csv', pg_temp.rows(:'points')) \g /dev/null
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_merge('test') AS g), '(0,0,81)', 'nor when they are read again');
SELECT results_eq($$SELECT pcode, name_tg, name_ru, name_en, path_tg, path_ru, population FROM eoc.place WHERE pcode = '3505203'$$,
                  $$VALUES ('3505203', 'Айнӣ', 'Айнинский', 'Aini', 'Айнӣ, Суғд', 'Айнинский, Согдийская область', 85349)$$, 'Ayni');
SELECT is((SELECT count(*)::int FROM eoc.place WHERE name_tg = ''), 0, 'every place has a Tajik name');
SELECT format('measured: the Tajik name in Latin letters is the English one of the list in %s of %s places, in %s as searches fold them,'
              ' in %s without vowels', count(*) FILTER (WHERE translate(name_latin, 'íŭė’', 'iue') = name_en), count(*),
              count(*) FILTER (WHERE bus.fold_place(name_tg) = bus.fold_place(name_en)),
              count(*) FILTER (WHERE bus.skeleton_place(bus.fold_place(name_tg)) = bus.skeleton_place(bus.fold_place(name_en))))
  FROM eoc.place;
SELECT cmp_ok((SELECT count(*)::int FROM eoc.place WHERE translate(name_latin, 'íŭė’', 'iue') = name_en), '>=', 40, 'half of them');

SELECT results_eq($$SELECT kind, count(*)::int FROM eoc.place_conflict GROUP BY 1 ORDER BY 1$$,
                  $$VALUES ('absent', 2), ('count', 4), ('doubled', 4), ('name', 8), ('names', 10), ('parent', 1), ('point', 6),
                           ('population', 10), ('spelling', 17), ('unknown', 11)$$, 'what the real tables contradict each other in');
SELECT results_eq($$SELECT subject FROM eoc.place_conflict WHERE kind = 'doubled' ORDER BY 1$$,
                  $$VALUES ('3505256'), ('3507217'), ('3509058'), ('3590226')$$, 'the four codes of two polygons');
SELECT is((SELECT proposed FROM eoc.place_conflict WHERE kind = 'doubled' AND subject = '3590226'), ARRAY['3590401'],
          'the second one lies where Khorugh is');
SELECT matches((SELECT what FROM eoc.place_conflict WHERE kind = 'absent' AND subject = 'points.csv'), '^18 of the 76 codes .*3505401 Khujand',
               'eighteen cities without a polygon');
SELECT results_eq($$SELECT subject, proposed[1] FROM eoc.place_conflict WHERE kind = 'unknown'
                      AND subject IN ('Ghonchi', 'Jirgatol', 'Tavildara', 'Shuroobod') ORDER BY 1$$,
                  $$VALUES ('Ghonchi', '3505213'), ('Jirgatol', '3509042'), ('Shuroobod', '3507246'), ('Tavildara', '3509072')$$,
                  'names of former times, and what stands there now');
SELECT set_has($$SELECT subject FROM eoc.place_conflict WHERE kind = 'spelling'$$, $$VALUES ('3505217'), ('3509081')$$, 'Zafarobod, Fayzobod');
SELECT set_has($$SELECT subject FROM eoc.place_conflict WHERE kind = 'point'$$, $$VALUES ('3507203'), ('3507238'), ('3507256')$$,
               'three codes of Khatlon that the polygons have in other places');
SELECT is((SELECT population FROM eoc.place WHERE pcode = '3507256'), NULL, 'no population is taken where two differ by more than a third');
SELECT is((SELECT count(*)::int FROM eoc.place_conflict WHERE kind = 'name' AND what LIKE 'Isfara %'), 1, 'a city and its district');
SELECT matches((SELECT what FROM eoc.place_conflict WHERE kind = 'parent'), '3507252 Norak lies in 3507000 .* and in 3509000', 'two parents');

-- Found ---------------------------------------------------------------------------------------------
SELECT is((SELECT f.pcode FROM eoc.find_place(t) AS f LIMIT 1), code, t) FROM (VALUES
    ('Айнӣ', '3505203'), ('Айни', '3505203'), ('Ayni', '3505203'), ('aini', '3505203'), ('Айнинский', '3505203'), ('3505203', '3505203'),
    ('Ёвон', '3507250'), ('Яван', '3507250'), ('Yavan', '3507250'), ('Гиссар', '3509038'), ('Hisor', '3509038'), ('Хуҷанд', '3505401'),
    ('Leninabad', '3505000'), ('Zafarobod', '3505217'), ('Зафаробод', '3505217'), ('Fayzobod', '3509081'), ('Муминобод', '3507226'),
    ('Jirgatol', '3509042'), ('Panj', '3507234'), ('  Рашт ', '3509036')) AS v(t, code);
SELECT results_eq($$SELECT pcode FROM eoc.find_place('Исфара') WHERE rank < 3$$, $$VALUES ('3505220'), ('3505404')$$, 'both of one name');
SELECT is_empty($$SELECT * FROM eoc.find_place('Lima')$$, 'what is nowhere is not found');
SELECT is_empty($$SELECT * FROM eoc.find_place('')$$, 'nor is nothing');
SELECT is_empty($$SELECT * FROM eoc.find_place('%')$$, 'nor is a sign');
SELECT is(eoc.place_name('350520301', 'tg'), 'Айнӣ', 'a village without a row is named after its district');
SELECT is(eoc.place_name('350520301', 'en') || ' ' || eoc.place_name('3505000', 'en'), 'Ayni Sughd', 'in English as messages spell it; regions have English names');
SELECT is(eoc.place_name('AF0101', 'tg'), 'AF0101', 'an unknown code is shown as it is');

-- Settled -------------------------------------------------------------------------------------------
SELECT ok(bus.place_settle((SELECT conflict_id FROM eoc.place_conflict WHERE subject = 'Ghonchi'), '3505213', 'renamed in 2016'), 'a person settles');
SELECT is((SELECT f.pcode FROM eoc.find_place('Ғончӣ') AS f), '3505213', 'and the former name finds the place');
SELECT ok(NOT bus.place_settle((SELECT conflict_id FROM eoc.place_conflict WHERE subject = 'Ghonchi'), '', 'x'), 'once');
SELECT throws_ok($$SELECT bus.place_settle((SELECT conflict_id FROM eoc.place_conflict WHERE subject = 'Jirgatol'), '99', 'x')$$, 'P0002',
                 NULL, 'not with a place that is none');
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_merge('test') AS g), '(0,0,81)', 'the next import');
SELECT is((SELECT settled_as FROM eoc.place_conflict WHERE subject = 'Ghonchi'), '3505213', 'leaves it settled');

-- Said on the bus -----------------------------------------------------------------------------------
INSERT INTO bus.principal (name, agency, roles, places) VALUES ('coes.dushanbe.registry', 'coes', 'registry', ''), ('x.partner', 'x', 'partner', '');
CREATE SEQUENCE pg_temp.told;
CREATE FUNCTION pg_temp.tell(version int, places jsonb, status int DEFAULT 1, named text DEFAULT 'coes.dushanbe.registry', source text DEFAULT 'decree 12')
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r bus.append_result;
BEGIN
    r := bus.append_one((SELECT principal_id FROM bus.principal WHERE name = named), 1, 4::int2, nextval('pg_temp.told'), gen_random_uuid(),
                        260::int2, status::int2, '', now(), clock_timestamp(), NULL, NULL, (1 << 4)::int2, '\x00', NULL, NULL, NULL,
                        jsonb_build_object('gazetteer_update', jsonb_build_object('version', version, 'source', source, 'places', places)),
                        (SELECT log_epoch FROM bus.log_head), 0);
    RETURN (SELECT string_agg(g.changed::text, ' ') FROM bus.gazetteer_version g WHERE g.seq = r.head);
END
$$;
CREATE FUNCTION pg_temp.place(pcode text, name text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(jsonb_build_object('pcode', pcode, 'level', 'ADMIN_LEVEL_DISTRICT', 'parent', '3507000', 'name_en', name) || more)
$$;
CREATE FUNCTION pg_temp.us(day text) RETURNS text LANGUAGE sql AS $$ SELECT bus.us(bus.gazetteer_day(day))::text $$;
SELECT is(pg_temp.tell(1, pg_temp.place('3507401', 'Bokhtar', jsonb_build_object('name_tg', 'Бохтар', 'valid_from_us', pg_temp.us('2018-01-22'),
                       'aliases', '[{"name": "Қӯрғонтеппа", "lang": "LANG_TG", "former": true}]'::jsonb))), '1', 'a city is renamed');
SELECT results_eq($$SELECT name_en, valid_to = bus.gazetteer_day('2018-01-22'), holds FROM eoc.place WHERE pcode = '3507401' ORDER BY valid_from$$,
                  $$VALUES ('Qurghonteppa', true, false), ('Bokhtar', NULL, true)$$, 'its former name has ended and is kept');
SELECT is((SELECT f.name_en FROM eoc.find_place('Qurghonteppa') AS f WHERE f.pcode = '3507401'), 'Bokhtar', 'and still finds it');
SELECT is(eoc.place_name('3507401', 'tg'), 'Бохтар', 'under its new one');
SELECT is(pg_temp.tell(2, pg_temp.place('3507403', 'Sarband', jsonb_build_object('valid_to_us', pg_temp.us('2020-01-01'), 'replaced_by', ARRAY['3507236']))),
          '1', 'a city becomes part of its district');
SELECT is(pg_temp.tell(3, pg_temp.place('3507236', 'Sarband', jsonb_build_object('valid_to_us', pg_temp.us('2021-01-01'), 'replaced_by', ARRAY['3507203', '3507217']))),
          '1', 'and the district is divided');
SELECT set_eq($$SELECT bus.place_now('3507403')$$, $$VALUES ('3507203'), ('3507217')$$, 'its old code leads to both');
SELECT set_eq($$SELECT bus.place_now('3505203')$$, $$VALUES ('3505203')$$, 'a code that holds leads to itself');
SELECT set_eq($$SELECT bus.place_now('XX99')$$, $$VALUES ('XX99')$$, 'an unknown one too');
SELECT is((SELECT name_tg FROM eoc.place WHERE pcode = '3507236'), 'Сарбанд', 'a message in one language takes no names in others');
SELECT is((SELECT count(*)::int FROM eoc.place_history WHERE pcode = '3507236'), 2, 'what was known before is history');
SELECT is(pg_temp.tell(3, pg_temp.place('3507236', 'Sarband', jsonb_build_object('valid_to_us', pg_temp.us('2021-01-01'), 'replaced_by', ARRAY['3507203', '3507217']))),
          '0', 'said again it changes nothing');
SELECT is(pg_temp.tell(2, pg_temp.place('3507236', 'Old')), '0', 'what is older and comes later changes nothing');
SELECT is(pg_temp.tell(4, pg_temp.place('3507203', 'Vakhsh', '{"replaced_by": ["3507403"]}')), '0', 'no code leads back to itself');
SELECT is(pg_temp.tell(5, pg_temp.place('3507000', 'Khatlon', '{"parent": "3507203"}')), '0', 'no region lies in its district');
SELECT is(pg_temp.tell(5, pg_temp.place('3507801', 'A', '{"parent": "3507802"}')), '1', 'one lies in what nobody knows yet');
SELECT is(pg_temp.tell(5, pg_temp.place('3507802', 'B', '{"parent": "3507801"}')), '0', 'which cannot lie in it then');
SELECT is(pg_temp.tell(5, pg_temp.place('3507401', 'Kurgan-Tyube', jsonb_build_object('valid_from_us', pg_temp.us('1936-01-01')))), '1', 'what a city was called before');
SELECT results_eq($$SELECT name_en, valid_to FROM eoc.place WHERE pcode = '3507401' ORDER BY valid_from$$,
                  $$VALUES ('Kurgan-Tyube', bus.gazetteer_day('2017-01-01')), ('Qurghonteppa', bus.gazetteer_day('2018-01-22')), ('Bokhtar', NULL)$$,
                  'ends where the next name begins');
SELECT is(pg_temp.tell(6, pg_temp.place('3507203', 'Vakhsh', '{"valid_to_us": "86400000000", "valid_from_us": "172800000000"}')), '0', 'nothing ends before it begins');
SELECT is(pg_temp.tell(7, pg_temp.place('3507203', 'Mine'), named => 'x.partner'), '0', 'who may not say it changes nothing');
SELECT is((SELECT count(*)::int FROM eoc.place_conflict WHERE kind = 'said'), 6, 'each of them is a conflict that people see');
SELECT is(pg_temp.tell(8, pg_temp.place('3507203', 'Exercise'), status => 2), NULL, 'an exercise changes nothing');
SELECT is(pg_temp.tell(9, pg_temp.place('350720301', 'Rudaki', '{"level": "ADMIN_LEVEL_JAMOAT", "parent": "3507299", "conflicts": ["Other"]}')), '1', 'a jamoat');
SELECT results_eq($$SELECT kind FROM eoc.place_conflict WHERE subject = '350720301' ORDER BY 1$$, $$VALUES ('code'), ('parent')$$,
                  'whose parent nobody knows, and whose code another table gives away');
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_merge('test') AS g), '(0,0,81)', 'no table changes what a message said');
SELECT set_has($$SELECT subject FROM eoc.place_conflict WHERE kind = 'said' AND done = 'the message counts'$$, $$VALUES ('3507401')$$, 'which is a conflict too');

-- Tables of our own, broken ones ----------------------------------------------------------------------
SELECT is((SELECT row(g.*)::text FROM bus.gazetteer_stage('own.csv', '[
    {"pcode": "3509042", "level": "3", "parent": "3509000", "name_en": "Jirgatol", "valid_from": "", "valid_to": "2016-01-01"},
    {"pcode": "3509042", "level": "3", "parent": "3509000", "name_en": "Lakhsh", "name_tg": "Лахш", "valid_from": "2016-01-01"},
    {"pcode": "350520301", "level": "4", "parent": "350520302", "name_en": "A"},
    {"pcode": "350520302", "level": "4", "parent": "350520303", "name_en": "B"},
    {"pcode": "350520303", "level": "4", "parent": "350520301", "name_en": "C"},
    {"pcode": "350520304", "level": "4", "parent": "350520304", "name_en": "D"},
    {"pcode": "350520305", "level": "4", "parent": "3505999", "name_en": "E"},
    {"pcode": "350520306", "level": "4", "parent": "3505203", "name_en": "F"},
    {"pcode": "350520306", "level": "4", "parent": "3505203", "name_en": "F again"},
    {"pcode": "35", "level": "4", "parent": "3505203", "name_en": "G"},
    {"pcode": "350520307", "level": "9", "parent": "3505203", "name_en": "H"},
    {"pcode": "350520308", "level": "4", "parent": "3505203", "name_en": "I", "valid_from": "1.1.2020"},
    {"pcode": "350520309", "level": "4", "parent": "3505203", "name_en": ""},
    {"pcode": "350520310", "level": "4", "parent": "3505203", "name_en": "K", "replaced_by": "350520310"},
    {"pcode": "3507238", "level": "3", "parent": "3507000", "name_en": "Baljuvon"},
    {"pcode": "3507203", "level": "3", "parent": "3507000", "name_en": "Temurmalik"},
    {"pcode": "3507256", "level": "3", "parent": "3507000", "name_en": "Vakhsh"}]') AS g), '(own,12,5)', 'our own table, with mistakes');
SELECT bus.gazetteer_merge('own.csv') \g /dev/null
SELECT results_eq($$SELECT name_en, name_tg FROM eoc.place WHERE pcode = '3509042' ORDER BY valid_from NULLS FIRST$$,
                  $$VALUES ('Jirgatol', ''), ('Lakhsh', 'Лахш')$$, 'a renamed district has its spans');
SELECT results_eq($$SELECT subject FROM eoc.place_conflict WHERE kind = 'loop' ORDER BY 1$$,
                  $$VALUES ('350520301'), ('350520302'), ('350520303'), ('350520304')$$, 'parents that go round are found');
SELECT is((SELECT count(*)::int FROM eoc.place WHERE pcode LIKE '35052030_' AND parent = ''), 4, 'and have no parent');
SELECT is((SELECT count(*)::int FROM eoc.place_conflict WHERE kind = 'row'), 5, 'rows of no use are told');
SELECT set_has($$SELECT subject FROM eoc.place_conflict WHERE kind IN ('parent', 'doubled')$$, $$VALUES ('350520305'), ('350520306')$$,
               'so are a missing parent and a code that stands twice');
SELECT set_has($$SELECT subject FROM eoc.place_conflict WHERE kind = 'names' AND 'own.csv' = ANY (sources)$$,
               $$VALUES ('3507203'), ('3507238'), ('3507256')$$, 'and codes that two tables give to different districts');
SELECT is((SELECT name_tg FROM eoc.place WHERE pcode = '3507238'), 'Балҷувон', 'whose names are not mixed');
DELETE FROM bus.place_stated WHERE source = 'own.csv';
SELECT bus.gazetteer_merge('without') \g /dev/null
SELECT is_empty($$SELECT * FROM eoc.place_conflict WHERE kind = 'loop'$$, 'what was mended is no conflict any more');
SELECT isnt_empty($$SELECT * FROM eoc.place WHERE pcode = '350520306'$$, 'and nothing is deleted');

-- Nobody publishes a list of jamoats: whoever has one brings it as a table of our own --------------------
SELECT is((SELECT shape || ' ' || taken FROM bus.gazetteer_stage('jamoats', '[{"pcode": "350520311", "level": 4, "parent": "3505203", "name_en": "Urmetan", "name_tg": "Урметан"},
           {"pcode": "350529911", "level": 4, "parent": "3505299", "name_en": "Nowhere"}]')), 'own 2', 'a table of jamoats');
SELECT is((SELECT changed FROM bus.gazetteer_merge('test')), 2, 'is taken');
SELECT is((SELECT level || ' ' || parent || ' ' || name_tg FROM eoc.place WHERE pcode = '350520311'), 'JAMOAT 3505203 Урметан', 'each lies in its district');
SELECT is((SELECT pcode FROM eoc.find_place('Urmetan') LIMIT 1), '350520311', 'and is found by its name');
SELECT is((SELECT count(*) FROM eoc.place_conflict WHERE kind = 'parent' AND subject = '350529911'), 1::int8, 'one that lies nowhere is seen');

SELECT * FROM finish();
ROLLBACK;
