-- boards: families as numbers, for whoever may hear numbers of them and no more.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

INSERT INTO bus.principal (name, agency, places, roles) VALUES
    ('coes.ayni.desk', 'coes', '3505203', 'dispatcher'), ('coes.vose.desk', 'coes', '3507205', 'dispatcher'),
    ('coes.ayni.reg', 'coes', '3505203', 'registry'), ('coes.ayni.office', 'coes', '3505203', 'district'), ('x.ayni.nobody', 'x', '3505203', '');
CREATE ROLE desk IN ROLE bus_reader;
CREATE ROLE vose IN ROLE bus_reader;
CREATE ROLE reg IN ROLE bus_reader;
CREATE ROLE nobody IN ROLE bus_reader;
SELECT bus.reader_set('desk', 'coes.ayni.desk'), bus.reader_set('vose', 'coes.vose.desk'), bus.reader_set('reg', 'coes.ayni.reg'), bus.reader_set('nobody', 'x.ayni.nobody');

CREATE FUNCTION pg_temp.uid(n int4) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(to_hex(n), 32, '0')::uuid $$;
INSERT INTO bus.incident (incident_id, seq, first_seq, since, began_at, last_at, sender_id, status, label, state, hazard, name, places, open_during)
SELECT pg_temp.uid(9), 1, 1, now(), now(), now(), 1, 1, 2, 'RESPONDING', 'MUDFLOW', 'x', '3505203', tstzmultirange(tstzrange(now(), NULL));
-- Real: nine assisted, two declined, four moved. Of an exercise: one of each, in 2010.
INSERT INTO bus.household (household_id, seq, first_seq, since, affected_at, incident_id, sender_id, status, state, places, members, fed_until)
SELECT pg_temp.uid(100 + n), n, n, now() - interval '1 day', now() - interval '3 days', pg_temp.uid(9), 1, 1,
       CASE WHEN n <= 9 THEN 'ASSISTED' WHEN n <= 11 THEN 'DECLINED' ELSE 'MOVED' END, '350520301', 5,
       CASE WHEN n <= 9 THEN now() + interval '2 days' END FROM generate_series(1, 15) AS n
UNION ALL
SELECT pg_temp.uid(200 + n), 100 + n, 100 + n, '2010-09-10 12:00+00'::timestamptz - n * interval '1 day', '2010-08-07', NULL, 1, 2,
       (ARRAY['ASSISTED', 'DECLINED', 'MOVED'])[n], '3505203', 4, '2010-09-11 12:00+00' FROM generate_series(1, 3) AS n;
INSERT INTO bus.offer (offer_id, household_id, seq, made_seq, made_at, since, valid_until, sender_id, status, state, site_id, plot_id, places, site_places, reasons)
SELECT pg_temp.uid(300 + n), pg_temp.uid(CASE n WHEN 1 THEN 110 ELSE 202 END), 300 + n, 300 + n, h.since, h.since, h.since + interval '9 days', 1, h.status, 'DECLINED', 's', '', '3505203', '3505217',
       '{NO_MEANS_TO_MOVE,DEBT}' FROM generate_series(1, 2) AS n JOIN bus.household h ON h.household_id = pg_temp.uid(CASE n WHEN 1 THEN 110 ELSE 202 END);

-- What a login is told, one line.
CREATE FUNCTION pg_temp.told(login text, of_status text, incident uuid DEFAULT NULL, whats text[] DEFAULT '{household,total}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', login);
    SELECT string_agg(f.what || ' ' || f.word || ' ' || CASE WHEN f.is_few THEN 'few' ELSE coalesce(f.families::text, '-') END, ', ' ORDER BY f.what, f.word) INTO line
      FROM eoc.families(of_status, incident) AS f WHERE f.what = ANY (whats);
    EXECUTE 'SET LOCAL SESSION AUTHORIZATION DEFAULT';
    RETURN line;
END
$$;
SELECT is(pg_temp.told('reg', 'ACTUAL'), 'household ASSISTED 9, household DECLINED 2, household MOVED 4, total  15', 'who may read families is told all their numbers');
SELECT is(pg_temp.told('desk', 'ACTUAL'), 'household ASSISTED 9, household DECLINED few, household MOVED few, total  15', 'a dispatcher none below five; two cells that are hidden hide each other in the total');
SELECT is(pg_temp.told('desk', 'ACTUAL', pg_temp.uid(9)), 'household ASSISTED 9, household DECLINED few, household MOVED few, total  15', 'of an incident too');
-- And the list of incidents: its number of families.
CREATE FUNCTION pg_temp.listed(login text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', login);
    SELECT coalesce(f.families::text, '-') INTO line FROM eoc.incident_families(ARRAY[pg_temp.uid(9)]) AS f;
    EXECUTE 'SET LOCAL SESSION AUTHORIZATION DEFAULT';
    RETURN line;
END
$$;
SELECT is(pg_temp.listed('desk'), '15', 'the list of incidents has the same total');
UPDATE bus.household SET state = 'ASSISTED' WHERE household_id = pg_temp.uid(110) OR household_id = pg_temp.uid(111);
SELECT is(pg_temp.told('desk', 'ACTUAL'), 'household ASSISTED 11, household MOVED few', 'and no total from which one that is hidden would follow');
SELECT is(pg_temp.listed('desk'), '-', 'nor in the list of incidents');
SELECT is(pg_temp.listed('reg'), '15', 'which is exact for who may read families');
SELECT is(pg_temp.listed('vose'), NULL, 'and has none of other places');
SELECT is(pg_temp.told('vose', 'ACTUAL'), NULL, 'nothing of other places');
SELECT is(pg_temp.told('nobody', 'ACTUAL'), NULL, 'nothing to whom no numbers are told');
SELECT is(pg_temp.told('desk', 'EXERCISE'), 'household ASSISTED 1, household DECLINED 1, household MOVED 1, total  3', 'families of an exercise are invented, and told as they are');
SELECT is(pg_temp.told('desk', 'EXERCISE', NULL, '{decline,ration}'), 'decline DEBT 1, decline NO_MEANS_TO_MOVE 1, ration DAYS_3 3', 'by the clock of the exercise');
SELECT is(pg_temp.told('desk', 'ACTUAL', NULL, '{decline,offer,ration}'), 'decline DEBT few, decline NO_MEANS_TO_MOVE few, offer DECLINED few, ration DAYS_3 9', 'rations that run out, offers and reasons');
SELECT is((SELECT f.at FROM eoc.families('EXERCISE') AS f WHERE f.what = 'clock'), '2010-09-09 12:00+00'::timestamptz, 'which is the newest that was said in it of a family');

-- Reports of an exercise are expected by its own time.
INSERT INTO bus.incident (incident_id, seq, first_seq, since, began_at, last_at, sender_id, status, label, state, hazard, name, places, open_during)
SELECT pg_temp.uid(10), 2, 2, '2010-08-07', '2010-08-07', '2010-08-10', 1, 2, 2, 'RESPONDING', 'MUDFLOW', 'y', '3505203', tstzmultirange(tstzrange('2010-08-07', NULL));
INSERT INTO bus.report (message_id, thread_id, seq, received_at, event_at, about_at, sender_id, type, status, label, is_cancel, agency, version, number, prepared_by, authorised_by, places, incident_ids)
SELECT pg_temp.uid(400), pg_temp.uid(400), 400, now(), '2010-08-08 10:00+00', '2010-08-08 10:00+00', 1, 121, 2, 2, false, 'coes', 'INITIAL', '1', 'x', 'y', '3505203', ARRAY[pg_temp.uid(10)];
SELECT is((SELECT string_agg(e.state, ' ' ORDER BY e.period_from) FROM eoc.reports_expected('2010-08-01', '2010-08-10 12:00+00', 2) AS e), 'MISSING ON_TIME MISSING NOT_DUE',
          'in time is what was said in time, whenever it was played');
SELECT is((SELECT count(*)::int4 FROM eoc.reports_expected('2010-08-01', '2010-08-10 12:00+00') AS e), 0, 'and not asked of what is real');
SELECT is((SELECT count(*)::int4 FROM eoc.reports_expected('2010-08-01', '2010-08-12 12:00+00', 2) AS e), 0, 'an exercise of another day owes nothing');
UPDATE bus.incident SET last_at = now() WHERE incident_id = pg_temp.uid(10);
SELECT is((SELECT count(*)::int4 FROM eoc.reports_expected(now() - interval '30 days', now(), 2) AS e), 0, 'nor does it because somebody wrote to it today');

CREATE FUNCTION pg_temp.asked(login text, question text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', login);
    EXECUTE question INTO answer;
    EXECUTE 'SET LOCAL SESSION AUTHORIZATION DEFAULT';
    RETURN answer;
END
$$;
SELECT is(pg_temp.asked('desk', $$SELECT string_agg(l.principal, ' ' ORDER BY l.principal) FROM eoc.links() AS l$$), 'coes.ayni.desk coes.ayni.office coes.ayni.reg x.ayni.nobody', 'links are seen of whose reports one may hear');
SELECT is(pg_temp.asked('nobody', 'SELECT count(*) FROM eoc.links()'), '0', 'and of nobody else');
INSERT INTO bus.last_value (time, seq, sender_id, datastream_id, status) SELECT now(), 1, p.principal_id, 1, 1 FROM bus.principal p WHERE p.name = 'coes.ayni.office';
SELECT is(pg_temp.asked('desk', 'SELECT string_agg(c.sender, chr(32)) FROM eoc.channels() AS c'), 'coes.ayni.office', 'channels of whose samples one may hear');
SELECT is(pg_temp.asked('vose', 'SELECT count(*) FROM eoc.channels()'), '0', 'and of no other place');

-- Hubs ---------------------------------------------------------------------------------------------
SELECT bus.say_settings('kh1', E'name\tbroker\tkh1\nhub\t\t3501401'), bus.say_settings('kh2', E'hub\t\t3501401'), bus.say_settings('ku', E'hub\t\tKulob') \g /dev/null
SELECT is((SELECT count(*)::int4 FROM eoc.hubs()), 0, 'what never ran here is no hub');
SELECT bus.broker_here(b, (SELECT log_epoch FROM bus.log_head), (SELECT seq FROM bus.log_head)) FROM unnest(ARRAY['kh1', 'kh2', 'ku', 'alone']) AS b \g /dev/null
INSERT INTO bus.gazetteer_version (version, source) OVERRIDING SYSTEM VALUE VALUES (1, 'test');
INSERT INTO bus.place (pcode, valid_from, version, level, name_tg, name_ru, name_en, source) VALUES ('3501401', '2000-01-01', 1, 3, 'Хуҷанд', 'Худжанд', 'Khujand', 'test');
SELECT is(pg_temp.asked('nobody', $$SELECT string_agg(concat_ws(' ', h.hub, h.name, jsonb_array_length(h.brokers), h.is_alive, h.behind), ', ' ORDER BY h.hub) FROM eoc.hubs('ru') AS h$$),
          '3501401 Худжанд 2 t 0, Kulob Kulob 1 t 0, alone alone 1 t 0', 'a hub is its brokers, called as people call it; a broker of no hub is one');
INSERT INTO bus.cursor (principal_id, name, lane, log_epoch, seq, generation, patterns, broker, leased_until)
SELECT p.principal_id, 'inbox', 4, 1, 0, 1, '**', CASE p.name WHEN 'coes.ayni.office' THEN 'kh1' ELSE 'kh2' END,
       now() + CASE p.name WHEN 'coes.ayni.reg' THEN interval '-1 minute' ELSE interval '1 minute' END
  FROM bus.principal p WHERE p.name IN ('coes.ayni.office', 'coes.ayni.reg', 'x.ayni.nobody');
CREATE FUNCTION pg_temp.hub(login text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.asked(login, $q$SELECT concat_ws(' ', h.is_alive, (SELECT string_agg(b->>'is_alive', ' ' ORDER BY b->>'broker') FROM jsonb_array_elements(h.brokers) AS b), h.offices, h.silent, h.behind)
                                     FROM eoc.hubs() AS h WHERE h.hub = '3501401'$q$)
$$;
SELECT is(pg_temp.hub('desk'), 't true true 3 1 0', 'an office without a lease is silent, and still of the hub that served it last');
SELECT is(pg_temp.hub('nobody'), 't true true 0 0 0', 'offices are counted of whom one may hear');
UPDATE bus.broker_seen SET seen_at = now() - interval '5 minutes', seq = seq - 2 WHERE broker = 'kh2';
SELECT is(pg_temp.hub('desk'), 't true false 3 2 0', 'a broker that is gone takes its offices with it, whatever lease they had; the hub lives by the other');
UPDATE bus.broker_seen SET seen_at = now() - interval '5 minutes', seq = seq - 7 WHERE broker = 'kh1';
SELECT is(pg_temp.hub('desk'), 'f false false 3 3 2', 'without any it is down, and as far behind as its best broker was');
SELECT is((SELECT string_agg(h.hub, ' ') FROM eoc.hubs() AS h), '3501401 Kulob alone', 'what is down comes first');
SELECT is((SELECT json_agg(json_build_array(x.hub, x.alive) ORDER BY x.hub)::text FROM (SELECT b.hub, count(*) FILTER (WHERE b.is_alive) AS alive FROM eoc.brokers() AS b GROUP BY 1) AS x),
          '[["3501401", 0], ["Kulob", 1], ["alone", 1]]', 'the lamps count the same');
SELECT bus.broker_here('ku', (SELECT log_epoch FROM bus.log_head) - 1, 5) \g /dev/null
SELECT is((SELECT b.behind FROM eoc.brokers() AS b WHERE b.broker = 'ku'), (SELECT seq FROM bus.log_head), 'who stands in an older log has all of this one to read');
SELECT is(bus.broker_forget('ku'), false, 'what runs is not forgotten');
SELECT is(bus.broker_forget('kh1'), true, 'what will not come back is');
SELECT is((SELECT string_agg(b.broker, ' ' ORDER BY b.broker) FROM eoc.brokers() AS b), 'alone kh2 ku', 'and is no hub that is down');
-- One level of a gateway -----------------------------------------------------------------------------
INSERT INTO bus.principal (name, agency, places, roles) SELECT 'coes.ayni.gw' || n, 'coes', '3505203', 'gateway' FROM generate_series(1, 4) AS n;
INSERT INTO bus.document (seq, message_id, received_at, event_at, sender_id, status, type, places, doc)
SELECT 900 + x.seq, pg_temp.uid(900 + x.seq), now(), now() - x.ago, p.principal_id, x.status, 101, '3505203',
       jsonb_build_object('sensor_detection', jsonb_build_object('profile', x.profile, 'level', 'DETECTION_LEVEL_' || x.level, 'hazard', 'HAZARD_MUDFLOW', 'torrent_id', x.torrent))
  FROM (VALUES (1, 1, 'stage.rate', 'ALARM', 1, 1, interval '9 s'), (2, 1, 'stage.level', 'WARNING', 1, 1, interval '10 s'), -- the alarm came first
               (3, 1, 'rain', 'WARNING', 1, 1, interval '1 s'), (4, 1, 'rain', 'CLEAR', 2, 1, interval '0 s'),
               (5, 2, 'stage.rate', 'ALARM', 1, 1, interval '9 s'), (6, 2, 'fusion', 'CLEAR', 1, 1, interval '8 s'), (7, 2, 'stage.level', 'WATCH', 1, 1, interval '7 s'),
               (8, 3, 'stage.rate', 'WATCH', 1, 1, interval '9 s'), (9, 3, 'stage.rate', 'ALARM', 1, 2, interval '16 years'),
               (10, 4, 'stage.rate', 'WARNING', 1, 1, interval '9 s'), (11, 4, 'fusion', 'CLEAR', 1, 1, interval '8 s'), (12, 4, 'stage.rate', 'ALARM', 1, 2, interval '16 years')) AS x(seq, gw, profile, level, torrent, status, ago)
  JOIN bus.principal p ON p.name = 'coes.ayni.gw' || x.gw;
SELECT is((SELECT string_agg(g.level, ' ' ORDER BY g.sender) FROM eoc.gateway_level g WHERE g.sender LIKE 'coes.ayni.gw%'), 'ALARM WATCH WATCH CLEAR', 'the highest that is not cleared, and of today');

SELECT * FROM finish();
ROLLBACK;
