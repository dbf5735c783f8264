-- held: what waits: in which order it is judged, how much of it at a time, how long it waits, and what becomes of what
-- never comes. With the tiny cycle of tiny.sql. Everything is undone.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql
\ir tiny.sql

-- All of this is one transaction; elsewhere each append is. What one of them has found out is forgotten here.
CREATE FUNCTION pg_temp.next() RETURNS void LANGUAGE sql AS
$$ SELECT set_config('bus.woken_from', '', true), set_config('bus.woken_done', '', true), set_config('bus.waking', '', true) $$;
CREATE FUNCTION pg_temp.awake() RETURNS int8 LANGUAGE sql AS $$ SELECT count(*) FROM bus.held WHERE is_woken $$;
CREATE FUNCTION pg_temp.later(n int4) RETURNS text LANGUAGE sql AS
$$ SELECT code || ' ' || coalesce(settled_as::text, 'held') FROM bus.held WHERE message_id = pg_temp.id_of(n) $$;

-- A storm ------------------------------------------------------------------------------------------
SELECT is((SELECT to_jsonb(s) FROM bus.ledger_setting s),
          '{"one": true, "promise_waits": "24:00:00", "fact_waits": "7 days", "held_per_sender": 5000, "held_per_thing": 500,
            "woken_per_message": 200, "woken_per_commit": 1000, "tries": 50, "flap_within": "00:05:00",
            "authors_from": 0}', 'the bounds there are');
UPDATE bus.ledger_setting SET woken_per_message = 20, woken_per_commit = 100, held_per_thing = 60, tries = 2;
SELECT is((SELECT array_agg(DISTINCT pg_temp.say(n, 225::int2, 1)) FROM generate_series(100, 149) AS n), '{HELD}', 'fifty offers wait');
SELECT is(pg_temp.say(150, 226::int2, 1), 'HELD', 'and one who leaves');
SELECT is(pg_temp.say(1, 224::int2, 1), 'APPLIED', 'the site comes');
SELECT is(pg_temp.awake(), 31::int8, 'twenty are judged with it, the others stay awake');
SELECT is((SELECT max(seq) FROM bus.held WHERE settled_as IS NOT NULL) < (SELECT min(seq) FROM bus.held WHERE is_woken), true,
          'those that are first in the log');
SELECT is(pg_temp.say(2, 226::int2, 1), 'HELD', 'what comes now does not overtake them');
SELECT is(pg_temp.later(2), 'in_turn held', 'it has its turn');
SELECT is(pg_temp.say(3, 224::int2, 2), 'APPLIED', 'when they are done, what comes is judged at once');
SELECT is(pg_temp.awake(), 0::int8, 'nobody is awake');
SELECT is(pg_temp.verdict_of(100), 1::int2, 'the first offer was applied');
SELECT is((SELECT count(*)::int4 FROM bus.held WHERE settled_as = 4), 49, 'all others dismissed');
SELECT is(pg_temp.verdict_of(150), 1::int2, 'who left in time has left');
SELECT is(pg_temp.verdict_of(2), 3::int2, 'and not twice: in the order of the log');
SELECT is((SELECT array_agg(DISTINCT (settled_at - since)::text) FROM bus.held), '{00:00:00}', 'all by the clock of the message that woke them');
SELECT is((SELECT settled_seq FROM bus.held WHERE message_id = pg_temp.id_of(149)),
          (SELECT seq FROM bus.message WHERE message_id = pg_temp.id_of(1)), 'however late that was done');

SELECT pg_temp.next();
SELECT is((SELECT array_agg(DISTINCT pg_temp.say(n, 225::int2, 3)) FROM generate_series(200, 259) AS n), '{HELD}', 'sixty more');
SELECT alike(pg_temp.say(260, 225::int2, 3, 1::int2, '{"action": "OFFER_ACTION_IMPROVE"}'),
             'REFUSED too_many_held: The site has not arrived. 60 messages wait for the same thing already.%', 'no more promises');
SELECT is(pg_temp.say(261, 226::int2, 3, 1::int2, '{"answer": "OFFER_ANSWER_DECLINE"}'), 'CONTESTED', 'what has happened, a person sees to');
SELECT is(pg_temp.say(4, 224::int2, 3), 'APPLIED', 'their site comes');
SELECT is(pg_temp.awake(), 40::int8, 'forty are left');
SELECT is(pg_temp.say(5, 120::int2, 3), 'none', 'a report waits for nobody');
SELECT is(pg_temp.awake(), 20::int8, 'twenty are left');
SELECT pg_temp.next();
DELETE FROM bus.to_say; -- whatever is said judges them, too
SELECT is((SELECT more FROM bus.tick(20)), true, 'a tick goes on with them, and says that there may be more');
SELECT is(pg_temp.awake(), 0::int8, 'all are done');
SELECT lives_ok('SELECT bus.tick(1000)');

SELECT pg_temp.next();
UPDATE bus.ledger_setting SET woken_per_commit = 30;
SELECT is((SELECT array_agg(DISTINCT pg_temp.say(n, 225::int2, 4)) FROM generate_series(300, 349) AS n), '{HELD}', 'fifty');
SELECT is(pg_temp.say(6, 224::int2, 4), 'APPLIED', 'their site comes');
SELECT is(pg_temp.say(7, 226::int2, 4), 'HELD', 'in the same transaction');
SELECT is(pg_temp.awake(), 21::int8, 'no more than thirty are judged, one has come to them');
SELECT is(pg_temp.say(8, 226::int2, 4), 'HELD', 'and another one');
SELECT is(pg_temp.awake(), 22::int8, 'that has its turn');
SELECT pg_temp.next();
SELECT lives_ok('SELECT bus.tick(1000)');
SELECT is(ARRAY[pg_temp.verdict_of(7), pg_temp.verdict_of(8)], '{1,3}'::int2[], 'each has it');

-- Woken by one behind it ---------------------------------------------------------------------------
SELECT pg_temp.next();
SELECT is(pg_temp.say(410, 225::int2, 45, 1::int2, jsonb_build_object('after', pg_temp.id_of(411))) || pg_temp.say(411, 225::int2, 45),
          'HELDHELD', 'one waits for the one behind it');
SELECT is(pg_temp.say(412, 224::int2, 45), 'APPLIED', 'what both wait for comes');
SELECT is(ARRAY[pg_temp.verdict_of(410), pg_temp.verdict_of(411)], '{4,1}'::int2[], 'the second is decided, then the first');
SELECT is(pg_temp.awake(), 0::int8, 'nobody is awake');

-- A judge that fails -------------------------------------------------------------------------------
SELECT pg_temp.next();
UPDATE bus.ledger_setting SET woken_per_commit = 1000;
SELECT is(pg_temp.say(500, 225::int2, 50, 1::int2, '{"raise": "P0001"}') || ' ' || pg_temp.say(501, 225::int2, 50), 'HELD HELD', 'two wait');
SELECT is(pg_temp.say(502, 224::int2, 50), 'APPLIED', 'a judge that fails for one of them is no fault of the message that wakes it');
SELECT is(ARRAY[pg_temp.verdict_of(500), pg_temp.verdict_of(501)], '{3,1}'::int2[], 'it is contested, the other one applied');
SELECT is((SELECT code || ': ' || text FROM bus.contested WHERE message_id = pg_temp.id_of(500)),
          'judge_failed: Its judge failed (P0001): broken', 'and a person sees why');
SELECT is(pg_temp.say(503, 225::int2, 51, 1::int2, '{"raise": "53100"}'), 'HELD', 'one waits');
SELECT throws_ok('SELECT pg_temp.say(504, 224::int2, 51)', '53100', 'broken', 'a disk that is full is no fault of either');
SELECT is(pg_temp.later(503), 'site_unknown held', 'it waits still');

-- Judged again and again ---------------------------------------------------------------------------
SELECT is(pg_temp.say(510, 225::int2, 52, 1::int2, jsonb_build_object('after', pg_temp.id_of(999))), 'HELD', 'one waits for what never happens');
SELECT is(pg_temp.say(511, 224::int2, 52) || ' ' || pg_temp.say(512, 225::int2, 52), 'APPLIED APPLIED', 'much else does');
SELECT is((SELECT tries || ' ' || coalesce(waits_for::text, 'nothing') FROM bus.held WHERE message_id = pg_temp.id_of(510)), '2 nothing',
          'after so many tries only a person can settle it');
SELECT is(pg_temp.say(513, 226::int2, 52), 'APPLIED', 'nothing wakes it');
SELECT is((SELECT tries FROM bus.held WHERE message_id = pg_temp.id_of(510)), 2, 'any more');

-- As of when it is woken ---------------------------------------------------------------------------
SELECT is(pg_temp.say(520, 225::int2, 53, 1::int2, '{"action": "OFFER_ACTION_IMPROVE"}', not_after => clock_timestamp() + interval '1 hour'),
          'HELD', 'a promise for an hour');
SELECT is(pg_temp.say(521, 226::int2, 53, 1::int2, '{"answer": "OFFER_ANSWER_DECLINE"}', not_after => clock_timestamp() + interval '1 hour'),
          'HELD', 'and what has happened');
SELECT is(pg_temp.say(522, 224::int2, 53, received => now() + interval '2 hours'), 'APPLIED', 'what they wait for comes two hours later');
SELECT is(ARRAY[pg_temp.verdict_of(520), pg_temp.verdict_of(521)], '{4,3}'::int2[], 'the promise is over, what happened is looked at');
SELECT is((SELECT since FROM bus.contested WHERE message_id = pg_temp.id_of(521)), now() + interval '2 hours', 'as of then');
SELECT lives_ok('SELECT bus.tick(1000)');
SELECT is((SELECT doc->'decision'->>'code' FROM bus.document WHERE type = 204 AND doc->'decision'->>'message_id' = pg_temp.id_of(520)::text),
          'expired', 'its sender hears why');
SELECT is(pg_temp.say(523, 225::int2, 54, 1::int2, '{"action": "OFFER_ACTION_IMPROVE"}', not_after => clock_timestamp() + interval '1 hour'),
          'HELD', 'another promise for an hour');
SELECT alike(pg_temp.say(524, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(523), 'ruling', 'RULING_APPLIED'),
                         'eoc.chief', received => now() + interval '2 hours'), 'REFUSED expired:%', 'no person applies what is over');

-- What never comes ---------------------------------------------------------------------------------
SELECT is(pg_temp.say(530, 225::int2, 55, 1::int2, '{"action": "OFFER_ACTION_IMPROVE"}'), 'HELD', 'a promise');
SELECT is(pg_temp.say(531, 226::int2, 55, 1::int2, '{"answer": "OFFER_ANSWER_DECLINE"}'), 'HELD', 'what has happened');
SELECT is((SELECT array_agg(due_at - since ORDER BY seq) FROM bus.held WHERE message_id IN (pg_temp.id_of(530), pg_temp.id_of(531))),
          '{24:00:00,7 days}'::interval[], 'wait for a day, and for a week');
SELECT is((SELECT due_at < now() + interval '61 minutes' FROM bus.held WHERE message_id = pg_temp.id_of(523)), true,
          'and no promise beyond its own time');
UPDATE bus.held SET due_at = clock_timestamp() - interval '1 second' WHERE message_id IN (pg_temp.id_of(530), pg_temp.id_of(531));
SELECT pg_temp.next();
SELECT lives_ok('SELECT bus.tick(1000)');
SELECT is(pg_temp.later(530) || ', ' || pg_temp.later(531), 'site_unknown 4, site_unknown 3', 'then they are settled');
SELECT is(ARRAY[pg_temp.verdict_of(530), pg_temp.verdict_of(531)], '{4,3}'::int2[], 'the promise dismissed, the other one contested');
SELECT is((SELECT string_agg((doc->'decision'->>'ruling') || ' ' || (doc->'decision'->>'code'), ', ' ORDER BY seq) FROM bus.document
            WHERE type = 204 AND doc->'decision'->>'message_id' IN (pg_temp.id_of(530)::text, pg_temp.id_of(531)::text)),
          'RULING_DISMISSED never_came, RULING_CONTESTED never_came', 'their sender hears so, once');
SELECT is((SELECT why FROM eoc.undecided WHERE message_id = pg_temp.id_of(531)) LIKE 'What it waits for has not come by %', true,
          'and a person sees what is left');
SELECT is((SELECT count(*)::int4 FROM bus.recipient_reach r JOIN bus.document d USING (seq) JOIN bus.principal p USING (principal_id)
            WHERE d.type = 204 AND p.name = 'coes.ayni.office' AND d.doc->'decision'->>'code' = 'never_came'), 2, 'it is for it');
SELECT is(pg_temp.say(532, 224::int2, 55), 'APPLIED', 'what comes after all');
SELECT is(ARRAY[pg_temp.verdict_of(530), pg_temp.verdict_of(531)], '{4,3}'::int2[], 'changes nothing of that');

-- Names --------------------------------------------------------------------------------------------
INSERT INTO bus.cycle_event VALUES ('household', 'X', 'fact', 'nothing') ON CONFLICT DO NOTHING;
CREATE FUNCTION pg_temp.household(n int4, what jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.say(n, 220::int2, 0, 1::int2, jsonb_build_object('household_id', pg_temp.id_of(70)) || what) $$;
SELECT is(pg_temp.household(540, '{"closed": {"reason": "CLOSING_REASON_SETTLED"}}'), 'HELD', 'a household that is not known is closed');
SELECT is((SELECT count(*)::int4 FROM bus.household_clock), 0, 'that destroys nothing yet');
SELECT is(pg_temp.household(541, '{"to_state": "HOUSEHOLD_STATE_AFFECTED", "affected": {"members": 4}}'), 'APPLIED', 'it comes');
SELECT is(pg_temp.verdict_of(540), 1::int2, 'and is closed');
SELECT is((SELECT household_id FROM bus.household_clock), pg_temp.id_of(70), 'now its names have their time');

-- Judged again -------------------------------------------------------------------------------------
SELECT pg_temp.next();
SELECT set_timer FROM bus.set_timer('tiny', pg_temp.id_of(9999), now() + interval '1 day');
SELECT is(pg_temp.say(550, 224::int2, 80, 1::int2, '{"timer": "quiet"}') || pg_temp.say(551, 224::int2, 81, 1::int2, '{"timer": "quiet"}'),
          'APPLIEDAPPLIED', 'two timers are set');
UPDATE bus.timer SET due_at = now() - interval '1 minute' WHERE subject = pg_temp.id_of(80) AND kind = 'quiet';
CREATE TEMP VIEW ledger AS
SELECT 'moved' AS part, to_jsonb(x) - 'step' || jsonb_build_object('turn', rank() OVER (ORDER BY step)) AS r FROM bus.moved x
UNION ALL SELECT 'held', to_jsonb(x) FROM bus.held x UNION ALL SELECT 'contested', to_jsonb(x) FROM bus.contested x
UNION ALL SELECT 'tiny', to_jsonb(x) FROM bus.tiny x UNION ALL SELECT 'verdict', to_jsonb(ARRAY[seq, verdict]) FROM bus.message
UNION ALL SELECT 'timer', to_jsonb(x) - 'timer_id' FROM bus.timer x;
SELECT pg_temp.next();
SELECT lives_ok('SELECT bus.tick(1000)');
CREATE TEMP TABLE was AS SELECT * FROM ledger;
SELECT is((SELECT array_agg(subject) FROM bus.timer WHERE kind = 'quiet'), ARRAY[pg_temp.id_of(81)], 'one of them has rung');
SELECT cmp_ok((SELECT count(*)::int4 FROM bus.rested_on WHERE what = 'turn'), '>=', 2, 'some had to wait their turn');
SELECT cmp_ok(bus.rejudge(), '>', 10::int8, 'the log is judged again');
SELECT bag_eq('SELECT * FROM was', 'SELECT * FROM ledger', 'and gives the same tables, whoever waited, and whatever never came');
SELECT pg_temp.next();
SELECT is((SELECT said FROM bus.tick(1000)), 0, 'no timer rings that has rung');

-- One sender ---------------------------------------------------------------------------------------
SELECT pg_temp.next();
UPDATE bus.ledger_setting SET held_per_sender = 3 + (SELECT count(*) FROM bus.held WHERE settled_as IS NULL AND sender_id = (SELECT principal_id FROM bus.principal WHERE name = 'coes.ayni.office'));
SELECT is(pg_temp.say(400, 225::int2, 40) || pg_temp.say(401, 225::int2, 41) || pg_temp.say(402, 225::int2, 42), 'HELDHELDHELD',
          'three of one sender wait');
SELECT alike(pg_temp.say(403, 225::int2, 43, 1::int2, '{"action": "OFFER_ACTION_IMPROVE"}'), 'REFUSED too_many_held:% messages of this sender%',
             'not four');
SELECT is(pg_temp.say(404, 225::int2, 43, who => 'jamoat.urmetan'), 'HELD', 'another sender has his own three');
SELECT is(pg_temp.say(9, 224::int2, 40) || ' ' || pg_temp.say(405, 225::int2, 44), 'APPLIED HELD', 'one is decided, another may wait');

-- Taken away ---------------------------------------------------------------------------------------
UPDATE bus.log_head SET partition_rows = 4096;
SELECT bus.make_partitions((SELECT partition_end FROM bus.log_head));
SELECT is(pg_temp.say(600, 225::int2, 60, who => 'jamoat.urmetan') || ' ' || pg_temp.say(601, 224::int2, 50), 'HELD CONTESTED', 'some wait for somebody');
SELECT isnt(bus.retire_log((SELECT partition_end FROM bus.log_head)), NULL, 'the time of the log is over');
SELECT is((SELECT count(*)::int4 FROM (SELECT said FROM bus.held UNION ALL SELECT said FROM bus.contested) AS x WHERE said IS NOT NULL), 0,
          'nothing of what it held stays with those that wait');
SELECT is((SELECT count(*)::int4 FROM (SELECT settled_as FROM bus.held UNION ALL SELECT settled_as FROM bus.contested) AS x
            WHERE settled_as IS NULL), 0, 'nobody waits any more');
SELECT * FROM finish();
ROLLBACK;
