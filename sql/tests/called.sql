-- called: recipients are found by what people call them, in any letters; kinds of resources are one whatever the language; who
-- could supply something is proposed.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap, from the
-- root of the repository.
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only on
BEGIN;
SET LOCAL search_path = pg_temp, pg_catalog, tap;
SET LOCAL client_min_messages = error;
SET LOCAL statement_timeout = '60s';
SELECT no_plan();

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
INSERT INTO bus.principal (name, agency, roles, places) VALUES
    ('coes.tj3505203.gw07', 'coes', 'gateway', '3505203'), ('coes.ayni.office', 'coes', 'district', '3505203'), ('coes.ayni.registry', 'coes', 'registry', '3505203'),
    ('coes.khujand.office', 'coes', 'district', '3505401'), ('coes.khujand.depot', 'coes', 'supplier', '3505401'), ('coes.kulob.depot', 'coes', 'supplier', '3504401'),
    ('coes.sughd.duty', 'coes', 'dispatcher', '3505000'), ('coes.dushanbe.duty', 'coes', 'dispatcher', ''), ('msf.tj.team1', 'msf', 'partner', ''),
    ('hydromet.centre', 'hydromet', 'ministry', ''), ('nobody.knows', 'nobody', '', '3505203');
INSERT INTO bus.duty_roster (seq, role, place, from_at, to_at, set_by)
SELECT 1, 'duty', '3505203', now() - interval '1 day', now() + interval '1 day', principal_id FROM bus.principal WHERE name = 'coes.ayni.office';
INSERT INTO bus.duty_shift (roster_seq, shift, turn, principal, from_at, to_at, delegated_by, delegated_types)
VALUES (1, 1, 1, 'coes.ayni.office', now() - interval '1 day', now() + interval '1 day', '', '{}');

-- Names -------------------------------------------------------------------------------------------------
SELECT is((SELECT count(*) FROM bus.called WHERE folded = '{}' OR folded IS DISTINCT FROM bus.called_folded(called)), 0::int8, 'every name is folded');
SELECT bus.called_set('agency', 'nobody', 'Ҳеҷ кас', 'Никто', 'Nobody at all', '{"Ни души"}') \g /dev/null
SELECT is((SELECT folded @> '{hec kas,nikto,ni dushi}' FROM bus.called WHERE list = 'agency' AND id = 'nobody'), true, 'an agency gets a name');

-- Recipients --------------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.first(said text, near text DEFAULT '3505203', lang text DEFAULT 'ru') RETURNS text LANGUAGE sql AS
$$ SELECT recipient FROM eoc.recipients(said, near, lang) LIMIT 1 $$;
SELECT is(pg_temp.first(said, ''), 'coes.ayni.office', said) FROM (VALUES ('Ayni''s office'), ('шуъба Айнӣ'), ('Айни отдел'), ('КҲФ Айнӣ шуъба'), ('Aini of')) AS v(said);
SELECT is(pg_temp.first(said, ''), wanted, said) FROM (VALUES ('hydromet', 'hydromet'), ('Гидромет', 'hydromet'), ('обуҳавошиносӣ', 'hydromet'), ('MSF', 'msf'), ('врачи без границ', 'msf'),
    ('Худжанд склад', 'coes.khujand.depot'), ('Khujand depot', 'coes.khujand.depot'), ('дежурный Айни', 'duty@3505203'), ('coes.sughd', 'coes.sughd.duty'), ('Ни души', 'nobody')) AS v(said, wanted);
SELECT is_empty($$SELECT * FROM eoc.recipients('gw07', '', 'en')$$, 'nobody writes to a machine');
SELECT is_empty($$SELECT * FROM eoc.recipients('absolutely not', '', 'en')$$, 'who is not there is not found');
SELECT is((SELECT array_agg(recipient) FROM (SELECT r.recipient FROM eoc.recipients('', '3505203', 'en') AS r LIMIT 4) AS x),
          '{coes.ayni.office,duty@3505203,coes.ayni.registry,nobody.knows}', 'with nothing said the district''s office comes first');
SELECT is((SELECT title || '; ' || place || '; ' || agency || '; ' || on_duty::text FROM eoc.recipients('duty', '3505203', 'ru') WHERE recipient = 'duty@3505203'),
          'Дежурный; ' || eoc.place_name('3505203', 'ru') || '; КЧС; {"Отдел, ' || eoc.place_name('3505203', 'ru') || '"}', 'it is shown by title and place, with who is on duty');

-- Kinds ---------------------------------------------------------------------------------------------------
SELECT is((SELECT k.id FROM eoc.kinds_of(ARRAY[said]) AS k), id, said) FROM (VALUES ('excavator', 'excavator'), ('Excavators', 'excavator'), ('экскаватор', 'excavator'), ('экскаваторы', 'excavator'),
    ('экскаваторҳо', 'excavator'), ('tents', 'tent'), ('Палаток', 'tent'), ('хайма', 'tent'), ('одеяла', 'blanket'), ('чархбол', 'helicopter'), ('скорая помощь', 'ambulance'), ('МОШИНИ БОРКАШ', 'lorry'),
    ('bush', NULL), ('', NULL), ('a team of divers', NULL)) AS v(said, id);

-- Suppliers -----------------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.could(kind text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(recipient || ' ' || why, ', ' ORDER BY rank, recipient) FROM eoc.suppliers(kind, '3505203') $$;
SELECT is(pg_temp.could('excavator'), 'coes.khujand.depot depot, coes.kulob.depot depot, coes.sughd.duty centre, coes.dushanbe.duty centre', 'depots, the nearest first, then the centres');
INSERT INTO bus.line (strand_id, thread, message_id, seq, first_seq, since, said_at, line_id, sender_id, type, status, label, supplier, agency, state, phase, kind, places, counts)
SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), n, n, now(), now(), 1, principal_id, 163, 1, 2, supplier, 'coes', state, phase, kind, '3504401', counts
  FROM (VALUES (1, 'coes.kulob', 'RETURNED', 'over', 'экскаваторы', true), (2, 'msf.tj', 'OFFERED', 'open', 'Digger', false), (3, 'coes.ayni', 'DECLINED', 'over', 'excavator', false)) AS v(n, supplier, state, phase, kind, counts),
       bus.principal WHERE name = 'coes.kulob.depot';
SELECT is(pg_temp.could('excavators'), 'msf.tj.team1 offers, coes.kulob.depot has_supplied, coes.khujand.depot depot, coes.sughd.duty centre, coes.dushanbe.duty centre',
          'before them who offers it and who has supplied it, whatever the language');
SELECT is(pg_temp.could(''), 'coes.khujand.depot depot, coes.kulob.depot depot, coes.sughd.duty centre, coes.dushanbe.duty centre', 'with no kind nobody offers it');

-- Codes in words ------------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.called(said text, lang text DEFAULT 'ru') RETURNS text LANGUAGE sql AS $$ SELECT name FROM eoc.called_as(lang) WHERE code = said $$;
INSERT INTO bus.principal (name, agency, roles, places) VALUES ('coes.dushanbe.console', 'coes', 'dispatcher', ''), ('coes.dushanbe.screen', 'coes', 'witness dispatcher', ''), ('rcst.ayni.team2', 'rcst', 'partner', '3505203');
SELECT is(pg_temp.called(said), wanted, 'in words: ' || said) FROM (VALUES ('coes.ayni.office', 'Отдел, Айнинский район'), ('coes.tj3505203.gw07', 'Шлюз gw07, Айнинский район'), ('coes.dushanbe.duty', 'Дежурный, Душанбе'),
    ('coes.dushanbe.console', 'Диспетчер console, Душанбе'), ('rcst.ayni.team2', 'Группа, Айнинский район · Красный Полумесяц'), ('coes.khujand', 'КЧС, Худжанд'), ('msf.tj.team1', 'Группа, Tj · MSF, Врачи без границ'),
    ('duty@', 'Дежурный'), ('coes', 'КЧС'), ('bus', 'шина'), ('nobody.knows', NULL)) AS v(said, wanted);
SELECT is(pg_temp.called('coes.ayni.office', 'tg'), 'Шуъба, Айнӣ', 'and in Tajik');
SELECT is((SELECT count(*) FROM (SELECT code FROM eoc.called_as('en') GROUP BY code HAVING count(*) > 1) AS x), 0::int8, 'a code has one name');
INSERT INTO bus.principal (name, agency, roles, places) VALUES ('coes.dushanbe2.duty', 'coes', 'eoc', ''), ('coes.dushanbe', 'coes', 'eoc', '');
SELECT is((SELECT string_agg(x.names, '; ') FROM (SELECT string_agg(code, ' = ') AS names FROM eoc.called_as('en') GROUP BY name HAVING count(*) > 1) AS x), NULL, 'and a name one code, however offices are named');
SELECT is((SELECT count(*) FROM (SELECT code FROM eoc.called_as('en') GROUP BY code HAVING count(*) > 1) AS x), 0::int8, 'also where an office has the name of an agency at a place');

SELECT finish();
ROLLBACK;
