-- incident: from the first word to the end of it, and what must not happen on the way.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

INSERT INTO bus.principal (name, agency, roles, places) VALUES
    ('coes.dushanbe.duty', 'coes', '', ''), ('coes.panjakent', 'coes', 'district', '3505242'), ('eoc.duty', 'eoc', 'eoc', '');
\ir lib/tell.sql
-- Says one message; answers its verdict, and the code if there is one.
CREATE FUNCTION pg_temp.tell(type_name text, body jsonb, more jsonb DEFAULT '{}', status int DEFAULT 1, at timestamptz DEFAULT now(),
                             pcode text DEFAULT '3505203', id uuid DEFAULT gen_random_uuid(),
                             who text DEFAULT 'coes.dushanbe.duty', for_whom text DEFAULT NULL, late interval DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_temp.verdict(pg_temp.append(who, type_name, jsonb_build_object(type_name, body) || more, id, status, pcode, at,
                                          coalesce(at + late, clock_timestamp()), for_whom => for_whom));
END
$$;
CREATE FUNCTION pg_temp.opens(n int, more jsonb DEFAULT '{}', status int DEFAULT 1) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('incident', jsonb_build_object('incident_id', pg_temp.uid(n), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Gusar') || more, status => status) $$;
CREATE FUNCTION pg_temp.moves(n int, event text, more jsonb DEFAULT '{}', status int DEFAULT 1) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('incident_transition', jsonb_build_object('incident_id', pg_temp.uid(n), 'event', 'INCIDENT_EVENT_' || event) || more, status => status) $$;
CREATE FUNCTION pg_temp.says(who text, pcode text, n int, event text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('incident_transition', jsonb_build_object('incident_id', pg_temp.uid(n), 'event', 'INCIDENT_EVENT_' || event) || more, pcode => pcode, who => who) $$;
CREATE FUNCTION pg_temp.closes(n int) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.moves(n, 'CLOSED') $$;
CREATE FUNCTION pg_temp.why() RETURNS text LANGUAGE sql AS $$ SELECT text FROM bus.quarantine ORDER BY received_at DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.of(n int) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('incident_ids', jsonb_build_array(pg_temp.uid(n))) $$;
CREATE FUNCTION pg_temp.state(n int) RETURNS text LANGUAGE sql AS $$ SELECT state FROM bus.incident WHERE incident_id = pg_temp.uid(n) $$;

-- The straight way ---------------------------------------------------------------------------------
SELECT is(pg_temp.moves(1, 'OPENED'), 'HELD', 'a move waits for its incident');
SELECT is(pg_temp.opens(1), 'APPLIED', 'an incident');
SELECT is(pg_temp.state(1), 'VERIFYING', 'and the move finds it');
SELECT is(pg_temp.moves(1, 'OPENED'), 'REFUSED state', 'it is opened once');
SELECT matches((SELECT text FROM bus.quarantine WHERE code = 'state'), 'is VERIFYING; legal now: .*CONFIRMED', 'who is refused hears what is legal');
SELECT is(pg_temp.moves(1, 'CONFIRMED', '{"certainty": "CERTAINTY_POSSIBLE"}'), 'REFUSED certainty', 'what is only possible is not confirmed');
SELECT is(pg_temp.moves(1, 'CONFIRMED', '{"certainty": "CERTAINTY_OBSERVED"}'), 'APPLIED', 'what was seen is');
SELECT is(pg_temp.moves(1, 'JUDGED_FALSE', '{"reason": "x"}'), 'REFUSED state', 'and is no false alarm any more');
SELECT is(pg_temp.moves(1, 'RESPONSE_STARTED'), 'APPLIED', 'help is on its way');
SELECT is(pg_temp.moves(1, 'ASSESSED'), 'CONTESTED', 'an assessment while it is going on contradicts the record');
SELECT is(pg_temp.tell('public_alert', jsonb_build_object('identifier', 'A1', 'status', 'CAP_STATUS_ACTUAL', 'msg_type', 'CAP_MSG_TYPE_ALERT',
          'infos', jsonb_build_array(jsonb_build_object('expires_us', bus.us(now() + interval '1 hour')::text))), pg_temp.of(1)), 'none', 'an alert');
SELECT is(pg_temp.moves(1, 'HAZARD_OVER', '{"decided_by": "duty"}'), 'REFUSED agreed_by', 'two agree that it is over');
SELECT is(pg_temp.moves(1, 'HAZARD_OVER', '{"decided_by": "duty", "agreed_by": "duty"}'), 'REFUSED agreed_by', 'not one twice');
SELECT is(pg_temp.moves(1, 'HAZARD_OVER', '{"decided_by": "duty", "agreed_by": "head"}'), 'REFUSED alert_live', 'not while people are told to run');
SELECT is(pg_temp.tell('public_alert', '{"identifier": "A2", "status": "CAP_STATUS_ACTUAL", "msg_type": "CAP_MSG_TYPE_CANCEL", "references": [{"identifier": "A1"}]}', pg_temp.of(1)), 'none', 'it is cancelled');
SELECT is(pg_temp.moves(1, 'HAZARD_OVER', '{"decided_by": "duty", "agreed_by": "head"}'), 'APPLIED', 'then it is over');
SELECT is(pg_temp.moves(1, 'ASSESSED'), 'HELD', 'the word comes before the assessment');
SELECT is(pg_temp.tell('damage_needs_assessment', '{"version": "REPORT_VERSION_FINAL"}', pg_temp.of(1)), 'none', 'the assessment');
SELECT is(pg_temp.state(1), 'RECOVERY', 'and both find each other');
SELECT is(pg_temp.tell('household_event', jsonb_build_object('household_id', pg_temp.uid(500), 'affected', '{"members": 3}'::jsonb), pg_temp.of(1)), 'APPLIED', 'a family');
SELECT is(pg_temp.moves(1, 'CLOSED'), 'REFUSED household_open', 'nothing is closed while one is not helped');
SELECT is(pg_temp.tell('household_event', jsonb_build_object('household_id', pg_temp.uid(500), 'closed', '{"reason": "CLOSING_REASON_HOUSE_REPAIRED"}'::jsonb), pg_temp.of(1)), 'APPLIED', 'its house is repaired');
SELECT is(pg_temp.moves(1, 'CLOSED'), 'REFUSED no_report', 'nor without a last report');
SELECT is(pg_temp.tell('situation_report', '{"version": "REPORT_VERSION_FINAL"}', pg_temp.of(1), 2), 'none', 'one of an exercise');
SELECT is(pg_temp.moves(1, 'CLOSED'), 'REFUSED no_report', 'closes nothing that is real');
SELECT is(pg_temp.tell('situation_report', '{"version": "REPORT_VERSION_FINAL"}', pg_temp.of(1)), 'none', 'the report');
SELECT is(pg_temp.moves(1, 'CLOSED'), 'APPLIED', 'closed');
SELECT is(pg_temp.moves(1, 'REOPENED'), 'REFUSED reason', 'reopening takes a reason');
SELECT is(pg_temp.moves(1, 'REOPENED', '{"reason": "a crack above the village"}'), 'APPLIED', 'new facts');
SELECT is(pg_temp.moves(1, 'HAZARD_RESUMED'), 'APPLIED', 'a second surge');
SELECT is((SELECT array_agg(to_state ORDER BY step) FROM bus.moved WHERE entity = pg_temp.uid(1)),
          ARRAY['REPORTED', 'VERIFYING', 'CONFIRMED', 'RESPONDING', 'STABILISED', 'RECOVERY', 'CLOSED', 'RECOVERY', 'RESPONDING']::text[], 'its history');

SELECT is(pg_temp.moves(1, 'HAZARD_OVER', '{"decided_by": "duty", "agreed_by": "head"}'), 'APPLIED', 'it is over');
SELECT is(pg_temp.moves(1, 'HAZARD_RESUMED'), 'APPLIED', 'a third');
SELECT is(pg_temp.tell('public_alert', '{"identifier": "A3", "status": "CAP_STATUS_ACTUAL", "msg_type": "CAP_MSG_TYPE_ALERT", "infos": [{"event": "Sel"}]}', pg_temp.of(1)), 'none', 'an alert without an end');
SELECT is(pg_temp.moves(1, 'HAZARD_OVER', '{"decided_by": "duty", "agreed_by": "head"}'), 'REFUSED alert_live', 'is in force until it is cancelled');

-- Merged, false, exercises -------------------------------------------------------------------------
SELECT is(pg_temp.opens(2), 'APPLIED', 'another one');
SELECT is(pg_temp.moves(2, 'MERGED'), 'REFUSED merged_into', 'into which?');
SELECT is(pg_temp.moves(2, 'MERGED', jsonb_build_object('merged_into', pg_temp.uid(2))), 'REFUSED merged_into', 'not into itself');
SELECT is(pg_temp.moves(2, 'MERGED', jsonb_build_object('merged_into', pg_temp.uid(1))), 'APPLIED', 'it is the same');
SELECT is(pg_temp.opens(2), 'CONTESTED', 'nobody describes it any more');
SELECT is(pg_temp.moves(2, 'REOPENED', '{"reason": "another stream"}'), 'APPLIED', 'they are two after all');
SELECT is((SELECT merged_into FROM bus.incident WHERE incident_id = pg_temp.uid(2)), NULL, 'and it stands by itself');
SELECT is(pg_temp.moves(2, 'JUDGED_FALSE'), 'REFUSED reason', 'a false alarm takes a reason');
SELECT is(pg_temp.moves(2, 'JUDGED_FALSE', '{"reason": "a lorry"}'), 'APPLIED', 'a lorry');
SELECT is(pg_temp.moves(2, 'REOPENED', '{"reason": "no lorry"}'), 'APPLIED', 'and is no end for ever');
SELECT is(pg_temp.opens(3, '{}', 2), 'APPLIED', 'an exercise');
SELECT is(pg_temp.moves(3, 'OPENED'), 'REFUSED status', 'is not moved by what is real');
SELECT is(pg_temp.moves(2, 'HAZARD_RESUMED', '{}', 2), 'REFUSED status', 'nor the other way, not even a fact');
SELECT is(pg_temp.moves(2, 'MERGED', jsonb_build_object('merged_into', pg_temp.uid(3))), 'REFUSED merged_into', 'nor are they merged');
SELECT is(pg_temp.opens(4, jsonb_build_object('parent_id', pg_temp.uid(5))), 'HELD', 'a part waits for the whole');
SELECT is(pg_temp.opens(5), 'APPLIED', 'the whole');
SELECT is((SELECT parent_id FROM bus.incident WHERE incident_id = pg_temp.uid(4)), pg_temp.uid(5), 'which it is a part of');

-- What belongs to what -----------------------------------------------------------------------------
SELECT is(pg_temp.tell('flash_report', '{"hazard": "HAZARD_MUDFLOW"}', id => pg_temp.uid(801)), 'none', 'a report that names nothing');
SELECT isnt((SELECT proposed_id FROM eoc.incident_proposal WHERE message_id = pg_temp.uid(801)), NULL, 'an open incident of the place is proposed');
SELECT is(pg_temp.tell('flash_report', '{"hazard": "HAZARD_MUDFLOW"}', pcode => '3508000', id => pg_temp.uid(802)), 'none', 'one from another district');
SELECT is((SELECT proposed_id FROM eoc.incident_proposal WHERE message_id = pg_temp.uid(802)), NULL, 'may be a new one');
SELECT is(pg_temp.tell('flash_report', '{"hazard": "HAZARD_MUDFLOW"}', status => 2, id => pg_temp.uid(803)), 'none', 'one of the exercise');
SELECT is((SELECT proposed_id FROM eoc.incident_proposal WHERE message_id = pg_temp.uid(803)), pg_temp.uid(3), 'belongs to the exercise');
SELECT is(pg_temp.moves(1, 'REPORTED', jsonb_build_object('evidence_ids', jsonb_build_array(pg_temp.uid(801)))), 'APPLIED', 'a person confirms');
SELECT is((SELECT incident_id FROM bus.incident_report WHERE message_id = pg_temp.uid(801)), pg_temp.uid(1), 'and it belongs there');
SELECT is(pg_temp.tell('sensor_detection', '{"level": "DETECTION_LEVEL_WATCH"}', id => pg_temp.uid(804)), 'none', 'a watch');
SELECT is((SELECT count(*) FROM bus.incident_report WHERE message_id = pg_temp.uid(804)), 0::int8, 'is no reason for an incident');

-- A warning that its own detector has ended needs nobody any more; an alarm does, and so does what a person reports.
CREATE FUNCTION pg_temp.detects(n int, level text, at timestamptz, torrent int DEFAULT 7) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('sensor_detection', jsonb_build_object('level', 'DETECTION_LEVEL_' || level, 'torrent_id', torrent, 'hazard', 'HAZARD_ROCKFALL'), at => at, id => pg_temp.uid(n), pcode => '3603203') $$;
CREATE FUNCTION pg_temp.waiting() RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(right(message_id::text, 3), ' ' ORDER BY event_at) FROM eoc.incident_proposal WHERE hazard = 'ROCKFALL' $$;
SELECT is(pg_temp.detects(820, 'WARNING', now() - interval '3 hours') || pg_temp.waiting(), 'none820', 'a warning waits for somebody');
SELECT is(pg_temp.detects(821, 'CLEAR', now() - interval '2 hours', 8) || pg_temp.waiting(), 'none820', 'also when another torrent is clear');
SELECT is(pg_temp.detects(822, 'ALARM', now() - interval '2 hours') || pg_temp.waiting(), 'none822', 'and not beside the alarm that it became');
SELECT is(pg_temp.detects(823, 'CLEAR', now() - interval '1 hour') || pg_temp.waiting(), 'none822', 'the alarm waits for a person though all is clear');
SELECT is(pg_temp.detects(824, 'WARNING', now() - interval '90 minutes') || pg_temp.waiting(), 'none822', 'a warning that comes after its own all-clear waits for nobody');
SELECT is(pg_temp.detects(825, 'WARNING', now() - interval '5 minutes') || pg_temp.waiting(), 'none822 825', 'a new one does');
SELECT is(pg_temp.opens(29, '{"hazard": "HAZARD_ROCKFALL"}'), 'APPLIED', 'an incident elsewhere');
SELECT is((SELECT proposed_id FROM eoc.incident_proposal WHERE message_id = pg_temp.uid(825)), NULL, 'is not proposed');
SELECT is(pg_temp.tell('incident', jsonb_build_object('incident_id', pg_temp.uid(28), 'hazard', 'HAZARD_ROCKFALL', 'name', 'Later'), pcode => '3603203'), 'APPLIED', 'one there');
SELECT is((SELECT proposed_name FROM eoc.incident_proposal WHERE message_id = pg_temp.uid(825)), 'Later', 'is, although it was opened after the report');
SELECT is((SELECT precedence || detail || asked FROM eoc.queue WHERE id = pg_temp.uid(822)), '2ALARMLater', 'and the queue says so');
SELECT is(pg_temp.says('coes.dushanbe.duty', '3603203', 28, 'JUDGED_FALSE', '{"reason": "an old fall"}'), 'APPLIED', 'it is false');
SELECT is((SELECT state || coalesce(asked, '-') FROM eoc.queue WHERE id = pg_temp.uid(822)), 'NEW-', 'and is proposed no more');
SELECT is(pg_temp.tell('incident', jsonb_build_object('incident_id', pg_temp.uid(27), 'hazard', 'HAZARD_ROCKFALL', 'name', 'Again'), pcode => '3603203'), 'APPLIED', 'another one');
SELECT is((SELECT string_agg(proposed_name, ' ') FROM eoc.incident_proposal WHERE message_id IN (pg_temp.uid(822), pg_temp.uid(825))), 'Again Again', 'is, in its place');

-- Whose incident it is -----------------------------------------------------------------------------
SELECT is(pg_temp.opens(10), 'APPLIED', 'an incident in Ayni');
SELECT is(pg_temp.says('coes.panjakent', '3505242', 10, 'OPENED'), 'REFUSED place', 'is not opened by another district');
SELECT is(pg_temp.why(), 'The incident is in 3505203 and this message names 3505242; an office of that place says it, or the operations centre.', 'which hears why');
SELECT is(pg_temp.says('coes.panjakent', '3505242', 10, 'REPORTED'), 'CONTESTED', 'what that has seen a person looks at');
SELECT is(pg_temp.says('coes.dushanbe.duty', '350520301', 10, 'REPORTED'), 'APPLIED', 'one of its jamoats tells of it');
SELECT is(pg_temp.says('coes.dushanbe.duty', '350520301', 10, 'OPENED'), 'REFUSED place', 'and decides nothing');
SELECT is(pg_temp.says('eoc.duty', '3505242', 10, 'OPENED'), 'APPLIED', 'the operations centre may all');
SELECT is(pg_temp.tell('incident', jsonb_build_object('incident_id', pg_temp.uid(10), 'hazard', 'HAZARD_OTHER', 'name', 'Ours'), pcode => '3505242', who => 'coes.panjakent'),
          'CONTESTED', 'nor do others describe it');
SELECT is((SELECT name || ' ' || places FROM bus.incident WHERE incident_id = pg_temp.uid(10)), 'Gusar 3505203', 'it stays what it is');
SELECT is(pg_temp.tell('incident', jsonb_build_object('incident_id', pg_temp.uid(10), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Gusar'), pcode => '3505242', who => 'eoc.duty'),
          'APPLIED', 'it spreads to the neighbour, when the operations centre says so');
SELECT is((SELECT places FROM bus.incident WHERE incident_id = pg_temp.uid(10)), '3505242 3505203', 'and leaves none behind');
SELECT is(pg_temp.says('coes.panjakent', '3505242', 10, 'REPORTED'), 'APPLIED', 'now it is theirs, too');
SELECT is(pg_temp.says('coes.panjakent', '3505242', 10, 'CONFIRMED', '{"certainty": "CERTAINTY_OBSERVED"}'), 'REFUSED place', 'but not theirs alone to decide');
SELECT is(pg_temp.says('coes.dushanbe.duty', '3505203 3505242', 10, 'CONFIRMED', '{"certainty": "CERTAINTY_OBSERVED"}'), 'APPLIED', 'who speaks for both does');
SELECT is(pg_temp.tell('incident', jsonb_build_object('incident_id', pg_temp.uid(11), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Zafarobod'), pcode => '3508217'), 'APPLIED', 'one far away');
SELECT is(pg_temp.says('coes.dushanbe.duty', '3508217', 11, 'MERGED', jsonb_build_object('merged_into', pg_temp.uid(10))), 'REFUSED place', 'is not laid upon others');
SELECT is(pg_temp.tell('incident', jsonb_build_object('incident_id', pg_temp.uid(12), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Part', 'parent_id', pg_temp.uid(10)), pcode => '3508217'),
          'CONTESTED', 'nor made a part of theirs');

-- Two people ---------------------------------------------------------------------------------------
SELECT is(pg_temp.opens(20) || pg_temp.moves(20, 'CONFIRMED', '{"certainty": "CERTAINTY_OBSERVED"}'), 'APPLIEDAPPLIED', 'another one');
SELECT is(pg_temp.moves(20, 'HAZARD_OVER', '{"decided_by": "Duty  Officer", "agreed_by": "duty officer "}'), 'REFUSED agreed_by', 'one name typed twice is one person');

-- What the bus says of help ------------------------------------------------------------------------
CREATE FUNCTION pg_temp.bus_says(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    number int8 := bus.say(3::int2, 1::int2, 2, 141::int2, NULL, NULL, '\x0a00', jsonb_build_object('incident_transition',
        jsonb_build_object('incident_id', pg_temp.uid(n), 'event', 'INCIDENT_EVENT_RESPONSE_STARTED')));
BEGIN
    RETURN (SELECT coalesce((ARRAY['APPLIED', 'HELD', 'CONTESTED'])[bus.verdict_now(m.seq, m.verdict)], 'nothing') FROM bus.message m WHERE m.seq = number);
END
$$;
SELECT is(pg_temp.bus_says(999), 'nothing', 'help for what nobody opened is nothing');
SELECT is(pg_temp.bus_says(20), 'APPLIED', 'help for what is confirmed');
SELECT is(pg_temp.state(20), 'RESPONDING', 'is a response');
SELECT is(pg_temp.bus_says(20), 'nothing', 'more help is nothing new');
SELECT is(pg_temp.moves(20, 'HAZARD_OVER', '{"decided_by": "duty", "agreed_by": "head"}'), 'APPLIED', 'it is over');
SELECT is(pg_temp.bus_says(20), 'nothing', 'what still comes then contradicts nothing');
SELECT is((SELECT count(*) FROM bus.contested WHERE entity = pg_temp.uid(20)), 0::int8, 'and nobody has to look at it');
SELECT is(pg_temp.moves(20, 'RESPONSE_STARTED'), 'CONTESTED', 'a person who says so does');

-- Papers -------------------------------------------------------------------------------------------
SELECT is(pg_temp.tell('damage_needs_assessment', '{"version": "REPORT_VERSION_FINAL"}', pg_temp.of(20), pcode => '3508217', who => 'coes.dushanbe.duty'), 'none', 'an assessment of elsewhere that names it');
SELECT is(pg_temp.moves(20, 'ASSESSED'), 'HELD', 'is none of it');
SELECT is(pg_temp.opens(21), 'APPLIED', 'the same night, reported twice');
SELECT is(pg_temp.tell('damage_needs_assessment', '{"version": "REPORT_VERSION_FINAL", "act_no": "14"}', pg_temp.of(21), id => pg_temp.uid(821)), 'none', 'the act names the other one');
SELECT is(pg_temp.moves(21, 'MERGED', jsonb_build_object('merged_into', pg_temp.uid(20))), 'APPLIED', 'which is the same');
SELECT is(pg_temp.state(20), 'RECOVERY', 'so it is its act');
SELECT is(pg_temp.tell('household_event', jsonb_build_object('household_id', pg_temp.uid(520), 'affected', '{"members": 3}'::jsonb), pg_temp.of(21)), 'APPLIED', 'a family of the other one');
SELECT is(pg_temp.closes(20), 'REFUSED household_open', 'is a family of this one');
SELECT matches(pg_temp.why(), '^1 household of it is still AFFECTED or ASSESSED[.]', 'one is one');
SELECT is(pg_temp.tell('household_event', jsonb_build_object('household_id', pg_temp.uid(521), 'affected', '{"members": 3}'::jsonb), pg_temp.of(20)), 'APPLIED', 'another family');
SELECT is(pg_temp.closes(20), 'REFUSED household_open', 'still not');
SELECT matches(pg_temp.why(), '^2 households of it are still AFFECTED or ASSESSED[.]', 'two are two');
SELECT is(pg_temp.tell('household_event', jsonb_build_object('household_id', pg_temp.uid(n), 'closed', '{"reason": "CLOSING_REASON_HOUSE_REPAIRED"}'::jsonb)), 'APPLIED', 'helped') FROM generate_series(520, 521) AS n;
SELECT pg_get_functiondef('bus.open_requests_text'::regproc) AS as_it_is \gset
CREATE OR REPLACE FUNCTION bus.open_requests_text(incident uuid, status int2) RETURNS text LANGUAGE sql AS
$$ SELECT CASE incident WHEN '00000000-0000-7000-8000-000000000021' THEN 'One request of it is still open.' END $$;
SELECT is(pg_temp.closes(20), 'REFUSED request_open', 'nor while something is asked for the other one');
:as_it_is;
SELECT is(pg_temp.opens(22, jsonb_build_object('parent_id', pg_temp.uid(20))), 'APPLIED', 'a part of it');
SELECT is(pg_temp.opens(23, jsonb_build_object('parent_id', pg_temp.uid(21))), 'APPLIED', 'and one of what was merged into it');
SELECT is(pg_temp.closes(20), 'REFUSED part_open', 'is not over');
SELECT matches(pg_temp.why(), '^2 incidents that are parts of it are still open[.]', 'both');
SELECT is(pg_temp.moves(n, 'JUDGED_FALSE', '{"reason": "x"}'), 'APPLIED', 'now they are') FROM generate_series(22, 23) AS n;
SELECT is(pg_temp.tell('household_event', jsonb_build_object('household_id', pg_temp.uid(522), 'affected', '{"members": 3}'::jsonb), pg_temp.of(22)), 'APPLIED', 'a family that names the part');
SELECT is(pg_temp.closes(20), 'REFUSED household_open', 'counts all the same');
SELECT is(pg_temp.tell('household_event', jsonb_build_object('household_id', pg_temp.uid(522), 'closed', '{"reason": "CLOSING_REASON_HOUSE_REPAIRED"}'::jsonb)), 'APPLIED', 'helped');
SELECT is(pg_temp.tell('situation_report', '{"version": "REPORT_VERSION_FINAL", "report_no": 3}', pg_temp.of(20), id => pg_temp.uid(831)), 'none', 'the last report');
SELECT is(pg_temp.tell('situation_report', '{"version": "REPORT_VERSION_FINAL", "report_no": 3}', pg_temp.of(20) || jsonb_build_object('preceding_id', pg_temp.uid(831), 'kind', 'KIND_CANCEL'), id => pg_temp.uid(832)), 'none', 'taken back');
SELECT is(pg_temp.closes(20), 'REFUSED no_report', 'is none');
SELECT is(pg_temp.tell('situation_report', '{"version": "REPORT_VERSION_FINAL", "report_no": 4}', pg_temp.of(21), id => pg_temp.uid(833)), 'none', 'the last report, under the other name');
SELECT is(pg_temp.moves(20, 'HAZARD_RESUMED'), 'APPLIED', 'a second surge');
SELECT is(pg_temp.moves(20, 'HAZARD_OVER', '{"decided_by": "duty", "agreed_by": "head"}'), 'APPLIED', 'over');
SELECT is(pg_temp.moves(20, 'ASSESSED'), 'HELD', 'the act of before is not of this');
SELECT is(pg_temp.tell('damage_needs_assessment', '{"version": "REPORT_VERSION_FINAL", "act_no": "15"}', pg_temp.of(20)), 'none', 'a new act');
SELECT is(pg_temp.closes(20), 'REFUSED no_report', 'nor is the last report the last');
SELECT is(pg_temp.tell('situation_report', '{"version": "REPORT_VERSION_FINAL", "report_no": 5}', pg_temp.of(20)), 'none', 'a new one');
SELECT is(pg_temp.closes(20), 'APPLIED', 'closed at last');
SELECT is(pg_temp.moves(20, 'REOPENED', '{"reason": "x"}') || pg_temp.closes(20), 'APPLIEDREFUSED no_report', 'opened again it wants a new one, too');
SELECT is((SELECT count(*) FROM (SELECT unnest(open_during) FROM bus.incident WHERE incident_id = pg_temp.uid(20)) AS x), 1::int8, 'and is open');
SELECT is((SELECT array_agg(ended_at IS NOT NULL ORDER BY incident_id) FROM bus.incident WHERE incident_id IN (pg_temp.uid(20), pg_temp.uid(21), pg_temp.uid(22))), '{f,t,t}', 'what is merged or false is over');

-- Its timeline ------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.ago(minutes int) RETURNS timestamptz LANGUAGE sql AS $$ SELECT date_trunc('hour', now()) - interval '1 day' - minutes * interval '1 minute' $$;
CREATE FUNCTION pg_temp.answer(id uuid, level text, at timestamptz) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('receipt', jsonb_build_object('message_id', id, 'level', 'RECEIPT_LEVEL_' || level, 'time_us', bus.us(at)::text), at => at, who => 'eoc.duty', pcode => '') $$;
SELECT is(pg_temp.tell('sensor_detection', '{"level": "DETECTION_LEVEL_ALARM", "hazard": "HAZARD_MUDFLOW", "text": "it rises"}', at => pg_temp.ago(50), id => pg_temp.uid(850), late => '2 seconds'), 'none', 'an alarm that names nothing');
SELECT is(pg_temp.tell('incident', jsonb_build_object('incident_id', pg_temp.uid(30), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Night', 'cause_ids', jsonb_build_array(pg_temp.uid(850))), at => pg_temp.ago(45), late => '1.5 seconds'), 'APPLIED', 'an incident that rests on it');
SELECT is(pg_temp.tell('public_alert', '{"identifier": "T1", "infos": [{"headline": "Leave the stream"}]}', pg_temp.of(30), at => pg_temp.ago(40), id => pg_temp.uid(851), for_whom => 'eoc.duty', late => '3 seconds'), 'none', 'an alert to somebody');
SELECT is(pg_temp.answer(pg_temp.uid(851), 'DISPLAYED', pg_temp.ago(39)) || pg_temp.answer(pg_temp.uid(851), 'ACCEPTED', pg_temp.ago(38)), 'nonenone', 'who sees it and takes it');
SELECT is(pg_temp.tell('situation_report', '{"report_no": 1, "situation": "Mud in the lanes"}', pg_temp.of(30), at => pg_temp.ago(30), late => '1 minute'), 'none', 'a report');
SELECT is(pg_temp.tell('household_event', jsonb_build_object('household_id', pg_temp.uid(530 + n), 'affected', '{"members": 3}'::jsonb), pg_temp.of(30), at => pg_temp.ago(30 - n)), 'APPLIED', 'families') FROM generate_series(1, 3) AS n;
SELECT results_eq(format($$SELECT DISTINCT ON (at, seq) concat_ws(' ', what, CASE WHEN cycle <> 'alert' THEN cycle || ' ' || event || ' ' || to_state END, households, by, text, received_s, delivered_s, displayed_s, accepted_s)
                              FROM eoc.incident_timeline WHERE incident_id = %L ORDER BY at, seq$$, pg_temp.uid(30)),
                  $$VALUES ('sensor_detection coes.dushanbe.duty it rises 2.000'), ('incident incident DESCRIBE REPORTED coes.dushanbe.duty Night 1.500'),
                           ('public_alert coes.dushanbe.duty Leave the stream 3.000 60.000 60.000 120.000'), ('situation_report coes.dushanbe.duty Mud in the lanes 60.000'),
                           ('household AFFECT AFFECTED 3')$$, 'all that belongs to it, and how long each took');
SELECT is((SELECT count(*) FROM eoc.incident_timeline WHERE incident_id = pg_temp.uid(30) AND stored_s IS NOT NULL), 1::int8, 'what is for somebody tells when it was stored');
SELECT set_has(format($$SELECT event FROM eoc.incident_timeline WHERE incident_id = %L$$, pg_temp.uid(1)), $$VALUES ('CLOSED'), ('REOPENED'), ('HAZARD_RESUMED')$$, 'every move is in it');

-- A report that is no incident: a person says so, with a reason, and nobody is asked about it any more.
INSERT INTO bus.principal (name, agency, roles, places) VALUES ('coes.gissar', 'coes', 'district', '3507215'), ('coes.night', 'coes', 'dispatcher', '');
CREATE FUNCTION pg_temp.dismisses(n int, more jsonb DEFAULT '{"text": "a lorry on the bridge"}', status int DEFAULT 1, who text DEFAULT 'coes.night') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('decision', jsonb_build_object('message_id', pg_temp.uid(n), 'ruling', 'RULING_DISMISSED', 'decided_by', who) || more, status => status, pcode => '3507215', who => who) $$;
CREATE FUNCTION pg_temp.waits(n int) RETURNS bool LANGUAGE sql AS $$ SELECT EXISTS (SELECT FROM eoc.incident_proposal WHERE message_id = pg_temp.uid(n)) $$;
SELECT pg_temp.tell('flash_report', '{"hazard": "HAZARD_HAIL", "village": "x"}', status => n % 10, pcode => '3507215', id => pg_temp.uid(n), who => 'coes.gissar') FROM unnest(ARRAY[9001, 9012, 9021]) AS n;
SELECT ok(pg_temp.waits(9001) AND pg_temp.waits(9012) AND pg_temp.waits(9021), 'reports wait for a person');
SELECT is(pg_temp.dismisses(9001, '{}'), 'REFUSED reason', 'without a reason nothing real is dismissed');
SELECT is(pg_temp.dismisses(9001, status => 2), 'REFUSED status', 'an exercise dismisses nothing real');
SELECT is(pg_temp.dismisses(9001, who => 'coes.gissar'), 'REFUSED rights', 'nor does an office');
SELECT is(pg_temp.dismisses(9001, '{"ruling": "RULING_APPLIED", "text": "x"}'), 'REFUSED not_undecided', 'there is nothing to apply');
SELECT ok(pg_temp.waits(9001), 'it waits still');
SELECT is(pg_temp.dismisses(9001), 'APPLIED', 'with a reason it is');
SELECT is(pg_temp.dismisses(9012, '{}', 2), 'APPLIED', 'what was played needs none');
SELECT ok(NOT pg_temp.waits(9001) AND NOT pg_temp.waits(9012) AND pg_temp.waits(9021), 'nobody is asked any more, of the others somebody is');
SELECT is(pg_temp.dismisses(9001), 'REFUSED not_undecided', 'once');
-- The right to decide about families does not reach them; nor does one without the right to hear of them.
INSERT INTO bus.role (role, note) VALUES ('deaf', 'a test');
INSERT INTO bus.rule (role, effect, verb, types, places, label, note) VALUES ('deaf', 'allow', 'say', 'decision incident', 'own', 'RESTRICTED', '');
INSERT INTO bus.principal (name, agency, roles, places) VALUES ('coes.gissar.gw', 'coes', 'gateway', '3507215'), ('coes.gissar.registry', 'coes', 'registry', '3507215'),
    ('coes.gissar.deaf', 'coes', 'deaf', '3507215'), ('coes.gissar.duty', 'coes', 'dispatcher', '3507215'), ('coes.ayni.duty', 'coes', 'dispatcher', '3505203');
SELECT pg_temp.tell('sensor_detection', '{"level": "DETECTION_LEVEL_ALARM", "hazard": "HAZARD_MUDFLOW"}', pcode => '3507215', id => pg_temp.uid(n), who => 'coes.gissar.gw') FROM unnest(ARRAY[9031, 9041]) AS n;
SELECT is(pg_temp.dismisses(n, who => 'coes.gissar.registry'), 'REFUSED rights', 'a registry does not dismiss what it may not hear') FROM unnest(ARRAY[9031, 9041]) AS n;
SELECT is(pg_temp.dismisses(9021, status => 1, who => 'coes.gissar.registry'), 'REFUSED rights', 'nor what it hears and does not say');
SELECT is(pg_temp.dismisses(9031, who => 'coes.gissar.deaf'), 'REFUSED rights', 'nor does who says and does not hear');
SELECT is(pg_temp.dismisses(9031, who => 'coes.ayni.duty'), 'REFUSED rights', 'nor a dispatcher of another place');
SELECT ok(pg_temp.waits(9031) AND pg_temp.waits(9041), 'both wait');
SELECT is(pg_temp.dismisses(9031, who => 'coes.gissar.duty'), 'APPLIED', 'the dispatcher there does');
SELECT is((SELECT array_agg(pg_temp.waits(n) ORDER BY n) FROM unnest(ARRAY[9031, 9041]) AS n), '{f,t}', 'this one');
SELECT is(pg_temp.tell('incident', jsonb_build_object('incident_id', pg_temp.uid(9090), 'hazard', 'HAZARD_HAIL', 'name', 'after all', 'cause_ids', jsonb_build_array(pg_temp.uid(9001))), pcode => '3507215'),
          'APPLIED', 'it was one after all');
SELECT is((SELECT incident_id FROM bus.incident_report WHERE message_id = pg_temp.uid(9001)), pg_temp.uid(9090), 'and belongs to it');

-- The rules of all cycles --------------------------------------------------------------------------
SELECT is_empty($$WITH RECURSIVE ends AS (
                      SELECT cycle, state FROM bus.cycle_state WHERE NOT is_open
                      UNION SELECT t.cycle, t.from_state FROM bus.transition t JOIN ends e ON e.cycle = t.cycle AND e.state = t.to_state)
                  SELECT cycle, state FROM bus.cycle_state WHERE is_open EXCEPT SELECT * FROM ends$$, 'every open state reaches an end');
SELECT is_empty($$WITH RECURSIVE seen AS (
                      SELECT cycle, to_state AS state FROM bus.transition WHERE from_state = ''
                      UNION SELECT t.cycle, t.to_state FROM bus.transition t JOIN seen s ON s.cycle = t.cycle AND s.state = t.from_state)
                  SELECT cycle, state FROM bus.cycle_state EXCEPT SELECT * FROM seen$$, 'every state is reached');
SELECT is_empty($$SELECT t.cycle, g FROM bus.transition t, unnest(t.guards) AS g EXCEPT SELECT cycle, guard FROM bus.cycle_guard$$, 'every guard has a meaning');

-- The same log, judged again, gives the same tables.
CREATE TEMP TABLE was AS SELECT to_jsonb(i) AS row FROM bus.incident i UNION ALL SELECT to_jsonb(h) FROM bus.household h UNION ALL SELECT to_jsonb(r) FROM bus.report r UNION ALL SELECT to_jsonb(p) FROM bus.incident_report p;
SELECT bus.rejudge() \g /dev/null
SELECT is_empty($$(SELECT row FROM was EXCEPT (SELECT to_jsonb(i) FROM bus.incident i UNION ALL SELECT to_jsonb(h) FROM bus.household h UNION ALL SELECT to_jsonb(r) FROM bus.report r UNION ALL SELECT to_jsonb(p) FROM bus.incident_report p))$$,
                'the same log gives the same tables');

SELECT * FROM finish();
ROLLBACK;
