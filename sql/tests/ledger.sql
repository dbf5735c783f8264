-- ledger: the mechanism of life cycles, with a tiny one of the tests' own (tiny.sql). Everything is undone.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

\ir tiny.sql

-- Decide -------------------------------------------------------------------------------------------
SELECT is(bus.decide('tiny', 'A', 'GO'), (1, 'B', NULL, NULL)::bus.decision, 'a legal move leads where its row says');
SELECT is((bus.decide('tiny', 'A', 'GO', '{"sober": "s", "first": "f"}')).code, 'is_first', 'the first guard that fails speaks');
SELECT is((bus.decide('tiny', 'A', 'GO', '{"other": "o"}')).verdict, 1::int2, 'guards that the row does not name are no matter');
SELECT is((bus.decide('tiny', 'B', 'GO')).verdict, 4::int2, 'a promise without a row is refused');
SELECT is((bus.decide('tiny', 'A', 'LEAVE')).verdict, 3::int2, 'a fact without a row is contested');
SELECT is((bus.decide('tiny', 'A', 'LEAVE', '{}', true)), (1, 'C', NULL, NULL)::bus.decision, 'forced, a fact goes where it leads');
SELECT alike((bus.decide('tiny', 'B', 'GO')).text, '%is B; legal now: LEAVE (OfferResponse).', 'the text says what is legal');

-- Refused, applied, contested ------------------------------------------------------------------------
SELECT is(pg_temp.say(1, 224::int2, 1), 'APPLIED', 'a site is made');
SELECT is(pg_temp.say(2, 225::int2, 1, 2::int2), 'REFUSED status: The site is ACTUAL and this message is EXERCISE; the two never mix.',
          'an exercise does not touch what is real');
SELECT is(pg_temp.head(), 1::int8, 'what is refused takes no number');
SELECT is((SELECT code || ' ' || path FROM bus.quarantine), 'status status', 'its bytes are kept');
SELECT is(pg_temp.say(3, 224::int2, 1), 'CONTESTED', 'made twice: a fact against the state');
SELECT is(pg_temp.verdict_of(3), 3::int2, 'the log says so');
SELECT is((SELECT verdict || ' ' || type || ' ' || sender FROM eoc.undecided), 'CONTESTED plot_site coes.ayni.office',
          'and a person sees it');

-- Held, woken --------------------------------------------------------------------------------------
SELECT is(pg_temp.say(10, 225::int2, 2), 'HELD', 'an offer before its site');
SELECT is(pg_temp.say(11, 226::int2, 2), 'HELD', 'and what rests on it');
SELECT is((SELECT count(*)::int4 FROM eoc.undecided WHERE verdict = 'HELD'), 2, 'both wait');
SELECT is(pg_temp.say(12, 224::int2, 2), 'APPLIED', 'the site comes');
SELECT is((SELECT state FROM bus.tiny WHERE id = pg_temp.id_of(2)), 'C', 'and everything behind it is decided, in order');
SELECT is(ARRAY[pg_temp.verdict_of(10), pg_temp.verdict_of(11)], '{1,1}'::int2[], 'the log says so');
SELECT is((SELECT string_agg(event, ' ' ORDER BY step) FROM eoc.moved WHERE entity = pg_temp.id_of(2)), 'MAKE GO LEAVE',
          'moves have the order in which they were decided');
SELECT is(pg_temp.head(), 5::int8, 'nothing is said in the middle of an append');
SELECT is((SELECT said FROM bus.tick(100)), 2, 'the tick tells the sender of both');
SELECT is((SELECT string_agg(doc->'decision'->>'ruling', ' ') FROM bus.document WHERE type = 204), 'RULING_APPLIED RULING_APPLIED',
          'as decisions');
SELECT is((SELECT count(*)::int4 FROM bus.recipient_reach r JOIN bus.document d USING (seq) JOIN bus.principal p USING (principal_id)
            WHERE d.type = 204 AND p.name = 'coes.ayni.office'), 2, 'that are for it');
SELECT is((SELECT said FROM bus.tick(100)), 0, 'once');

-- A promise that was held and cannot be kept ----------------------------------------------------------
SELECT is(pg_temp.say(20, 225::int2, 3, 1::int2, '{"fails": {"sober": "It is not sober."}}'), 'HELD', 'an offer before its site');
SELECT is(pg_temp.say(21, 224::int2, 3), 'APPLIED', 'the site comes');
SELECT is(pg_temp.verdict_of(20), 4::int2, 'it has its number, and is dismissed');
SELECT lives_ok('SELECT bus.tick(100)');
SELECT is((SELECT doc->'decision'->>'ruling' || ' ' || (doc->'decision'->>'code') FROM bus.document WHERE type = 204
            ORDER BY seq DESC LIMIT 1), 'RULING_DISMISSED not_sober', 'and its sender hears why');

-- A whole batch ---------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.say_all(types int2[], site int4, n int4) RETURNS bus.append_result LANGUAGE plpgsql AS $$
DECLARE
    k int4 := cardinality(types);
    first int8 := nextval('lane_seq');
    me int4 := (SELECT principal_id FROM bus.principal WHERE name = 'coes.ayni.office');
BEGIN
    PERFORM setval('lane_seq', first + k - 1);
    RETURN bus.append(array_fill(me, ARRAY[k]), array_fill(5::int8, ARRAY[k]), array_fill(4::int2, ARRAY[k]),
        ARRAY(SELECT generate_series(first, first + k - 1)), ARRAY(SELECT pg_temp.id_of(n + i) FROM generate_series(1, k) AS i),
        types, array_fill(1::int2, ARRAY[k]), array_fill('3505203'::text, ARRAY[k]), array_fill(now(), ARRAY[k]),
        array_fill(now(), ARRAY[k]), NULL, NULL, array_fill(48::int2, ARRAY[k]),
        ARRAY(SELECT ('\x' || to_hex(n + i + 4096))::bytea FROM generate_series(1, k) AS i), NULL, NULL, NULL,
        ARRAY[me], '{5}', '{4}', ARRAY[first], ARRAY[first + k - 1], '{1}', ARRAY[k],
        ARRAY(SELECT generate_series(1, k)),
        ARRAY(SELECT jsonb_build_object((SELECT b.name FROM bus.type b WHERE b.number = t),
                                        jsonb_build_object('site_id', pg_temp.id_of(site))) FROM unnest(types) AS t),
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0);
END
$$;
CREATE TEMP TABLE batch AS SELECT h.seq AS head_then, b.*
  FROM bus.log_head h, pg_temp.say_all('{225,224,225,120,226}', 4, 100) AS b;
SELECT is((SELECT outcome FROM batch), '{1,1,5,1,1}'::int2[], 'in a batch only what is refused has no number');
SELECT is((SELECT verdict FROM batch), '{1,1,NULL,NULL,1}'::int2[], 'what was held and decided in it, is applied');
SELECT is((SELECT seq FROM batch), (SELECT ARRAY[head_then + 1, head_then + 2, NULL, head_then + 3, head_then + 4] FROM batch),
          'numbers have no hole');
SELECT is((SELECT head FROM batch), (SELECT head_then + 4 FROM batch), 'and the head is the last of them');
SELECT is((SELECT code[3] || ' ' || path[3] FROM batch), 'state plot_offer.site_id', 'the refusal says where and why');
SELECT is((SELECT ARRAY(SELECT bus.verdict_now(seq, verdict) FROM bus.message WHERE seq > head_then ORDER BY seq) FROM batch), '{1,1,NULL,1}'::int2[],
          'the log says the same');
SELECT is((SELECT ARRAY(SELECT r.verdict FROM bus.replay(head_then, head_then + 4, 1000000, 62) AS r) FROM batch), '{1,1,NULL,1}'::int2[],
          'whoever hears it later');
SELECT is((SELECT ARRAY(SELECT v.verdict FROM eoc.message v WHERE v.seq > head_then ORDER BY v.seq) FROM batch), '{APPLIED,APPLIED,NULL,APPLIED}'::text[],
          'or asks');
SELECT is((SELECT ARRAY(SELECT verdict FROM bus.message WHERE seq > head_then ORDER BY seq) FROM batch), '{2,1,NULL,1}'::int2[],
          'what was written once is not written again');
SELECT is((SELECT count(*)::int4 FROM bus.document WHERE seq > (SELECT head_then FROM batch)), 4, 'and has the documents');
SELECT is((SELECT lane_last FROM bus.lane_run WHERE sender_id > 0 ORDER BY lane_first DESC LIMIT 1),
          (SELECT last_value FROM lane_seq), 'and knows what was seen');

-- A person decides -----------------------------------------------------------------------------------
SELECT is(pg_temp.say(30, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(1), 'ruling', 'RULING_APPLIED')),
          'REFUSED not_undecided: No message with this id is held or contested; what is shows `eocctl undecided`.',
          'there must be something to decide');
SELECT alike(pg_temp.say(31, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(3), 'ruling', 'RULING_APPLIED'),
                         'jamoat.urmetan'), 'REFUSED rights:%', 'and it must be theirs to decide');
SELECT alike(pg_temp.say(32, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(3), 'ruling', 'RULING_APPLIED')),
             'REFUSED own_message:%', 'nobody settles what he said himself');
SELECT alike(pg_temp.say(35, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(3), 'ruling', 'RULING_APPLIED'),
                         'eoc.chief', marks => 32), 'REFUSED label: The message that is decided is RESTRICTED%',
             'nor labels what is decided about it less than it');
SELECT is(pg_temp.say(36, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(3), 'ruling', 'RULING_APPLIED'),
                      'eoc.chief'), 'APPLIED', 'what is contested another one applies all the same');
SELECT is(pg_temp.verdict_of(3), 1::int2, 'the log says so');
SELECT is(pg_temp.say(37, 225::int2, 9) || ' ' || pg_temp.say(37, 225::int2, 9, who => 'jamoat.urmetan'), 'HELD HELD',
          'two senders give their messages the same id');
SELECT is(pg_temp.say(38, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(37), 'ruling', 'RULING_DISMISSED'),
                      'eoc.chief'),
          format('REFUSED ambiguous: Several senders gave this id to a message: they are numbers %s and %s. Say which one in decision.seq.',
                 pg_temp.head() - 1, pg_temp.head()), 'which one is meant, has to be said');
SELECT alike(pg_temp.say(39, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(37), 'ruling', 'RULING_DISMISSED',
                                                                       'seq', '1'), 'eoc.chief'), 'REFUSED not_undecided:%',
             'by a number of one of them');
SELECT is(pg_temp.say(52, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(37), 'ruling', 'RULING_DISMISSED',
                                                                    'seq', pg_temp.head()::text), 'eoc.chief'), 'APPLIED', 'as it is here');
SELECT is((SELECT array_agg(coalesce(settled_as, 0) ORDER BY seq) FROM bus.held WHERE message_id = pg_temp.id_of(37)), '{0,4}',
          'it was the other one''s');
SELECT is(pg_temp.say(53, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(37), 'ruling', 'RULING_DISMISSED'),
                      'eoc.chief'), 'APPLIED', 'then one is left');
SELECT is(pg_temp.say(33, 225::int2, 9), 'HELD', 'something that waits for what never comes');
SELECT is(pg_temp.say(34, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(33), 'ruling', 'RULING_DISMISSED'),
                      'eoc.chief'), 'APPLIED', 'is dismissed');
SELECT is(pg_temp.verdict_of(33), 4::int2, 'and stays in the log');
SELECT is((SELECT count(*)::int4 FROM eoc.undecided), 0, 'nothing waits for anybody');

-- Whose it is ----------------------------------------------------------------------------------------
INSERT INTO bus.principal (name, agency, places, roles, serial) VALUES
    ('coes.zafarobod.office', 'coes', '3508217', 'registry', 0), ('coes.jamoat.office', 'coes', '350821701', 'district', 0),
    ('eoc.duty', 'eoc', '', 'registry', 0);
SELECT is(pg_temp.say(40, 224::int2, 5, 1::int2, '{"pcode": "3508217"}', 'coes.zafarobod.office', '3508217'), 'APPLIED',
          'a site of another district');
SELECT is(pg_temp.say(41, 225::int2, 5, 1::int2, '{"action": "OFFER_ACTION_MAKE"}', 'jamoat.urmetan'),
          'REFUSED place: The site is in 3508217 and this message names 3505203; an office of that place says it, or the operations centre.',
          'whoever names another place decides nothing about it');
SELECT is(pg_temp.say(42, 225::int2, 5, 1::int2, '{"action": "OFFER_ACTION_MAKE"}', 'coes.jamoat.office', '350821701'),
          'REFUSED place: The site is in 3508217 and this message names 350821701; an office of that place says it, or the operations centre.',
          'nor does a part of its place');
SELECT is(pg_temp.say(43, 225::int2, 5, 1::int2, '{"action": "OFFER_ACTION_MAKE"}', 'eoc.duty', '3505203'), 'APPLIED',
          'who may say it there, may');
SELECT alike(pg_temp.say(54, 225::int2, 5, 1::int2, '{"action": "OFFER_ACTION_MAKE"}', 'eoc.duty', '3505203'), 'REFUSED state:%',
             'if it is legal');
SELECT is((SELECT array_agg(what || ' ' || detail) FROM bus.rested_on), '{right 3508217}',
          'and that stands beside the log, of nothing that was refused');
SELECT is(pg_temp.say(44, 226::int2, 5, 1::int2, '{"answer": "OFFER_ANSWER_DECLINE"}', 'jamoat.urmetan'), 'CONTESTED',
          'what has happened elsewhere is contested');
SELECT alike(pg_temp.say(45, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(44), 'ruling', 'RULING_APPLIED'),
                         'coes.ayni.office', '3505203'), 'APPLIED', 'until somebody applies it who may decide there');
SELECT is(pg_temp.say(46, 224::int2, 6, 1::int2, '{"pcode": "3508217"}', 'coes.zafarobod.office', '3508217'), 'APPLIED',
          'another site');
SELECT is(pg_temp.say(47, 225::int2, 6, 1::int2, '{"action": "OFFER_ACTION_MAKE"}', 'coes.zafarobod.office', '3508000'), 'APPLIED',
          'a district speaks of what is in it');
SELECT is(pg_temp.say(48, 226::int2, 6, 1::int2, '{"answer": "OFFER_ANSWER_DECLINE"}', 'jamoat.urmetan'), 'CONTESTED',
          'contested again');
INSERT INTO bus.rule (role, effect, verb, types, places, label, note)
VALUES ('district', 'allow', 'say', 'decision', '3505203', 'HOUSEHOLD_PERSONAL', '');
INSERT INTO bus.principal (name, agency, places, roles, serial) VALUES ('friend.ayni', 'friend', '3505203', 'district', 0);
SELECT alike(pg_temp.say(49, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(48), 'ruling', 'RULING_APPLIED'),
                         'friend.ayni'), 'REFUSED place: It cannot be applied all the same: %the decision names 3505203%',
             'a friend in the same wrong place does not apply it');
SELECT is(pg_temp.say(50, 226::int2, 6, 1::int2, '{"answer": "OFFER_ANSWER_DECLINE"}', 'coes.jamoat.office', '350821701'), 'APPLIED',
          'what happened in a part of its place, its jamoat says');
SELECT is(pg_temp.say(51, 204::int2, 0, 1::int2, jsonb_build_object('message_id', pg_temp.id_of(48), 'ruling', 'RULING_DISMISSED'),
                         'coes.ayni.office'), 'APPLIED', 'dismissed');
UPDATE bus.principal SET roles = 'gateway' WHERE name IN ('eoc.duty', 'coes.ayni.office');
SELECT is((SELECT array_agg(bus.two_distinct(a, b)) FROM (VALUES ('Azimov', 'Rahmon'), ('Azimov', ' AZIMOV '), ('Айнӣ Б.', 'айнӣ  б.'),
              ('a', ''), (NULL, 'a'), ('', '')) AS x(a, b)), '{t,f,f,f,f,f}', 'two people are two, however they are typed');
SELECT is(bus.count_of(1, 'household') || ', ' || bus.count_of(2, 'household') || ', ' || bus.count_of(0, 'family', 'families'),
          '1 household, 2 households, 0 families', 'one is one');

-- Timers ---------------------------------------------------------------------------------------------
SELECT is((SELECT count(*)::int4 FROM bus.timer WHERE subject = pg_temp.id_of(2)), 0, 'a timer that was stopped is gone');
UPDATE bus.timer SET due_at = now() - interval '1 minute' WHERE subject = pg_temp.id_of(1);
SELECT bus.set_timer('broken', pg_temp.id_of(1), now() - interval '2 minutes');
SELECT lives_ok('SELECT bus.tick(100)', 'one that fails does not stop the tick');
SELECT is((SELECT state FROM bus.tiny WHERE id = pg_temp.id_of(1)), 'B', 'the others ring, and what they say is judged');
SELECT is((SELECT kind || ' ' || trouble FROM bus.timer WHERE trouble <> ''), 'broken broken', 'what failed is kept with its reason');
SELECT is((SELECT said FROM bus.tick(100)), 0, 'each rings once');
SELECT is((SELECT r.set_seq FROM bus.rang r WHERE r.subject = pg_temp.id_of(1) AND r.kind = 'tiny'),
          (SELECT m.seq FROM bus.message m WHERE m.message_id = pg_temp.id_of(36)), 'it stands that it rang, and who set it');
SELECT set_has($$SELECT doc->'audit_event'->>'what' FROM bus.document WHERE type = 243$$, $$VALUES ('timer_failed')$$,
               'and stands in the record');

-- Judged again ---------------------------------------------------------------------------------------
CREATE TEMP TABLE was AS
SELECT 'moved' AS part, to_jsonb(x) - 'step' || jsonb_build_object('turn', rank() OVER (ORDER BY step)) AS r FROM bus.moved x
UNION ALL SELECT 'held', to_jsonb(x) FROM bus.held x UNION ALL SELECT 'contested', to_jsonb(x) FROM bus.contested x
UNION ALL SELECT 'tiny', to_jsonb(x) FROM bus.tiny x UNION ALL SELECT 'verdict', to_jsonb(ARRAY[seq, verdict]) FROM bus.message
UNION ALL SELECT 'timer', to_jsonb(x) - 'timer_id' FROM bus.timer x WHERE x.kind <> 'broken';
SELECT cmp_ok(bus.rejudge(), '>', 10::int8, 'the whole log is judged again');
CREATE TEMP TABLE is_now AS
SELECT 'moved' AS part, to_jsonb(x) - 'step' || jsonb_build_object('turn', rank() OVER (ORDER BY step)) AS r FROM bus.moved x
UNION ALL SELECT 'held', to_jsonb(x) FROM bus.held x UNION ALL SELECT 'contested', to_jsonb(x) FROM bus.contested x
UNION ALL SELECT 'tiny', to_jsonb(x) FROM bus.tiny x UNION ALL SELECT 'verdict', to_jsonb(ARRAY[seq, verdict]) FROM bus.message
UNION ALL SELECT 'timer', to_jsonb(x) - 'timer_id' FROM bus.timer x WHERE x.kind <> 'broken';
SELECT bag_eq('SELECT * FROM was', 'SELECT * FROM is_now', 'and gives the same tables');
SELECT is((SELECT count(*)::int4 FROM bus.to_say), 0, 'without a word');

-- The rules that are there ---------------------------------------------------------------------------
-- Each cycle: ends are ends, every state is reached, from every open state an end is.
CREATE TEMP VIEW walk AS
WITH RECURSIVE w AS (
    SELECT cycle, from_state AS at, to_state AS to FROM bus.transition
    UNION SELECT w.cycle, w.at, t.to_state FROM w JOIN bus.transition t ON t.cycle = w.cycle AND t.from_state = w.to)
SELECT * FROM w;
SELECT is_empty($$SELECT s.cycle, s.state FROM bus.cycle_state s
                   WHERE NOT EXISTS (SELECT FROM walk w WHERE w.cycle = s.cycle AND w.at = '' AND w.to = s.state)$$,
                'every state is reached from nothing');
SELECT is_empty($$SELECT s.cycle, s.state FROM bus.cycle_state s WHERE s.is_open AND NOT EXISTS (
                      SELECT FROM walk w JOIN bus.cycle_state e ON e.cycle = w.cycle AND e.state = w.to AND NOT e.is_open
                       WHERE w.cycle = s.cycle AND w.at = s.state)$$, 'from every open state an end is reached');
SELECT is_empty($$SELECT t.cycle, t.from_state FROM bus.transition t WHERE t.from_state <> ''
                     AND NOT EXISTS (SELECT FROM bus.cycle_state s WHERE s.cycle = t.cycle AND s.state = t.from_state)$$,
                'moves begin in states that there are');
SELECT is_empty($$SELECT t.cycle, t.event, g FROM bus.transition t, unnest(t.guards) AS g
                   WHERE NOT EXISTS (SELECT FROM bus.cycle_guard c WHERE c.cycle = t.cycle AND c.guard = g)$$,
                'every guard that is named is there');
SELECT is_empty($$SELECT c.cycle, c.guard FROM bus.cycle_guard c
                   WHERE NOT EXISTS (SELECT FROM bus.transition t WHERE t.cycle = c.cycle AND c.guard = ANY (t.guards))$$,
                'and every guard that is there is named');
SELECT is_empty($$SELECT e.cycle, e.event FROM bus.cycle_event e
                   WHERE NOT EXISTS (SELECT FROM bus.transition t WHERE (t.cycle, t.event) = (e.cycle, e.event))$$,
                'every event moves something');
SELECT * FROM finish();
ROLLBACK;
