-- queue: the dispatchers' queue when more is open than one answer carries: what it has, in which order, what it counts, and
-- that nothing is worked out for things that are only counted.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

INSERT INTO bus.principal (name, agency, places, roles) VALUES ('coes.ayni.desk', 'coes', '3505203', 'dispatcher'), ('coes.vose.desk', 'coes', '3507205', 'dispatcher');
CREATE ROLE desk IN ROLE bus_reader;
CREATE ROLE vose IN ROLE bus_reader;
SELECT bus.reader_set('desk', 'coes.ayni.desk'), bus.reader_set('vose', 'coes.vose.desk') \g /dev/null

-- Of Ayni a hundred alarms, a minute apart, five of an exercise two days ago, and 40 watches; of Vose three alarms.
INSERT INTO bus.alert (alert_id, seq, moved_seq, began_at, since, event_at, sender_id, torrent_id, type, status, label, acks_needed, is_open, calls, state, level, hazard,
                       identifier, cap_sender, places, rule_level, rule_hazard, rule_place, incident_ids)
SELECT lpad(n::text, 32, '0')::uuid, n, n, at, at, at, 1, n, 101, status, 2, 1, true, true, 'ISSUED', level, 'MUDFLOW', '', '', place, '', '', '', '{}'
  FROM (SELECT n, now() - (200 - n) * interval '1 minute' AS at, 1 AS status, 'ALARM' AS level, '3505203' AS place FROM generate_series(1, 100) AS n
        UNION ALL SELECT n, now() - interval '2 days' + n * interval '1 second', 2, 'ALARM', '3505203' FROM generate_series(101, 105) AS n
        UNION ALL SELECT n, now() - interval '9 hours' + n * interval '1 second', 1, 'WATCH', '3505203' FROM generate_series(111, 150) AS n
        UNION ALL SELECT n, now() - (300 - n) * interval '1 minute', 1, 'ALARM', '3507205' FROM generate_series(201, 203) AS n) AS x;

\set queue `cat sql/queries/page_queue.sql`
PREPARE page_queue AS :queue
CREATE FUNCTION pg_temp.asked(login text, rows text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', login);
    EXECUTE format('EXECUTE page_queue(%L, %L, NULL)', 'en', rows) INTO answer;
    EXECUTE 'SET LOCAL SESSION AUTHORIZATION DEFAULT';
    RETURN answer::jsonb;
END
$$;
-- The numbers of the things in an answer, in its order.
CREATE FUNCTION pg_temp.listed(answer jsonb) RETURNS int4[] LANGUAGE sql AS $$
    SELECT array_agg((i->>'seq')::int4 ORDER BY n) FROM jsonb_array_elements(answer->'items') WITH ORDINALITY AS x(i, n)
$$;
-- Without what exercises of another day have left.
CREATE FUNCTION pg_temp.fresh(rows text) RETURNS int4[] LANGUAGE sql AS $$
    SELECT array_agg(n ORDER BY at) FROM unnest(pg_temp.listed(pg_temp.asked('desk', rows))) WITH ORDINALITY AS x(n, at) WHERE n NOT BETWEEN 101 AND 105
$$;
SELECT is(pg_temp.fresh('10'), ARRAY(SELECT generate_series(1, 20)) || ARRAY(SELECT generate_series(81, 100)),
          'as many as were asked for, and the alarms that wait longest and those said last, however few were asked for');
SELECT is(pg_temp.fresh('30'), ARRAY(SELECT generate_series(1, 30)) || ARRAY(SELECT generate_series(81, 100)), 'the oldest first');
SELECT is((pg_temp.listed(pg_temp.asked('desk', '10')))[1:5], ARRAY[101, 102, 103, 104, 105], 'what an exercise has left can be looked at, however much is open');
SELECT is((pg_temp.asked('desk', '10')) - '{items,messages,taken,as_of}'::text[], '{"total": 145, "urgent": 100, "past": 5}', 'what it counts is all there is');
SELECT is((pg_temp.fresh('101'))[100:], ARRAY[100, 111], 'an alarm of an exercise that is long over takes no room from what is real');
SELECT is(cardinality(pg_temp.listed(pg_temp.asked('desk', NULL))), 145, 'who asks for no number gets all of these');
SELECT is((pg_temp.listed(pg_temp.asked('desk', NULL)))[1:5], ARRAY[101, 102, 103, 104, 105], 'in the order of the queue');
SELECT is(pg_temp.listed(pg_temp.asked('vose', '2')), ARRAY[201, 202, 203], 'another desk has its own');
SELECT is((pg_temp.asked('vose', '2')) - '{items,messages,taken,as_of}'::text[], '{"total": 3, "urgent": 3, "past": 0}', 'and its own counts');
SELECT throws_ok($$ SELECT pg_temp.asked('desk', 'many') $$, '22P02', NULL, 'a number that is none is refused');

-- Who may say FLASH reports says when it was that they tell of: he can date fifty to before the alarms, and fifty to after them.
INSERT INTO bus.incident_report (message_id, seq, type, event_at, sender_id, status, label, places, hazard, level)
SELECT gen_random_uuid(), 1000 + n, 120, now() + CASE WHEN n > 50 THEN interval '20 hours' ELSE interval '-20 hours' END, 1, 1, 2, '3505203', 'MUDFLOW', ''
  FROM generate_series(1, 100) AS n;
SELECT ok(ARRAY(SELECT generate_series(1, 20)) || ARRAY(SELECT generate_series(81, 100)) <@ pg_temp.fresh('10'),
          'reports that tell of another time hide no alarm, neither the one that waits longest nor the one said last');
SELECT is(ARRAY(SELECT n FROM unnest(pg_temp.fresh('10')) AS n WHERE n > 1050 ORDER BY n), ARRAY(SELECT generate_series(1081, 1100)), 'and those said last are there');

SELECT is((pg_temp.fresh('200'))[:100], ARRAY(SELECT generate_series(1, 100)), 'and they stand behind every alarm');

-- PostgreSQL leaves out what nobody asks for only as long as all parts of the view have the same types in the same columns.
CREATE FUNCTION pg_temp.plan_of(q text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || q;
END
$$;
SELECT is_empty($$ SELECT p FROM pg_temp.plan_of('SELECT id, precedence, since FROM eoc.queue WHERE what IN (''alert'', ''report'')') AS p
                    WHERE p ~ 'on bus\.(alert_call|principal|type|incident)\M' $$, 'to count alarms and reports nobody is looked up by name, nor whom they asked');

SELECT * FROM finish();
ROLLBACK;
