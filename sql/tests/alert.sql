-- alert: who is asked to take an alarm or an alert, one after the other, and when that stops.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap. Time
-- passes by moving the timers; nothing waits.
\ir lib/begin.sql

DELETE FROM bus.audit_pending;
INSERT INTO bus.principal (name, agency, roles, serial)
SELECT n, 'coes', 'all', 0 FROM unnest(ARRAY['coes.ayni.gw', 'coes.ayni.duty', 'coes.ayni.second', 'coes.khujand.hub', 'coes.dushanbe.desk',
                                             'coes.dushanbe.chief', 'coes.dushanbe.night']) AS n;
\ir lib/tell.sql
-- Says one message; answers its verdict, and the code if there is one.
CREATE FUNCTION pg_temp.tell(who text, type_name text, body jsonb, n int DEFAULT NULL, status int DEFAULT 1, pcodes text DEFAULT '3505203',
                             at timestamptz DEFAULT clock_timestamp(), not_after timestamptz DEFAULT NULL, more jsonb DEFAULT '{}')
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_temp.verdict(pg_temp.append(who, type_name, jsonb_build_object(type_name, body) || more, coalesce(pg_temp.uid(n), gen_random_uuid()),
                                          status, pcodes, at, not_after => not_after, lane => 3));
END
$$;
-- From an hour ago for a day.
CREATE FUNCTION pg_temp.roster(role text, place text, shifts jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell('coes.dushanbe.chief', 'duty_roster', jsonb_build_object('role', role, 'place', place,
        'period', jsonb_build_object('from_us', bus.us(now() - interval '1 hour')::text, 'to_us', bus.us(now() + interval '1 day')::text),
        'shifts', (SELECT coalesce(jsonb_agg(jsonb_build_object('order', 1, 'period', jsonb_build_object(
                     'from_us', bus.us(now() - interval '1 hour')::text, 'to_us', bus.us(now() + interval '1 day')::text)) || s), '[]')
                     FROM jsonb_array_elements(shifts) AS s)))
$$;
CREATE FUNCTION pg_temp.alarm(n int, more jsonb DEFAULT '{}', status int DEFAULT 1, at timestamptz DEFAULT clock_timestamp(),
                              pcodes text DEFAULT '3505203', torrent int DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell('coes.ayni.gw', 'sensor_detection', jsonb_build_object('level', 'DETECTION_LEVEL_ALARM', 'hazard', 'HAZARD_MUDFLOW',
                                                                               'torrent_id', coalesce(torrent, n)) || more,
                        n, status, pcodes, at)
$$;
CREATE FUNCTION pg_temp.cap(n int, more jsonb DEFAULT '{}', info jsonb DEFAULT '{"urgency": "URGENCY_IMMEDIATE"}', who text DEFAULT 'coes.dushanbe.desk',
                            incidents jsonb DEFAULT '[]', pcodes text DEFAULT '3505203') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell(who, 'public_alert', jsonb_build_object('identifier', 'A' || n, 'cap_sender', 'coes.tj', 'status', 'CAP_STATUS_ACTUAL',
                                                                'msg_type', 'CAP_MSG_TYPE_ALERT', 'infos', jsonb_build_array(info)) || more,
                        n, 1, pcodes, not_after => clock_timestamp() + interval '2 hours', more => jsonb_build_object('incident_ids', incidents))
$$;
CREATE FUNCTION pg_temp.answers(who text, n int, level text DEFAULT 'ACCEPTED', status int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell(who, 'receipt', jsonb_build_object('message_id', pg_temp.uid(n), 'level', 'RECEIPT_LEVEL_' || level, 'by', who), status => status)
$$;
CREATE FUNCTION pg_temp.state(n int) RETURNS text LANGUAGE sql AS $$ SELECT state FROM bus.alert WHERE alert_id = pg_temp.uid(n) $$;
CREATE FUNCTION pg_temp.timer(n int) RETURNS timestamptz LANGUAGE sql AS $$ SELECT due_at FROM bus.timer WHERE kind = 'alert' AND subject = pg_temp.uid(n) $$;
CREATE FUNCTION pg_temp.tick() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 9 LOOP
        PERFORM bus.tick(100);
    END LOOP;
END
$$;
-- The time of its next step has come.
CREATE FUNCTION pg_temp.lapse(n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE bus.timer SET due_at = clock_timestamp() - interval '1 ms' WHERE kind = 'alert' AND subject = pg_temp.uid(n);
    PERFORM pg_temp.tick();
END
$$;
-- What the bus said of it, oldest first: "STARTED 1 duty@3505203 > to".
CREATE FUNCTION pg_temp.said(n int) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(concat_ws(' ', substr(e->>'outcome', 20), e->>'step', e->>'target_role',
                               '> ' || (SELECT string_agg(t, ' ') FROM jsonb_array_elements_text(d.doc->'to') AS t)) ORDER BY d.seq)
      FROM bus.document d CROSS JOIN LATERAL (SELECT d.doc->'escalation_event' AS e) AS x
     WHERE d.type = 182 AND d.sender_id = 0 AND e->>'alert_id' = pg_temp.uid(n)::text
$$;

-- The rules ----------------------------------------------------------------------------------------
-- Every state and event: what is not in here is no move.
CREATE TEMP TABLE want (from_state text, event text, to_state text);
INSERT INTO want SELECT f, e, t FROM (VALUES
    ('', 'ISSUE', 'ISSUED'),
    ('ISSUED', 'ASK', 'ISSUED'), ('ESCALATED', 'ASK', 'ESCALATED'), ('ACKNOWLEDGED', 'ASK', 'ACKNOWLEDGED'),
    ('ISSUED', 'ESCALATE', 'ESCALATED'), ('ESCALATED', 'ESCALATE', 'ESCALATED'), ('ACKNOWLEDGED', 'ESCALATE', 'ACKNOWLEDGED'),
    ('ISSUED', 'EXHAUST', 'UNANSWERED'), ('ESCALATED', 'EXHAUST', 'UNANSWERED'), ('ACKNOWLEDGED', 'EXHAUST', 'ACKNOWLEDGED'),
    ('ISSUED', 'ACCEPT', 'ISSUED'), ('ESCALATED', 'ACCEPT', 'ESCALATED'), ('UNANSWERED', 'ACCEPT', 'UNANSWERED'), ('ACKNOWLEDGED', 'ACCEPT', 'ACKNOWLEDGED'),
    ('ISSUED', 'REJECT', 'ISSUED'), ('ESCALATED', 'REJECT', 'ESCALATED'), ('UNANSWERED', 'REJECT', 'UNANSWERED'), ('ACKNOWLEDGED', 'REJECT', 'ACKNOWLEDGED'),
    ('ISSUED', 'TAKE_BACK', 'ISSUED'), ('ESCALATED', 'TAKE_BACK', 'ESCALATED'), ('UNANSWERED', 'TAKE_BACK', 'UNANSWERED'), ('ACKNOWLEDGED', 'TAKE_BACK', 'ESCALATED'),
    ('ISSUED', 'EXPIRE', 'OVER'), ('ESCALATED', 'EXPIRE', 'OVER'), ('UNANSWERED', 'EXPIRE', 'OVER'), ('ACKNOWLEDGED', 'EXPIRE', 'OVER'), ('CLEARED', 'EXPIRE', 'OVER'),
    ('ISSUED', 'PAUSE', 'CLEARED'), ('ESCALATED', 'PAUSE', 'CLEARED'), ('ACKNOWLEDGED', 'PAUSE', 'CLEARED'),
    ('CLEARED', 'RESUME', 'ISSUED'), ('CLEARED', 'RESUME_ESCALATED', 'ESCALATED'), ('CLEARED', 'RESUME_TAKEN', 'ACKNOWLEDGED')) AS v(f, e, t);
INSERT INTO want SELECT 'CLEARED', e, 'CLEARED' FROM unnest('{ASK,ESCALATE,EXHAUST,ACCEPT,ACKNOWLEDGE,REJECT,TAKE_BACK}'::text[]) AS e;
INSERT INTO want SELECT s, e, t FROM unnest(ARRAY['ISSUED', 'ESCALATED', 'UNANSWERED', 'ACKNOWLEDGED']) AS s,
    (VALUES ('ACKNOWLEDGE', 'ACKNOWLEDGED'), ('CANCEL', 'CANCELLED'), ('SUPERSEDE', 'OVER'), ('CLEAR', 'OVER')) AS v(e, t);
SELECT is((bus.decide('alert', s, e)).to_state, w.to_state, format('%s from %s', e, coalesce(nullif(s, ''), 'nothing')))
  FROM (SELECT state AS s FROM bus.cycle_state WHERE cycle = 'alert' UNION ALL SELECT '') AS s
 CROSS JOIN (SELECT event AS e FROM bus.cycle_event WHERE cycle = 'alert') AS e
  LEFT JOIN want w ON w.from_state = s AND w.event = e ORDER BY s, e;
SELECT is_empty($$SELECT e.type, e.level, e.hazard, e.place FROM bus.escalation_rule e GROUP BY 1, 2, 3, 4
                  HAVING min(step) <> 1 OR max(step) <> count(*) OR (array_agg(after ORDER BY step))[1] <> '0'$$,
                'every ladder begins at once with step 1 and has no holes');
SELECT results_eq($$SELECT level, max(since_beginning) FROM eoc.escalation_rule WHERE type = 'public_alert' GROUP BY level ORDER BY level$$,
                  $$VALUES ('EVACUATE', interval '6 min'), ('IMMEDIATE', interval '10 min')$$, 'the chief is called after so long');

-- A detection, step by step ------------------------------------------------------------------------
SELECT pg_temp.roster('duty', '3505203', '[{"principal": "coes.ayni.duty"}, {"principal": "coes.ayni.second", "order": 2}]') \g /dev/null
SELECT pg_temp.roster('dispatcher', '3505000', '[{"principal": "coes.khujand.hub"}]') \g /dev/null
SELECT pg_temp.roster('dispatcher', '3501000', '[{"principal": "coes.dushanbe.desk"}]') \g /dev/null
SELECT pg_temp.roster('chief', '3501000', '[{"principal": "coes.dushanbe.chief"}]') \g /dev/null

SELECT is(pg_temp.alarm(1), 'none', 'an alarm may be warned first: it has no verdict');
SELECT is(pg_temp.state(1), 'ISSUED', 'but it waits for somebody');
SELECT is(pg_temp.said(1), NULL, 'a judge says nothing itself');
SELECT pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(1), ARRAY['STARTED 1 duty@3505203 > duty@3505203'], 'the duty officer of the district is asked at once');
SELECT is(pg_temp.timer(1) - (SELECT asked_at FROM bus.alert WHERE alert_id = pg_temp.uid(1)), interval '60 s', 'and has a minute');
SELECT is((SELECT eoc.at(doc->'escalation_event'->>'deadline_us') - event_at BETWEEN interval '59 s' AND interval '61 s'
             FROM bus.document WHERE type = 182), true, 'which the message tells');
SELECT is((SELECT array_agg(p.name) FROM bus.recipient_reach e JOIN bus.document d ON d.seq = e.seq AND d.type = 182
             JOIN bus.principal p USING (principal_id)), ARRAY['coes.ayni.duty'], 'it goes to who is called first');
SELECT is((SELECT verdict FROM bus.message WHERE type = 182), 1::int2, 'the ledger applied what the bus said');
SELECT is(pg_temp.answers('coes.ayni.duty', 1, 'DISPLAYED'), 'none', 'to have seen it');
SELECT isnt(pg_temp.timer(1), NULL, 'stops nothing');
SELECT is(pg_temp.answers('coes.ayni.gw', 1), 'none', 'nor does the word of somebody else');
SELECT is(pg_temp.answers('coes.dushanbe.night', 1), 'none', 'who is not on duty');
SELECT is((SELECT array_agg(note ORDER BY seq) FROM bus.alert_answer), ARRAY['own', 'not_asked'], 'it is kept with the reason');
SELECT is(pg_temp.state(1), 'ISSUED', 'it still waits');
SELECT is((SELECT concat_ws(' ', state, level, step, asked, next_asks, acks, acks_needed) FROM eoc.alert_open),
          'ISSUED ALARM 1 {duty@3505203} dispatcher@region 0 1', 'people see who was asked and who is next');
SELECT is(pg_temp.answers('coes.ayni.duty', 1), 'APPLIED', 'he takes it');
SELECT is(pg_temp.state(1), 'ACKNOWLEDGED', 'and it is taken');
SELECT is(pg_temp.timer(1), NULL, 'nobody else will be asked');
SELECT pg_temp.tick() \g /dev/null
SELECT is(cardinality(pg_temp.said(1)), 1, 'and nothing more is said');
SELECT is((SELECT count(*) FROM eoc.alert_open), 0::int8, 'nobody has to look');
SELECT is((SELECT concat_ws(' ', what, by) FROM eoc.escalation WHERE alert_id = pg_temp.uid(1) AND note = '' ORDER BY at DESC LIMIT 1),
          'ACCEPTED coes.ayni.duty', 'its history tells who');
SELECT is(pg_temp.answers('coes.ayni.duty', 1), 'none', 'once is enough');
SELECT is(pg_temp.answers('coes.khujand.hub', 1), 'APPLIED', 'one more may say so');
SELECT is((SELECT acks FROM bus.alert WHERE alert_id = pg_temp.uid(1)), 2::int2, 'which is counted');

SELECT pg_temp.alarm(2), pg_temp.tick() \g /dev/null
SELECT pg_temp.lapse(2) \g /dev/null
SELECT is(pg_temp.state(2), 'ESCALATED', 'nobody answers: the next');
SELECT is(pg_temp.timer(2) - (SELECT asked_at FROM bus.alert WHERE alert_id = pg_temp.uid(2)), interval '2 min', 'who has two minutes');
SELECT pg_temp.lapse(2) \g /dev/null
SELECT is(pg_temp.said(2), ARRAY['STARTED 1 duty@3505203 > duty@3505203', 'STARTED 2 dispatcher@3505000 > dispatcher@3505000',
                                 'STARTED 3 dispatcher@3501000 > dispatcher@3501000'], 'one after the other');
SELECT is(pg_temp.tell('coes.dushanbe.desk', 'receipt', jsonb_build_object('level', 'RECEIPT_LEVEL_ACCEPTED', 'by', 'x', 'message_id',
            (SELECT message_id FROM bus.document WHERE type = 182 ORDER BY seq DESC LIMIT 1))), 'APPLIED', 'who answers what asked him');
SELECT is(pg_temp.state(2), 'ACKNOWLEDGED', 'has answered the alarm');
SELECT pg_temp.tick() \g /dev/null
SELECT is((pg_temp.said(2))[4], 'ANSWERED 3 dispatcher@3501000 > dispatcher@3505000 duty@3505203', 'those who were asked before hear that it is taken');
SELECT is(cardinality(pg_temp.said(2)), 4, 'once');
SELECT is((SELECT after FROM eoc.escalation WHERE alert_id = pg_temp.uid(2) AND what = 'ACCEPTED') < interval '1 min', true,
          'how long he took counts from when he was asked');

SELECT pg_temp.alarm(3), pg_temp.tick() \g /dev/null
SELECT pg_temp.lapse(3), pg_temp.lapse(3), pg_temp.lapse(3) \g /dev/null
SELECT is((pg_temp.said(3))[4], 'STARTED 4 chief@3501000 > chief@3501000', 'the last');
SELECT is(pg_temp.timer(3) - (SELECT asked_at FROM bus.alert WHERE alert_id = pg_temp.uid(3)), interval '5 min', 'has five minutes');
SELECT pg_temp.lapse(3) \g /dev/null
SELECT is((pg_temp.said(3))[5], 'EXHAUSTED 4 chief@3501000', 'then there is nobody left to ask');
SELECT is(pg_temp.state(3), 'UNANSWERED', 'and it is unanswered');
SELECT is(pg_temp.timer(3), NULL, 'and rings no more');
SELECT pg_temp.alarm(4) \g /dev/null
SELECT is((SELECT array_agg(state ORDER BY state = 'UNANSWERED' DESC, began_at) FROM eoc.alert_open), ARRAY['UNANSWERED', 'ISSUED'], 'people see that first');
SELECT is(pg_temp.answers('coes.khujand.hub', 3), 'APPLIED', 'late');
SELECT is(pg_temp.state(3), 'ACKNOWLEDGED', 'is better than never');

-- Rejected -----------------------------------------------------------------------------------------
SELECT pg_temp.tick() \g /dev/null
SELECT is(pg_temp.answers('coes.ayni.duty', 4, 'REJECTED'), 'APPLIED', 'not I');
SELECT pg_temp.tick() \g /dev/null
SELECT is((pg_temp.said(4))[2], 'STARTED 2 dispatcher@3505000 > dispatcher@3505000', 'the next at once');
SELECT is(pg_temp.answers('coes.ayni.second', 4, 'REJECTED'), 'APPLIED', 'nor I');
SELECT pg_temp.tick() \g /dev/null
SELECT is(cardinality(pg_temp.said(4)), 2, 'of one role that moves on once');
SELECT is(pg_temp.answers('coes.khujand.hub', 4), 'APPLIED', 'I do');
SELECT is(pg_temp.answers('coes.dushanbe.chief', 4, 'REJECTED'), 'APPLIED', 'what another cannot');
SELECT is(pg_temp.state(4), 'ACKNOWLEDGED', 'is no matter when one has it');
SELECT is(pg_temp.answers('coes.khujand.hub', 4, 'REJECTED'), 'APPLIED', 'the road is cut: I cannot after all');
SELECT is(pg_temp.state(4), 'ESCALATED', 'it waits again');
SELECT pg_temp.tick() \g /dev/null
SELECT is((pg_temp.said(4))[4], 'STARTED 3 dispatcher@3501000 > dispatcher@3501000', 'and goes on where it stood');
SELECT is((SELECT acks FROM bus.alert WHERE alert_id = pg_temp.uid(4)), 0::int2, 'without his word');

-- Repeated, cleared --------------------------------------------------------------------------------
SELECT is(pg_temp.alarm(5, '{"previous_level": "DETECTION_LEVEL_ALARM"}', torrent => 4), 'none', 'the gateway says the same again');
SELECT is((SELECT repeats FROM bus.alert WHERE alert_id = pg_temp.uid(4)), 1, 'which is no other alarm');
SELECT is(pg_temp.state(5), NULL, 'nobody is asked anew');
SELECT is(pg_temp.answers('coes.dushanbe.desk', 5), 'APPLIED', 'who takes that one');
SELECT is(pg_temp.state(4), 'ACKNOWLEDGED', 'takes this one');
SELECT pg_temp.alarm(6, '{"previous_level": "DETECTION_LEVEL_WARNING"}', torrent => 4) \g /dev/null
SELECT is(pg_temp.state(6), 'ISSUED', 'a second surge asks again');
SELECT pg_temp.alarm(7, '{"level": "DETECTION_LEVEL_CLEAR"}', at => clock_timestamp() - interval '5 min', torrent => 4) \g /dev/null
SELECT is(pg_temp.state(6), 'ISSUED', 'an old all-clear that comes late ends nothing');
SELECT pg_temp.alarm(8, '{"level": "DETECTION_LEVEL_CLEAR"}', torrent => 4) \g /dev/null
SELECT is(ARRAY[pg_temp.state(4), pg_temp.state(6)], ARRAY['OVER', 'OVER'], 'this one does');
SELECT is(pg_temp.timer(6), NULL, 'and stops the timer');
SELECT is(pg_temp.answers('coes.ayni.duty', 6), 'none', 'then there is nothing to take');
SELECT pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(6), NULL, 'nobody was asked');
SELECT pg_temp.alarm(9, '{"level": "DETECTION_LEVEL_WARNING"}') \g /dev/null
SELECT is(pg_temp.state(9), NULL, 'a warning has no ladder');

-- Nobody on duty, delegation -----------------------------------------------------------------------
SELECT pg_temp.roster('duty', '3505203', '[]') \g /dev/null
SELECT pg_temp.roster('dispatcher', '3505000', '[{"principal": "coes.dushanbe.night", "delegated_by": "coes.khujand.hub"}]') \g /dev/null
SELECT pg_temp.alarm(20), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(20), ARRAY['STARTED 2 dispatcher@3505000 > dispatcher@3505000'], 'nobody is on duty: the next at once');
SELECT is((SELECT concat_ws(' ', step, asked, nobody_on_duty) FROM eoc.alert_open WHERE alert_id = pg_temp.uid(20)),
          '2 {dispatcher@3505000} {duty@3505203}', 'and people see that nobody was');
SELECT is((SELECT array_agg(p.name) FROM bus.recipient_reach e JOIN bus.principal p USING (principal_id)
            WHERE e.seq = (SELECT max(seq) FROM bus.document WHERE type = 182)), ARRAY['coes.dushanbe.night'], 'who has the turn of another is asked');
SELECT is(pg_temp.answers('coes.khujand.hub', 20), 'none', 'who gave it away');
SELECT is(pg_temp.answers('coes.dushanbe.night', 20), 'APPLIED', 'has not got it');
SELECT is(pg_temp.state(20), 'ACKNOWLEDGED', 'the other has');
SELECT pg_temp.roster('dispatcher', '3505000', '[{"principal": "coes.dushanbe.night", "delegated_by": "coes.khujand.hub", "delegated_types": ["public_alert"]}]') \g /dev/null
SELECT pg_temp.alarm(21), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(21), ARRAY['STARTED 3 dispatcher@3501000 > dispatcher@3501000'], 'a delegation for alerts is none for alarms');
SELECT pg_temp.cap(22), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(22), ARRAY['STARTED 2 dispatcher@3505000 > coes.dushanbe.night'], 'but for alerts it is');
SELECT is(pg_temp.answers('coes.dushanbe.desk', 22), 'none', 'who said an alert does not take it');
SELECT is(pg_temp.answers('coes.dushanbe.night', 22), 'APPLIED', 'others do');
SELECT pg_temp.roster('dispatcher', '3505000', '[]'), pg_temp.roster('dispatcher', '3501000', '[]'), pg_temp.roster('chief', '3501000', '[]') \g /dev/null
SELECT pg_temp.alarm(23), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(23), ARRAY['EXHAUSTED 4 chief@3501000'], 'nobody at all');
SELECT is((SELECT concat_ws(' ', state, cardinality(nobody_on_duty)) FROM eoc.alert_open WHERE alert_id = pg_temp.uid(23)), 'UNANSWERED 4',
          'is said at once, and seen');
SELECT is(pg_temp.answers('coes.dushanbe.desk', 23), 'none', 'who is not on duty takes nothing');
SELECT pg_temp.roster('dispatcher', '3501000', '[{"principal": "coes.dushanbe.desk"}]') \g /dev/null
SELECT is(pg_temp.answers('coes.dushanbe.desk', 23), 'APPLIED', 'until there is a roster that says so');
SELECT pg_temp.roster('duty', '3505203', '[{"principal": "coes.ayni.duty"}, {"principal": "coes.ayni.second", "order": 2}]'),
       pg_temp.roster('dispatcher', '3505000', '[{"principal": "coes.khujand.hub"}]'), pg_temp.roster('chief', '3501000', '[{"principal": "coes.dushanbe.chief"}]') \g /dev/null
SELECT pg_temp.alarm(24), pg_temp.tick() \g /dev/null
SELECT pg_temp.roster('duty', '3505203', '[{"principal": "coes.dushanbe.night"}]') \g /dev/null
SELECT is(pg_temp.answers('coes.ayni.duty', 24), 'APPLIED', 'who was asked may answer after his turn');
SELECT pg_temp.roster('duty', '3505203', '[{"principal": "coes.ayni.duty"}, {"principal": "coes.ayni.second", "order": 2}]') \g /dev/null
SELECT pg_temp.alarm(25, pcodes => '3505203 3505217001'), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(25), ARRAY['STARTED 1 duty@3505203 > duty@3505203'], 'of two districts the one that has somebody');
SELECT pg_temp.roster('duty', '3505217', '[{"principal": "coes.dushanbe.night"}]') \g /dev/null
SELECT pg_temp.alarm(26, pcodes => '3505203 3505217001'), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(26), ARRAY['STARTED 1 duty@3505203 > duty@3505203', 'STARTED 1 duty@3505217 > duty@3505217'], 'or both');
SELECT is(pg_temp.state(26), 'ISSUED', 'which is one step');
SELECT pg_temp.alarm(27, pcodes => '3501000'), pg_temp.tick() \g /dev/null
SELECT pg_temp.lapse(27) \g /dev/null
SELECT is(pg_temp.said(27), ARRAY['STARTED 2 dispatcher@3501000 > dispatcher@3501000', 'STARTED 4 chief@3501000 > chief@3501000'],
          'where hub and centre are one, it is asked once');

-- Two acknowledgements -----------------------------------------------------------------------------
SELECT pg_temp.cap(30, info => '{"urgency": "URGENCY_IMMEDIATE", "response_types": ["CAP_RESPONSE_TYPE_EVACUATE"]}', who => 'coes.dushanbe.night', incidents => jsonb_build_array(pg_temp.uid(730))), bus.tick(100) \g /dev/null
SELECT is(pg_temp.said(30), ARRAY['STARTED 1 duty@3505203 > duty@3505203', 'STARTED 2 dispatcher@3501000 > dispatcher@3501000'],
          'an evacuation asks the district and the centre together');
SELECT is(pg_temp.state(30), 'ISSUED', 'which is no escalation');
SELECT is(pg_temp.answers('coes.ayni.duty', 30), 'APPLIED', 'the district takes it');
SELECT is(pg_temp.state(30), 'ISSUED', 'that is one');
SELECT is(pg_temp.answers('coes.ayni.duty', 30), 'none', 'he again');
SELECT is(pg_temp.answers('coes.ayni.second', 30), 'APPLIED', 'and another of the district');
SELECT is((SELECT acks FROM bus.alert WHERE alert_id = pg_temp.uid(30)), 1::int2, 'are still one');
SELECT isnt(pg_temp.timer(30), NULL, 'the centre is waited for');
SELECT pg_temp.lapse(30) \g /dev/null
SELECT is((pg_temp.said(30))[3], 'STARTED 3 dispatcher@3505000 > dispatcher@3505000', 'the next is asked');
SELECT is(pg_temp.answers('coes.dushanbe.chief', 30), 'APPLIED', 'the chief, who was not asked yet, takes it for the centre');
SELECT is(pg_temp.state(30), 'ACKNOWLEDGED', 'those are two');
SELECT is(pg_temp.timer(30), (SELECT over_at FROM bus.alert WHERE alert_id = pg_temp.uid(30)), 'and enough: it waits for its end only');
SELECT is((SELECT array_agg(concat_ws(' ', t.what, t.event, t.by, t.text) ORDER BY t.step) FROM eoc.incident_timeline t WHERE t.incident_id = pg_temp.uid(730)),
          ARRAY['public_alert ISSUE coes.dushanbe.night', 'escalation_event ASK bus duty@3505203', 'escalation_event ASK bus dispatcher@3501000', 'receipt ACCEPT coes.ayni.duty',
                'receipt ACCEPT coes.ayni.second', 'escalation_event ESCALATE bus dispatcher@3505000', 'receipt ACKNOWLEDGE coes.dushanbe.chief'],
          'its incident tells who was asked and who took it, and no step that is empty');
SELECT is(pg_temp.answers('coes.ayni.second', 30, 'REJECTED'), 'APPLIED', 'one of the district leaves');
SELECT is(pg_temp.state(30), 'ACKNOWLEDGED', 'the other is there');
SELECT is(pg_temp.answers('coes.ayni.duty', 30, 'REJECTED'), 'APPLIED', 'he too');
SELECT is(pg_temp.state(30), 'ESCALATED', 'that is one too few');

-- CAP: urgency, cancelled, replaced, over ------------------------------------------------------------
SELECT pg_temp.cap(40, info => '{"urgency": "URGENCY_EXPECTED"}') \g /dev/null
SELECT is(pg_temp.state(40), NULL, 'what is not urgent asks nobody');
SELECT pg_temp.cap(41, more => '{"status": "CAP_STATUS_DRAFT"}') \g /dev/null
SELECT is(pg_temp.state(41), NULL, 'nor does a draft');
SELECT pg_temp.cap(42), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.timer(42) - (SELECT asked_at FROM bus.alert WHERE alert_id = pg_temp.uid(42)), interval '3 min', 'three minutes');
SELECT is(bus.ladder_for(180::int2, '{IMMEDIATE}', 'MUDFLOW', '{3505203}'), (SELECT r FROM bus.escalation_rule r WHERE type = 180 AND level = 'IMMEDIATE' AND step = 1),
          'by its urgency');
INSERT INTO bus.escalation_rule (type, level, hazard, place, step, after, answer_within, role, at_place)
VALUES (180, 'IMMEDIATE', 'GLOF', '', 1, '0', '1 min', 'chief', '3501000'), (180, 'IMMEDIATE', '', '3508000', 1, '0', '1 min', 'chief', '3501000'),
       (180, '', '', '', 1, '0', '1 hour', 'duty', 'district');
SELECT is((bus.ladder_for(180::int2, '{IMMEDIATE}', 'GLOF', '{3505203}')).hazard, 'GLOF', 'a ladder for one hazard');
SELECT is((bus.ladder_for(180::int2, '{IMMEDIATE}', 'GLOF', '{3508203}')).place, '3508000', 'or for one region');
SELECT is((bus.ladder_for(180::int2, '{EVACUATE,IMMEDIATE}', 'GLOF', '{3508203}')).level, 'EVACUATE', 'but an evacuation is one everywhere');
SELECT is((bus.ladder_for(180::int2, '{FUTURE}', '', '{3508203}')).level, '', 'and a ladder for the rest');
DELETE FROM bus.escalation_rule WHERE type = 180 AND (hazard <> '' OR place <> '' OR level = '');
SELECT pg_temp.cap(43, more => '{"msg_type": "CAP_MSG_TYPE_UPDATE", "references": [{"identifier": "A42", "cap_sender": "coes.tj"}]}') \g /dev/null
SELECT is(ARRAY[pg_temp.state(42), pg_temp.state(43)], ARRAY['OVER', 'ISSUED'], 'an update ends the one before and asks for itself');
SELECT is(pg_temp.timer(42), NULL, 'only');
SELECT pg_temp.cap(44, more => '{"msg_type": "CAP_MSG_TYPE_CANCEL", "references": [{"identifier": "A43", "cap_sender": "other.tj"}]}') \g /dev/null
SELECT is(pg_temp.state(43), 'ISSUED', 'another issuer has an alert of that name');
SELECT pg_temp.tell('coes.dushanbe.desk', 'public_alert', '{"msg_type": "CAP_MSG_TYPE_CANCEL", "references": [{"identifier": "A43"}]}', status => 2) \g /dev/null
SELECT is(pg_temp.state(43), 'ISSUED', 'an exercise cancels nothing real');
SELECT pg_temp.cap(45, more => jsonb_build_object('msg_type', 'CAP_MSG_TYPE_CANCEL', 'references', jsonb_build_array(jsonb_build_object('message_id', pg_temp.uid(43))))) \g /dev/null
SELECT is(ARRAY[pg_temp.state(43), pg_temp.state(45)], ARRAY['CANCELLED', NULL], 'cancelled');
SELECT is(pg_temp.timer(43), NULL, 'nobody is asked any more');
SELECT pg_temp.cap(46) \g /dev/null
UPDATE bus.principal SET roles = 'district', places = '3508000' WHERE name = 'coes.ayni.second';
SELECT pg_temp.cap(47, more => '{"msg_type": "CAP_MSG_TYPE_CANCEL", "references": [{"identifier": "A46"}]}', who => 'coes.ayni.second', pcodes => '3508203') \g /dev/null
SELECT is(pg_temp.state(46), 'ISSUED', 'whoever speaks for another place cancels nothing here');
UPDATE bus.principal SET roles = 'all', places = '' WHERE name = 'coes.ayni.second';
SELECT pg_temp.cap(48, more => '{"msg_type": "CAP_MSG_TYPE_ACK", "references": [{"identifier": "A46"}]}', who => 'coes.khujand.hub') \g /dev/null
SELECT is(pg_temp.state(46), 'ACKNOWLEDGED', 'a CAP Ack is an acknowledgement');
SELECT pg_temp.cap(49, info => jsonb_build_object('urgency', 'URGENCY_IMMEDIATE', 'expires_us', bus.us(clock_timestamp() + interval '1 min')::text)), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.timer(49) < clock_timestamp() + interval '61 s', true, 'what is over before the next step is due');
UPDATE bus.alert SET over_at = now() - interval '1 ms' WHERE alert_id = pg_temp.uid(49);
SELECT is((SELECT count(*) FROM eoc.alert_open WHERE alert_id = pg_temp.uid(49)), 0::int8, 'is over wherever it is looked at');
SELECT pg_temp.lapse(49) \g /dev/null
SELECT is((pg_temp.said(49))[2], 'OVER 4 chief@3501000', 'and the bus says so');
SELECT is(pg_temp.state(49), 'OVER', 'which ends it');
SELECT pg_temp.tell('coes.dushanbe.desk', 'public_alert', '{"identifier": "A50", "msg_type": "CAP_MSG_TYPE_ALERT", "infos": [{"urgency": "URGENCY_IMMEDIATE"}]}', 50,
                    not_after => clock_timestamp() - interval '1 s') \g /dev/null
SELECT is(pg_temp.state(50), NULL, 'what comes when it is over asks nobody');

-- Answers before their alarm, out of turn, of the incident -------------------------------------------
SELECT is(pg_temp.answers('coes.ayni.duty', 60), 'none', 'an alarm was heard before it was stored');
SELECT pg_temp.alarm(60), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.state(60), 'ACKNOWLEDGED', 'and was taken then');
SELECT is(pg_temp.said(60), NULL, 'nobody is asked');
SELECT pg_temp.alarm(61), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.tell('coes.ayni.duty', 'escalation_event', jsonb_build_object('alert_id', pg_temp.uid(61), 'step', 9, 'target_role', 'chief@3501000',
                       'outcome', 'ESCALATION_OUTCOME_STARTED', 'channel', 'CHANNEL_PHONE')), 'none', 'a person telephones the chief');
SELECT is(pg_temp.tell('coes.ayni.duty', 'escalation_event', jsonb_build_object('alert_id', pg_temp.uid(61), 'step', 9, 'target_role', 'chief@3501000',
                       'outcome', 'ESCALATION_OUTCOME_EXHAUSTED')), 'none', 'and says that nobody is there');
SELECT is(pg_temp.state(61), 'ISSUED', 'that moves nothing');
SELECT is(pg_temp.tell('coes.dushanbe.desk', 'incident', jsonb_build_object('incident_id', pg_temp.uid(900), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Gusar',
                       'cause_ids', jsonb_build_array(pg_temp.uid(61)))), 'APPLIED', 'an incident for it');
SELECT is(pg_temp.state(61), 'ISSUED', 'is not taken by being written down');
SELECT is(pg_temp.tell('coes.dushanbe.desk', 'incident_transition', jsonb_build_object('incident_id', pg_temp.uid(900), 'event', 'INCIDENT_EVENT_OPENED')), 'APPLIED', 'a dispatcher opens it');
SELECT is((SELECT array_agg(concat_ws(' ', t.what, t.event, t.by) ORDER BY t.step) FROM eoc.incident_timeline t WHERE t.incident_id = pg_temp.uid(900) AND t.cycle = 'alert' AND t.event LIKE 'AC%'),
          ARRAY['incident_transition ACKNOWLEDGE coes.dushanbe.desk'], 'which takes its alarm, and its incident tells so');
SELECT is(pg_temp.state(61), 'ACKNOWLEDGED', 'that stops the timer');
SELECT pg_temp.tick() \g /dev/null
SELECT is((pg_temp.said(61))[2], 'ANSWERED 3 dispatcher@3501000 > chief@3501000 duty@3505203', 'and who was asked hears it');
SELECT is(pg_temp.tell('coes.dushanbe.desk', 'incident_transition', jsonb_build_object('incident_id', pg_temp.uid(900), 'event', 'INCIDENT_EVENT_CONFIRMED',
                       'certainty', 'CERTAINTY_OBSERVED')), 'APPLIED', 'it is so');
SELECT pg_temp.cap(62, incidents => jsonb_build_array(pg_temp.uid(900))), pg_temp.cap(63, incidents => jsonb_build_array(pg_temp.uid(900))), pg_temp.tick() \g /dev/null
SELECT is((SELECT state FROM bus.incident WHERE incident_id = pg_temp.uid(900)), 'RESPONDING', 'who warns the public has begun to respond');
SELECT pg_temp.cap(64, incidents => jsonb_build_array(pg_temp.uid(900))), pg_temp.tick() \g /dev/null
SELECT is((SELECT count(*) FROM bus.moved WHERE entity = pg_temp.uid(900) AND event = 'RESPONSE_STARTED' AND to_state <> from_state), 1::int8, 'which is said once');
SELECT is((SELECT count(*) FROM bus.document WHERE type = 141 AND sender_id = 0) <= 2, true, 'and not of every alert');

-- Exercises ----------------------------------------------------------------------------------------
SELECT pg_temp.alarm(70, status => 2), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(70), ARRAY['STARTED 1 duty@3505203 > duty@3505203'], 'an exercise about now asks');
SELECT is((SELECT status FROM bus.document WHERE type = 182 AND doc->'escalation_event'->>'alert_id' = pg_temp.uid(70)::text), 2::int2, 'as an exercise');
SELECT is(pg_temp.answers('coes.ayni.duty', 70), 'none', 'a real answer');
SELECT is(pg_temp.state(70), 'ISSUED', 'is none to an exercise');
SELECT is(pg_temp.answers('coes.ayni.duty', 70, status => 2), 'APPLIED', 'this is');
SELECT pg_temp.alarm(71, status => 2, at => '2010-08-14 03:00Z'), pg_temp.tick() \g /dev/null
SELECT is(ARRAY[pg_temp.state(71), pg_temp.said(71)::text], ARRAY['ISSUED', NULL], 'a night of years ago that is played wakes nobody');
SELECT is(pg_temp.timer(71) - (SELECT began_at FROM bus.alert WHERE alert_id = pg_temp.uid(71)), interval '1 day', 'and is over after a day');
SELECT is((SELECT count(*) FROM eoc.alert_open WHERE alert_id = pg_temp.uid(71)), 0::int8, 'nor stands on the board');
SELECT is(pg_temp.answers('coes.ayni.duty', 71, status => 2), 'APPLIED', 'but may be answered');
SELECT pg_temp.alarm(72, at => clock_timestamp() - interval '3 days'), pg_temp.tick() \g /dev/null
SELECT is(cardinality(pg_temp.said(72)), 1, 'a real alarm asks, whatever the clock of its gateway says');
SELECT pg_temp.alarm(73, status => 4), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.state(73), NULL, 'a test asks nobody');

-- Others silence nothing ----------------------------------------------------------------------------
INSERT INTO bus.principal (name, agency, roles, places, serial) VALUES
    ('coes.rasht.office', 'coes', 'district', '3504207', 0), ('coes.rasht.desk', 'coes', 'dispatcher', '3504207', 0), ('coes.ayni.office', 'coes', 'district', '3505203', 0);
CREATE FUNCTION pg_temp.starts(who text, n int, step int, target text, pcodes text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell(who, 'escalation_event', jsonb_build_object('alert_id', pg_temp.uid(n), 'step', step, 'target_role', target,
                        'outcome', 'ESCALATION_OUTCOME_STARTED', 'channel', 'CHANNEL_PHONE'), pcodes => pcodes) $$;
CREATE FUNCTION pg_temp.opens(who text, i int, pcodes text, evidence int[] DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell(who, 'incident_transition', jsonb_build_object('incident_id', pg_temp.uid(i), 'event', 'INCIDENT_EVENT_OPENED',
                        'evidence_ids', (SELECT coalesce(jsonb_agg(pg_temp.uid(e)), '[]') FROM unnest(evidence) AS e)), pcodes => pcodes) $$;
CREATE FUNCTION pg_temp.begins(who text, i int, pcodes text, causes int[] DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell(who, 'incident', jsonb_build_object('incident_id', pg_temp.uid(i), 'hazard', 'HAZARD_MUDFLOW', 'name', 'I' || i,
                        'cause_ids', (SELECT coalesce(jsonb_agg(pg_temp.uid(e)), '[]') FROM unnest(causes) AS e)), pcodes => pcodes) $$;
SELECT pg_temp.alarm(100), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.begins('coes.ayni.office', 910, '3505203', '{100}'), 'APPLIED', 'an alarm and its incident');
SELECT is(pg_temp.begins('coes.rasht.desk', 911, '3504207', '{100}'), 'APPLIED', 'elsewhere somebody says one for the same alarm');
SELECT is(pg_temp.opens('coes.rasht.office', 911, '3504207', '{100}'), 'APPLIED', 'and another opens it');
SELECT is((SELECT incident_id FROM bus.incident_report WHERE message_id = pg_temp.uid(100)), pg_temp.uid(910), 'the alarm stays where it was');
SELECT is(pg_temp.state(100), 'ISSUED', 'and is not taken');
SELECT pg_temp.alarm(101), pg_temp.tick() \g /dev/null
SELECT pg_temp.opens('coes.rasht.office', 911, '3504207', '{101}') \g /dev/null
SELECT is((SELECT incident_id FROM bus.incident_report WHERE message_id = pg_temp.uid(101)), NULL, 'nor is an alarm of far away of it that is of none');
SELECT is(pg_temp.opens('coes.ayni.office', 910, '3505203'), 'APPLIED', 'the district itself opens its own');
SELECT is(pg_temp.state(100), 'ACKNOWLEDGED', 'and has taken it, asked or not');
SELECT is((SELECT acks FROM bus.alert WHERE alert_id = pg_temp.uid(100)), 1::int2, 'once');
SELECT pg_temp.alarm(102), pg_temp.tick(), pg_temp.begins('coes.ayni.gw', 912, '3505203', '{102}') \g /dev/null
SELECT is(pg_temp.opens('coes.ayni.gw', 912, '3505203'), 'APPLIED', 'who said the alarm opens an incident');
SELECT is(pg_temp.state(102), 'ISSUED', 'which is no answer');
SELECT pg_temp.tell('coes.rasht.office', 'duty_roster', jsonb_build_object('role', 'x', 'place', '3504207', 'period',
        jsonb_build_object('from_us', bus.us(now() - interval '1 hour')::text, 'to_us', bus.us(now() + interval '1 day')::text), 'shifts',
        jsonb_build_array(jsonb_build_object('order', 1, 'principal', 'coes.rasht.office', 'period',
        jsonb_build_object('from_us', bus.us(now() - interval '1 hour')::text, 'to_us', bus.us(now() + interval '1 day')::text)))), pcodes => '3504207') \g /dev/null
SELECT is(pg_temp.starts('coes.rasht.office', 102, 2, 'x@3504207', '3504207'), 'none', 'who calls himself');
SELECT is(pg_temp.answers('coes.rasht.office', 102), 'none', 'is not asked');
SELECT is(pg_temp.starts('coes.ayni.office', 102, 2, 'x@3504207', '3505203'), 'none', 'nor is who is not on its ladder');
SELECT is(pg_temp.answers('coes.rasht.office', 102), 'none', 'whoever calls');
SELECT pg_temp.starts('coes.rasht.office', 102, 20, t, '3504207') FROM unnest('{dispatcher@3505000,dispatcher@3501000,chief@3501000}'::text[]) AS t \g /dev/null
SELECT is(pg_temp.starts('coes.ayni.office', 102, 20, 'dispatcher@3505000', '3505203'), 'none', 'who may calls the next out of turn');
SELECT pg_temp.lapse(102) \g /dev/null
SELECT is((pg_temp.said(102))[2], 'STARTED 2 dispatcher@3505000 > dispatcher@3505000', 'whom the bus asks all the same in his turn');
SELECT is((SELECT sender_id FROM bus.alert_call WHERE alert_id = pg_temp.uid(102) AND target = 'dispatcher@3505000'), 0, 'which counts then');
SELECT pg_temp.lapse(102), pg_temp.lapse(102) \g /dev/null
SELECT is(cardinality(pg_temp.said(102)), 4, 'and all the others after him');

-- An unanswered one takes none along -----------------------------------------------------------------
SELECT pg_temp.alarm(110, torrent => 55), pg_temp.tick(), pg_temp.lapse(110), pg_temp.lapse(110), pg_temp.lapse(110), pg_temp.lapse(110) \g /dev/null
SELECT is(pg_temp.state(110), 'UNANSWERED', 'nobody answered');
SELECT pg_temp.alarm(111, '{"previous_level": "DETECTION_LEVEL_WARNING"}', torrent => 55) \g /dev/null
SELECT is(pg_temp.state(111), 'ISSUED', 'the next surge asks again');
SELECT pg_temp.alarm(112, torrent => 0, pcodes => '3505203001'), pg_temp.alarm(113, torrent => 0, pcodes => '3505204'), pg_temp.alarm(114, torrent => 0, pcodes => '3505203001') \g /dev/null
SELECT is(ARRAY[pg_temp.state(112), pg_temp.state(113), pg_temp.state(114)], ARRAY['ISSUED', 'ISSUED', NULL], 'two places without a torrent are two alarms');
SELECT pg_temp.alarm(115, '{"level": "DETECTION_LEVEL_CLEAR"}', torrent => 0, pcodes => '3505204') \g /dev/null
SELECT is(ARRAY[pg_temp.state(112), pg_temp.state(113)], ARRAY['ISSUED', 'OVER'], 'and one is over without the other');
SELECT pg_temp.alarm(116, at => clock_timestamp() + interval '2 hours', torrent => 56), pg_temp.alarm(117, '{"level": "DETECTION_LEVEL_CLEAR"}', torrent => 56) \g /dev/null
SELECT is(pg_temp.state(116), 'OVER', 'of a clock that was fast the all-clear ends it, too');

-- Parts of a place -----------------------------------------------------------------------------------
UPDATE bus.principal SET roles = 'dispatcher', places = '3505204' WHERE name = 'coes.ayni.second';
SELECT pg_temp.cap(120, pcodes => '3505000'), pg_temp.cap(121, pcodes => '3505203 3504207') \g /dev/null
SELECT pg_temp.cap(122, more => '{"msg_type": "CAP_MSG_TYPE_CANCEL", "references": [{"identifier": "A120"}]}', who => 'coes.ayni.second', pcodes => '3505204') \g /dev/null
SELECT is(pg_temp.state(120), 'ISSUED', 'a district takes back nothing of its region');
SELECT pg_temp.cap(123, more => '{"msg_type": "CAP_MSG_TYPE_UPDATE", "references": [{"identifier": "A121"}]}', info => '{"urgency": "URGENCY_FUTURE"}', who => 'coes.rasht.desk', pcodes => '3504207') \g /dev/null
SELECT is(pg_temp.state(121), 'ISSUED', 'nor of its neighbour');
SELECT pg_temp.cap(124, more => '{"msg_type": "CAP_MSG_TYPE_CANCEL", "references": [{"identifier": "A120"}]}', who => 'coes.khujand.hub', pcodes => '3505000') \g /dev/null
SELECT is(pg_temp.state(120), 'CANCELLED', 'the region does');
UPDATE bus.principal SET roles = 'all', places = '' WHERE name = 'coes.ayni.second';

-- An exercise roster is none of the real ones --------------------------------------------------------
SELECT pg_temp.tell('coes.dushanbe.chief', 'duty_roster', jsonb_build_object('role', 'duty', 'place', '3505203', 'shifts', '[]'::jsonb, 'period',
        jsonb_build_object('from_us', bus.us(now() - interval '1 hour')::text, 'to_us', bus.us(now() + interval '1 day')::text)), status => 2) \g /dev/null
SELECT pg_temp.alarm(130), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(130), ARRAY['STARTED 1 duty@3505203 > duty@3505203'], 'the roster of an exercise takes nobody off duty');

-- In force, of one district among several, of then -----------------------------------------------------
SELECT is((SELECT count(*) FROM eoc.alert_in_force WHERE identifier IN ('A121', 'A120')), 1::int8, 'in force is what only others took back');
SELECT pg_temp.roster('duty', '3505204', '[{"principal": "coes.dushanbe.night"}]') \g /dev/null
SELECT pg_temp.cap(140, pcodes => '3505203 3505204', who => 'coes.ayni.gw'), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.answers('coes.ayni.duty', 140), 'APPLIED', 'one of two districts takes an alert');
SELECT is((SELECT state || acks FROM bus.alert WHERE alert_id = pg_temp.uid(140)), 'ISSUED1', 'which waits for the other');
SELECT isnt(pg_temp.timer(140), NULL, 'and for the next');
SELECT is(pg_temp.answers('coes.dushanbe.night', 140), 'APPLIED', 'who takes it');
SELECT is(pg_temp.state(140), 'ACKNOWLEDGED', 'too');
SELECT is((SELECT array_agg(note ORDER BY seq) FROM bus.alert_answer WHERE alert_id = pg_temp.uid(140)), '{"",""}', 'each counts');
SELECT pg_temp.cap(141, pcodes => '3505203 3505204', who => 'coes.ayni.gw'), pg_temp.tick() \g /dev/null
SELECT pg_temp.answers('coes.ayni.duty', 141), pg_temp.lapse(141), pg_temp.answers('coes.khujand.hub', 141) \g /dev/null
SELECT is(pg_temp.state(141), 'ACKNOWLEDGED', 'or somebody takes it for both who is asked after them');
SELECT pg_temp.answers('coes.ayni.duty', 142), pg_temp.cap(142, pcodes => '3505203 3505204', who => 'coes.ayni.gw'), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(142), ARRAY['STARTED 1 duty@3505204 > duty@3505204'], 'who took it before it was stored is not asked, the other is');
SELECT pg_temp.alarm(144) \g /dev/null
UPDATE bus.timer SET due_at = clock_timestamp() WHERE subject = pg_temp.uid(144);
SELECT bus.ring_due(9, clock_timestamp()) \g /dev/null
SELECT is(pg_temp.answers('coes.ayni.duty', 144), 'APPLIED', 'an answer before the question was said');
SELECT is((SELECT count(*) FROM bus.to_say WHERE answers = pg_temp.uid(144)), 0::int8, 'and it need not be said');
SELECT pg_temp.tell('coes.ayni.gw', 'sensor_detection', '{"level": "DETECTION_LEVEL_ALARM", "torrent_id": 77}', 145, at => clock_timestamp() - interval '9 hours', more => '{"flags": 1}'), pg_temp.tick() \g /dev/null
SELECT is(ARRAY[pg_temp.state(145), pg_temp.said(145)::text], ARRAY['ISSUED', NULL], 'what was recorded while the link was down pages nobody');
SELECT is((SELECT count(*) FROM eoc.alert_open WHERE alert_id = pg_temp.uid(145)), 1::int8, 'and stands on the board');
SELECT pg_temp.cap(4146), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.answers('coes.ayni.duty', 4146), 'APPLIED', 'what is taken');
UPDATE bus.alert SET over_at = clock_timestamp() - interval '1 ms' WHERE alert_id = pg_temp.uid(4146);
SELECT pg_temp.lapse(4146) \g /dev/null
SELECT is(ARRAY[pg_temp.state(4146), (pg_temp.said(4146))[2]], ARRAY['OVER', 'OVER 4 chief@3501000'], 'is over when its time is');

-- It comes and goes ----------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.clear(n int, torrent int) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.alarm(n, '{"level": "DETECTION_LEVEL_CLEAR"}', torrent => clear.torrent) $$;
SELECT pg_temp.alarm(147), pg_temp.tick(), pg_temp.answers('coes.ayni.duty', 147), pg_temp.clear(148, 147), pg_temp.tick() \g /dev/null
SELECT is(ARRAY[pg_temp.state(147), cardinality(pg_temp.said(147))::text], ARRAY['CLEARED', '1'], 'all clear: who was asked hears of that when it lasts');
SELECT is(pg_temp.timer(147) - (SELECT since FROM bus.alert WHERE alert_id = pg_temp.uid(147)), (SELECT flap_within FROM bus.ledger_setting), 'so long');
SELECT pg_temp.alarm(10000 + 2 * g, '{"previous_level": "DETECTION_LEVEL_CLEAR"}', torrent => 147), pg_temp.tick(), pg_temp.clear(10001 + 2 * g, 147), pg_temp.tick() FROM generate_series(1, 20) AS g \g /dev/null
SELECT is(ARRAY[pg_temp.state(147), cardinality(pg_temp.said(147))::text, (SELECT repeats::text FROM bus.alert WHERE alert_id = pg_temp.uid(147))], ARRAY['CLEARED', '1', '20'],
          'twenty times it comes and goes, and nobody is asked again');
SELECT is((SELECT count(*) FROM bus.alert WHERE torrent_id = 147), 1::int8, 'it is one alarm');
SELECT pg_temp.alarm(149, torrent => 147) \g /dev/null
SELECT is(ARRAY[pg_temp.state(147), pg_temp.timer(147)::text], ARRAY['ACKNOWLEDGED', NULL], 'while it is there, who took it has it');
SELECT is(pg_temp.answers('coes.ayni.duty', 149, 'REJECTED'), 'APPLIED', 'until he has not');
SELECT pg_temp.tick() \g /dev/null
SELECT is((pg_temp.said(147))[2], 'STARTED 2 dispatcher@3505000 > dispatcher@3505000', 'then the next is asked');
SELECT pg_temp.clear(150, 147), pg_temp.lapse(147) \g /dev/null
SELECT is((pg_temp.said(147))[3:], ARRAY['OVER 2 dispatcher@3505000 > dispatcher@3505000 duty@3505203'], 'when it does not come back, all who were asked hear that it is over, once');
SELECT is(ARRAY[pg_temp.state(147), pg_temp.timer(147)::text], ARRAY['OVER', NULL], 'and it is');
SELECT pg_temp.alarm(151, torrent => 147), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.said(151), ARRAY['STARTED 1 duty@3505203 > duty@3505203'], 'the next alarm asks from the beginning');

SELECT pg_temp.lapse(151), pg_temp.clear(152, 151), pg_temp.clear(153, 147) \g /dev/null
SELECT is(pg_temp.state(151), 'CLEARED', 'all clear while the second is asked');
SELECT pg_temp.alarm(154, torrent => 147) \g /dev/null
SELECT is(pg_temp.state(151), 'ESCALATED', 'it comes back');
SELECT is(pg_temp.timer(151) - (SELECT asked_at FROM bus.alert WHERE alert_id = pg_temp.uid(151)), interval '2 min', 'and he has the time that he had');
SELECT pg_temp.lapse(151) \g /dev/null
SELECT is((pg_temp.said(151))[3], 'STARTED 3 dispatcher@3501000 > dispatcher@3501000', 'before the third is asked');
SELECT pg_temp.clear(155, 147) \g /dev/null
SELECT is(pg_temp.answers('coes.dushanbe.desk', 151), 'APPLIED', 'who answers a moment after the all-clear');
SELECT pg_temp.alarm(156, torrent => 147) \g /dev/null
SELECT is(pg_temp.state(151), 'ACKNOWLEDGED', 'has it when it comes back');
SELECT pg_temp.clear(157, 147), pg_temp.alarm(158, '{"level": "DETECTION_LEVEL_ALARM"}', torrent => 147, pcodes => '3505204') \g /dev/null
SELECT is(pg_temp.state(158), 'ISSUED', 'an alarm for another place is another one');
SELECT pg_temp.alarm(159, torrent => 160) , pg_temp.tick(), pg_temp.answers('coes.ayni.duty', 159), pg_temp.clear(160, 160) \g /dev/null
UPDATE bus.alert SET since = since - interval '5 min' WHERE alert_id = pg_temp.uid(159);
SELECT pg_temp.alarm(161, torrent => 160) \g /dev/null
SELECT is(ARRAY[pg_temp.state(159), pg_temp.state(161)], ARRAY['CLEARED', 'ISSUED'], 'after more than that it is another one, too');
UPDATE bus.alert SET since = since + interval '5 min' WHERE alert_id = pg_temp.uid(159);
SELECT pg_temp.alarm(162, torrent => 162), pg_temp.tick(), pg_temp.lapse(162), pg_temp.lapse(162), pg_temp.lapse(162), pg_temp.lapse(162), pg_temp.clear(163, 162), pg_temp.tick() \g /dev/null
SELECT is(ARRAY[pg_temp.state(162), (pg_temp.said(162))[6]], ARRAY['OVER', 'OVER 4 chief@3501000 > chief@3501000 dispatcher@3501000 dispatcher@3505000 duty@3505203'], 'one that nobody took is over at once');
SELECT pg_temp.alarm(164, torrent => 162), pg_temp.tick() \g /dev/null
SELECT is(pg_temp.state(164), 'ISSUED', 'so that the next asks everybody');
SELECT pg_temp.alarm(146, '{"level": "DETECTION_LEVEL_WARNING"}', at => clock_timestamp() - interval '2 years') \g /dev/null
INSERT INTO bus.escalation_rule (type, level, step, after, answer_within, role, at_place) VALUES (101, 'WARNING', 1, '0', '1 min', 'duty', 'district');

-- Judged again -------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.rows() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT to_jsonb(a)::text FROM bus.alert a WHERE alert_id NOT IN (pg_temp.uid(49), pg_temp.uid(4146))
    UNION ALL SELECT to_jsonb(c)::text FROM bus.alert_call c
    UNION ALL SELECT to_jsonb(n)::text FROM bus.alert_answer n
    UNION ALL SELECT to_jsonb(k)::text FROM bus.alert_message k
    UNION ALL SELECT concat_ws(' ', 'timer', a.alert_id, a.next_at) FROM bus.alert a JOIN bus.timer t ON t.kind = 'alert' AND t.subject = a.alert_id
    UNION ALL SELECT concat_ws(' ', seq, event, from_state, to_state) FROM bus.moved WHERE cycle = 'alert'
$$;
CREATE TEMP TABLE was AS SELECT r FROM pg_temp.rows() AS r;
CREATE TEMP TABLE head AS SELECT count(*) AS said FROM bus.document WHERE type IN (182, 141);
SELECT bus.rejudge() \g /dev/null
SELECT is_empty($$(SELECT r FROM was EXCEPT SELECT r FROM pg_temp.rows() AS r)$$, 'the same log gives the same tables');
SELECT is_empty($$(SELECT r FROM pg_temp.rows() AS r EXCEPT SELECT r FROM was)$$, 'and no others');
SELECT is((SELECT bool_and(t.due_at = a.next_at) FROM bus.timer t JOIN bus.alert a ON a.alert_id = t.subject WHERE t.kind = 'alert'), true, 'with the same timers');
UPDATE bus.timer SET due_at = due_at + interval '1 day' WHERE due_at > clock_timestamp();
SELECT pg_temp.tick() \g /dev/null
SELECT is((SELECT count(*) FROM bus.document WHERE type IN (182, 141)), (SELECT said FROM head), 'and says and rings nothing that was');

-- Places --------------------------------------------------------------------------------------------
SELECT is(ARRAY(SELECT bus.escalation_targets(r, '3505203001 3505000 UZ18 UZ18224')), ARRAY['duty@3505203', 'duty@UZ18224'], 'districts of places')
  FROM bus.escalation_rule r WHERE type = 101 AND step = 1;
SELECT is(ARRAY(SELECT bus.escalation_targets(r, '3505203001 3505000 UZ18 UZ18224')), ARRAY['dispatcher@3505000', 'dispatcher@UZ18'], 'regions of places')
  FROM bus.escalation_rule r WHERE type = 101 AND step = 2;
SELECT is(ARRAY(SELECT bus.escalation_targets(r, '')), ARRAY['chief@3501000'], 'without a place the centre is left') FROM bus.escalation_rule r WHERE type = 101 AND step = 4;

-- Ten years of alarms ------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.read_whole(q text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || q LOOP
        IF line ~ 'Seq Scan on alert' THEN
            RETURN NEXT q || ': ' || btrim(line);
        END IF;
    END LOOP;
END
$$;
INSERT INTO bus.alert (alert_id, seq, moved_seq, began_at, since, event_at, sender_id, torrent_id, type, status, label, acks_needed, is_open, calls,
                       state, level, hazard, identifier, cap_sender, places, rule_level, rule_hazard, rule_place, incident_ids)
SELECT md5('a' || g)::uuid, g, g, at, at, at, 1 + g % 40, g % 200, 101, 1, 2, 1, g > 19990, true, CASE WHEN g > 19990 THEN 'ISSUED' ELSE 'OVER' END, 'ALARM',
       'MUDFLOW', '', '', '3505203', 'ALARM', '', '', '{}'
  FROM generate_series(1, 20000) AS g CROSS JOIN LATERAL (SELECT now() - (20000 - g) * interval '4 hours' AS at) AS x;
INSERT INTO bus.alert_call SELECT alert_id, seq, began_at, began_at, 0, s, 'r' || s || '@3505203', 'ASKED' FROM bus.alert, generate_series(1, 3) AS s ON CONFLICT DO NOTHING;
INSERT INTO bus.alert_answer SELECT alert_id, seq, alert_id, began_at, 2, true, '{1}', 'ACCEPTED', '', '' FROM bus.alert ON CONFLICT DO NOTHING;
INSERT INTO bus.alert_message SELECT alert_id, alert_id FROM bus.alert ON CONFLICT DO NOTHING;
ANALYZE bus.alert, bus.alert_call, bus.alert_answer, bus.alert_message;
SELECT is_empty(format('SELECT pg_temp.read_whole(%L)', q), q) FROM unnest(ARRAY[
    'SELECT * FROM eoc.alert_open', format('SELECT * FROM eoc.escalation WHERE alert_id = %L', pg_temp.uid(2)),
    'SELECT * FROM bus.alert x WHERE x.sender_id = 3 AND x.torrent_id = 7 AND x.type = 101 AND x.state NOT IN (''OVER'', ''CANCELLED'') ORDER BY x.seq DESC',
    'SELECT * FROM bus.alert x WHERE x.alert_id = ANY (ARRAY(SELECT gen_random_uuid())) OR x.identifier <> '''' AND x.identifier = ANY (ARRAY(SELECT ''A1''))']) AS q;

SELECT * FROM finish();
ROLLBACK;
