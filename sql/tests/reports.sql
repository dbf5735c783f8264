-- reports: versions that stand in each other's place, what a district owes, and who is silent; also after ten years.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql
SET LOCAL timezone = 'UTC';

INSERT INTO bus.principal (name, agency, roles, places) VALUES
    ('coes.ayni', 'coes', 'district', '3505203'), ('coes.ayni.jamoat', 'coes', 'district', '350520301'), ('coes.ayni.gw', 'coes', 'gateway', '3505203'),
    ('rcst.ayni', 'rcst', 'partner', '3505203'), ('coes.panjakent', 'coes', 'district', '3505242'), ('coes.dushanbe', 'coes', 'eoc', ''),
    ('coes.khujand', 'coes', 'dispatcher', '3505000'), ('coes.isfara', 'coes', 'district', '3505220'), ('coes.hisor', 'coes', 'district', '3502210');
\ir lib/tell.sql
-- Says one message, received when it happened.
CREATE FUNCTION pg_temp.tell(who text, type_name text, body jsonb, at timestamptz, id uuid DEFAULT gen_random_uuid(), more jsonb DEFAULT '{}',
                             pcode text DEFAULT '3505203', late interval DEFAULT '0', status int DEFAULT 1)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_temp.verdict(pg_temp.append(who, type_name, jsonb_build_object(type_name, body) || more, id, status, pcode, at, at + late));
END
$$;
CREATE FUNCTION pg_temp.of(n int) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('incident_ids', jsonb_build_array(pg_temp.uid(n))) $$;
CREATE FUNCTION pg_temp.after(n int, kind text DEFAULT 'UPDATE') RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_build_object('preceding_id', pg_temp.uid(n), 'kind', 'KIND_' || kind) $$;
CREATE FUNCTION pg_temp.stands(VARIADIC n int[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(x || CASE WHEN r.is_withdrawn THEN '-' WHEN r.is_current THEN '+' ELSE '>' || right(r.superseded_by::text, 2) END, ' ' ORDER BY x)
      FROM unnest(n) AS x JOIN eoc.report r ON r.message_id = pg_temp.uid(x) $$;
-- Days ago, at this hour of Dushanbe.
CREATE FUNCTION pg_temp.day(ago int, hour float) RETURNS timestamptz LANGUAGE sql AS
$$ SELECT date_trunc('day', now() AT TIME ZONE 'UTC-5') AT TIME ZONE 'UTC-5' - ago * interval '1 day' + hour * interval '1 hour' $$;
CREATE FUNCTION pg_temp.period(from_at timestamptz, to_at timestamptz) RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_build_object('period', jsonb_build_object('from_us', bus.us(from_at)::text, 'to_us', bus.us(to_at)::text)) $$;

-- Versions -----------------------------------------------------------------------------------------
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 1, "version": "REPORT_VERSION_INITIAL", "prepared_by": {"name": "Rahmon"}, "authorised_by": {"name": "Azimov"}}',
          pg_temp.day(9, 6), pg_temp.uid(11), pg_temp.of(1)), 'none', 'a report has no verdict');
SELECT is((SELECT concat_ws(' ', type, number, version, prepared_by, authorised_by, sender, places) FROM eoc.report), 'situation_report 1 INITIAL Rahmon Azimov coes.ayni 3505203', 'it is known by who wrote it and who answers for it');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 2}', pg_temp.day(9, 12), pg_temp.uid(12), pg_temp.of(1)), 'none', 'the next one');
SELECT is(pg_temp.stands(11, 12), '11+ 12+', 'stands beside it');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 2}', pg_temp.day(9, 13), pg_temp.uid(13), pg_temp.of(1)), 'none', 'the same number again');
SELECT is(pg_temp.stands(11, 12, 13), '11+ 12>13 13+', 'stands in its place');
SELECT is(pg_temp.tell('coes.khujand', 'situation_report', '{"report_no": 7}', pg_temp.day(9, 14), pg_temp.uid(14), pg_temp.of(1) || pg_temp.after(13)), 'none', 'another office of the agency mends it');
SELECT is(pg_temp.stands(11, 12, 13, 14), '11+ 12>14 13>14 14+', 'and all of it is one report');
SELECT is(pg_temp.tell('rcst.ayni', 'situation_report', '{"report_no": 9}', pg_temp.day(9, 15), pg_temp.uid(15), pg_temp.of(1) || pg_temp.after(14)), 'none', 'another agency answers it');
SELECT is(pg_temp.stands(14, 15), '14+ 15+', 'with one of its own');
SELECT is(pg_temp.tell('rcst.ayni', 'situation_report', '{"report_no": 2}', pg_temp.day(9, 15), pg_temp.uid(16), pg_temp.of(1)), 'none', 'others count for themselves');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 2}', pg_temp.day(8, 15), pg_temp.uid(17), pg_temp.of(2)), 'none', 'and each incident is counted anew');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 2}', pg_temp.day(8, 16), pg_temp.uid(18)), 'none', 'what names none is not known by its number');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 2}', pg_temp.day(8, 17), pg_temp.uid(19), pg_temp.of(1), status => 2), 'none', 'nor is an exercise the real thing');
SELECT is(pg_temp.stands(14, 16, 17, 18, 19), '14+ 16+ 17+ 18+ 19+', 'all of these stand');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 4}', pg_temp.day(8, 19), pg_temp.uid(22), pg_temp.of(1) || pg_temp.after(21)), 'none', 'a version is here before what it follows');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 3}', pg_temp.day(8, 18), pg_temp.uid(21), pg_temp.of(1)), 'none', 'which comes late');
SELECT is(pg_temp.stands(21, 22), '21>22 22+', 'and is over already');
SELECT is(pg_temp.tell('coes.ayni', 'damage_needs_assessment', '{"act_no": "14", "signatories": [{"name": "Head"}, {"name": "Commission"}]}', pg_temp.day(8, 18), pg_temp.uid(23), pg_temp.of(1)), 'none', 'an act');
SELECT is((SELECT prepared_by || authorised_by FROM eoc.report WHERE message_id = pg_temp.uid(23)), 'HeadCommission', 'is signed by two');
SELECT is(pg_temp.tell('coes.ayni', 'damage_needs_assessment', '{"act_no": "14"}', pg_temp.day(8, 19), pg_temp.uid(24), pg_temp.of(1) || pg_temp.after(23, 'CANCEL')), 'none', 'it is taken back');
SELECT is(pg_temp.stands(23, 24), '23- 24-', 'nothing stands in its place');
SELECT is(pg_temp.tell('coes.ayni', 'damage_needs_assessment', '{"act_no": "14"}', pg_temp.day(8, 20), pg_temp.uid(25), pg_temp.of(1) || pg_temp.after(24)), 'none', 'until it is written anew');
SELECT is(pg_temp.stands(23, 24, 25), '23>25 24>25 25+', 'this does');
SELECT is((SELECT versions || array_to_string(supersedes, ' ') FROM eoc.report_current WHERE message_id = pg_temp.uid(25)), 3 || pg_temp.uid(23)::text || ' ' || pg_temp.uid(24)::text, 'with all that it replaces');
SELECT is((SELECT count(*) FROM eoc.report_current), (SELECT count(DISTINCT thread_id) FROM eoc.report), 'of every report one stands');
SELECT is(pg_temp.tell('coes.ayni', type, '{}', pg_temp.day(8, 20), pg_temp.uid(26)), 'none', type) FROM unnest('{casualty_summary}'::text[]) AS type;
SELECT is(pg_temp.tell('coes.ayni', 'resource_totals', '{}', pg_temp.day(8, 20), pg_temp.uid(27), jsonb_build_object('originating_id', pg_temp.uid(27))), 'none', 'one without a number');
SELECT is(pg_temp.tell('coes.ayni', 'resource_totals', '{}', pg_temp.day(8, 21), pg_temp.uid(28), jsonb_build_object('originating_id', pg_temp.uid(27))), 'none', 'goes by what it begins with');
SELECT is(pg_temp.stands(26, 27, 28), '26+ 27>28 28+', 'of each type by itself');

-- What is due --------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.due(n int) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(e.pcode || ' ' || to_char(e.period_from + interval '5 hours', 'DD') || ' ' || e.state, ', ' ORDER BY e.pcode, e.period_from)
      FROM eoc.reports_expected(pg_temp.day(20, 0), now()) e WHERE e.incident_id = pg_temp.uid(n) $$;
CREATE FUNCTION pg_temp.dd(ago int) RETURNS text LANGUAGE sql AS $$ SELECT to_char(pg_temp.day(ago, 0) + interval '5 hours', 'DD') $$;
SELECT is(pg_temp.tell('coes.dushanbe', 'incident', jsonb_build_object('incident_id', pg_temp.uid(3), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Gusar'), pg_temp.day(5, 22), pcode => '350520301 3505242'),
          'APPLIED', 'an incident in two districts');
SELECT is(pg_temp.due(3), (SELECT string_agg(d || ' ' || pg_temp.dd(ago) || CASE ago WHEN 0 THEN ' NOT_DUE' WHEN 1 THEN CASE WHEN now() < pg_temp.day(0, 6) THEN ' NOT_DUE' ELSE ' MISSING' END ELSE ' MISSING' END, ', ' ORDER BY d, ago DESC)
                               FROM unnest('{3505203,3505242}'::text[]) AS d, generate_series(0, 5) AS ago), 'each owes a report a day');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 1}', pg_temp.day(5, 23), pg_temp.uid(31), pg_temp.of(3), '350520301'), 'none', 'on the first day');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 2}' || pg_temp.period(pg_temp.day(4, 0), pg_temp.day(3, 0)), pg_temp.day(3, 1), pg_temp.uid(32), pg_temp.of(3)), 'none', 'after midnight of the day before');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 3}' || pg_temp.period(pg_temp.day(3, 0), pg_temp.day(2, 0)), pg_temp.day(2, 1), pg_temp.uid(33), pg_temp.of(3), late => '8 hours'), 'none', 'one that the road kept');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 4}' || pg_temp.period(pg_temp.day(2, 0), pg_temp.day(1, 0)), pg_temp.day(2, 23), pg_temp.uid(34), pg_temp.of(3)), 'none', 'one');
SELECT is(pg_temp.tell('coes.ayni', 'situation_report', '{"report_no": 4}', pg_temp.day(2, 23), pg_temp.uid(35), pg_temp.of(3) || pg_temp.after(34, 'CANCEL')), 'none', 'that is taken back');
SELECT is((SELECT array_agg(e.state ORDER BY e.period_from) FROM eoc.report_expected e WHERE e.incident_id = pg_temp.uid(3) AND e.pcode = '3505203' AND e.period_from < pg_temp.day(1, 0)),
          '{ON_TIME,ON_TIME,LATE,MISSING}'::text[], 'which came, and when');
SELECT is(pg_temp.tell('coes.panjakent', 'situation_report', '{"report_no": 1}', pg_temp.day(4, 12), pcode => '3505242'), 'none', 'a report that names no incident');
SELECT is(pg_temp.tell('coes.khujand', 'situation_report', '{"report_no": 1}', pg_temp.day(3, 12), more => pg_temp.of(1), pcode => '3505242'), 'none', 'one that names another');
SELECT is((SELECT array_agg(e.state ORDER BY e.period_from) FROM eoc.report_expected e WHERE e.incident_id = pg_temp.uid(3) AND e.pcode = '3505242' AND e.period_from < pg_temp.day(2, 0)),
          '{MISSING,ON_TIME,MISSING}'::text[], 'counts for its place, and the other not');
SELECT is(pg_temp.tell('coes.dushanbe', 'incident', jsonb_build_object('incident_id', pg_temp.uid(4), 'hazard', 'HAZARD_LANDSLIDE', 'name', 'Road'), pg_temp.day(4, 1), pcode => '3505242'),
          'APPLIED', 'a second incident there');
SELECT results_eq($$SELECT expected, received, on_time, missing, received_share, on_time_share FROM eoc.report_due WHERE pcode = '3505242' AND period_from < pg_temp.day(2, 0) ORDER BY period_from$$,
                  $$VALUES (1, 0, 0, 1, 0.000, 0.000), (2, 2, 2, 0, 1.000, 1.000), (2, 0, 0, 2, 0.000, 0.000)$$, 'by district and day: owed, received, in time');
SELECT is(pg_temp.tell('coes.panjakent', 'situation_report', '{"report_no": 2, "version": "REPORT_VERSION_FINAL"}', pg_temp.day(2, 12), more => pg_temp.of(4), pcode => '3505242'), 'none', 'the last one');
SELECT is((SELECT array_agg(e.state ORDER BY e.period_from) FROM eoc.report_expected e WHERE e.incident_id = pg_temp.uid(4)), '{ON_TIME,MISSING,ON_TIME}'::text[], 'and nothing is owed after it');
SELECT is(pg_temp.tell('coes.dushanbe', 'incident_transition', jsonb_build_object('incident_id', pg_temp.uid(3), 'event', 'INCIDENT_EVENT_JUDGED_FALSE', 'reason', 'x'), pg_temp.day(3, 12), pcode => '3505203 3505242'), 'APPLIED', 'the other was none');
SELECT is((SELECT count(*) FROM eoc.report_expected e WHERE e.incident_id = pg_temp.uid(3)), 4::int8, 'nor after the end, nor for the day of the end');
SELECT is(pg_temp.tell('coes.dushanbe', 'incident', jsonb_build_object('incident_id', pg_temp.uid(5), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Played'), pg_temp.day(5, 22), status => 2), 'APPLIED', 'an exercise');
SELECT is((SELECT count(*) FROM eoc.report_expected e WHERE e.incident_id = pg_temp.uid(5)), 0::int8, 'is owed nothing');
SELECT is(pg_temp.tell('coes.dushanbe', 'incident', jsonb_build_object('incident_id', pg_temp.uid(6), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Region'), pg_temp.day(3, 20), pcode => '3505000'), 'APPLIED', 'a whole region');
SELECT is((SELECT count(*) FILTER (WHERE is_received) || ' of ' || count(*) FROM eoc.report_expected e WHERE e.incident_id = pg_temp.uid(6) AND e.period_from < pg_temp.day(2, 0)), '0 of 1', 'owes one a day');
SELECT is(pg_temp.tell('coes.isfara', 'situation_report', '{"report_no": 1}', pg_temp.day(3, 21), more => pg_temp.of(6), pcode => '3505220'), 'none', 'any of its districts');
SELECT is((SELECT array_agg(e.state ORDER BY e.period_from) FROM eoc.report_expected e WHERE e.incident_id = pg_temp.uid(6) AND e.period_from < pg_temp.day(2, 0)), '{ON_TIME}'::text[], 'speaks for it');

-- The rules are rows, and who changes them says why. (Where messages are counted, the tests' server records no events.)
ALTER TABLE bus.report_rule ENABLE TRIGGER audit;
SELECT throws_ok($$SELECT bus.report_rule_set('3505242', 'situation_report', '6 hours', '1 hour', '')$$, '22023', NULL, 'a change takes a reason');
SELECT throws_ok($$SELECT bus.report_rule_set('3505242', 'flash', '6 hours', '1 hour', 'x')$$, 'P0002', NULL, 'of a report that there is');
SELECT throws_ok($$SELECT bus.report_rule_set('3505242', 'situation_report', '1 month', '1 hour', 'x')$$, '23514', NULL, 'months are of no length');
SELECT lives_ok($$SELECT bus.report_rule_set('3505242', 'situation_report', '6 hours', '1 hour', 'order 15')$$, 'one district every six hours');
SELECT is((SELECT count(*) FROM eoc.report_expected e WHERE e.incident_id = pg_temp.uid(4) AND e.period_from < pg_temp.day(3, 0)), 4::int8, 'owes four a day');
SELECT is((SELECT because FROM bus.audit_pending WHERE what = 'report_rule_added' ORDER BY because LIMIT 1), 'order 15', 'and the record knows why');
SELECT lives_ok($$SELECT bus.report_rule_set('3505000', 'situation_report', NULL, NULL, 'order 16')$$, 'its region nothing');
SELECT is((SELECT array_agg(DISTINCT pcode) FROM eoc.report_expected), '{3505242}'::text[], 'the nearest row counts');
SELECT ok(bus.report_rule_drop('3505242', 'situation_report', 'order 17') AND bus.report_rule_drop('3505000', 'situation_report', 'order 17'), 'as it was');

-- Silence ------------------------------------------------------------------------------------------
SELECT is((SELECT array_agg(pcode || ' ' || offices || ' ' || array_to_string(because, ' ') ORDER BY pcode) FROM eoc.silence), '{"3505000 6 INCIDENT","3505242 1 INCIDENT"}'::text[], 'districts of which nothing is heard');
SELECT results_eq($$SELECT last_sender, last_type, incident_id, since, silent_for > interval '1 day', allowed FROM eoc.silence WHERE pcode = '3505242'$$,
                  $$VALUES ('coes.panjakent', 'situation_report', pg_temp.uid(4), pg_temp.day(2, 12), true, interval '6 hours')$$, 'since when, and what was last');
-- What is said by itself. A gateway that is an office, too, has no other word for it.
CREATE TEMP TABLE by_itself (type_name text, body jsonb, more jsonb, status int);
INSERT INTO by_itself VALUES ('receipt', '{"message_id": "00000000-0000-7000-8000-00000000beef", "level": "RECEIPT_LEVEL_DELIVERED"}', '{}', 1), ('receipt', '{"message_id": "00000000-0000-7000-8000-00000000beef", "level": "RECEIPT_LEVEL_DISPLAYED"}', '{}', 1),
    ('situation_report', '{"report_no": 88}', '{}', 2), ('general_message', '{}', '{}', 4), ('sensor_configuration', '{}', '{}', 1), ('siren_report', '{}', '{}', 1),
    ('sensor_detection', '{"level": "DETECTION_LEVEL_ADVISORY"}', '{}', 1), ('audit_event', '{}', '{}', 1), ('general_message', '{}', '{"flags": 1}', 1);
UPDATE bus.principal SET roles = 'district gateway' WHERE name = 'coes.panjakent';
SELECT pg_temp.tell('coes.panjakent', type_name, body, now() - interval '1 hour', pcode => '3505242', more => more, status => status) FROM by_itself \g /dev/null
SELECT is((SELECT last_type || ' ' || since FROM eoc.silence WHERE pcode = '3505242'), 'situation_report ' || pg_temp.day(2, 12), 'what machines say by themselves, and exercises, break no silence');
-- In one batch: a status of its station, a receipt, a word, an exercise; and a conflict, which is not stored.
CREATE FUNCTION pg_temp.batch(n int8, types int2[], status int2[], docs jsonb[], has_doc int4[]) RETURNS int8 LANGUAGE sql AS $$
    SELECT (bus.append(array_fill(p.principal_id, ARRAY[k]), array_fill(1::int8, ARRAY[k]), array_fill(3::int2, ARRAY[k]), ARRAY(SELECT n + i FROM generate_series(1, k) AS i),
                       ARRAY(SELECT gen_random_uuid() FROM generate_series(1, k)), types, status, array_fill('3505242'::text, ARRAY[k]),
                       array_fill(now(), ARRAY[k]), array_fill(now() - interval '2 hours', ARRAY[k]), NULL, NULL, array_fill(32::int2, ARRAY[k]),
                       array_fill('\x00'::bytea, ARRAY[k]), NULL, NULL, NULL, ARRAY[p.principal_id], '{1}', '{3}', ARRAY[n + 1], ARRAY[n + k], '{1}', ARRAY[k], has_doc, docs,
                       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, (SELECT log_epoch FROM bus.log_head), 0)).head
      FROM bus.principal p, (SELECT cardinality(types) AS k) AS c WHERE p.name = 'coes.panjakent' $$;
SELECT isnt(pg_temp.batch(1, '{102,181,281}', '{1,1,1}', ARRAY['{"receipt": {"message_id": "00000000-0000-7000-8000-00000000beef", "level": "RECEIPT_LEVEL_DELIVERED"}}', '{"thinned": {}}']::jsonb[], '{2,3}'), NULL, 'a batch of them');
SELECT is((SELECT since FROM eoc.silence WHERE pcode = '3505242'), pg_temp.day(2, 12), 'neither');
SELECT isnt(pg_temp.batch(11, '{102,200,200}', '{1,1,2}', ARRAY['{"general_message": {}}', '{"general_message": {}}']::jsonb[], '{2,3}'), NULL, 'a batch with a word');
SELECT is((SELECT l.at || ' ' || (l.seq - (SELECT seq FROM bus.log_head)) FROM bus.last_word l JOIN bus.principal USING (principal_id) WHERE name = 'coes.panjakent'),
          now() - interval '2 hours' || ' -1', 'which is kept');
SELECT isnt(pg_temp.batch(21, '{102,141,200,181}', '{1,1,1,1}', ARRAY['{"incident_transition": {"incident_id": "00000000-0000-7000-8000-00000000dead", "event": "INCIDENT_EVENT_CLOSED"}}', '{"general_message": {}}', '{"receipt": {"message_id": "00000000-0000-7000-8000-00000000beef", "level": "RECEIPT_LEVEL_ACCEPTED"}}']::jsonb[], '{2,3,4}'),
            NULL, 'among what is judged, too');
SELECT is((SELECT l.seq - (SELECT seq FROM bus.log_head) FROM bus.last_word l JOIN bus.principal USING (principal_id) WHERE name = 'coes.panjakent'), 0::int8, 'by its number');
SELECT is((SELECT count(*) FROM eoc.silence WHERE pcode = '3505242'), 0::int8, 'a word of any kind ends the silence');
UPDATE bus.last_word SET at = pg_temp.day(2, 12) WHERE principal_id = (SELECT principal_id FROM bus.principal WHERE name = 'coes.panjakent');
UPDATE bus.principal SET roles = 'district' WHERE name = 'coes.panjakent';
SELECT is(pg_temp.tell('coes.panjakent', 'activity_log_entry', '{}', now() - interval '5 hours', pcode => '3505242'), 'none', 'a word of any kind');
SELECT is((SELECT count(*) FROM eoc.silence), 0::int8, 'and it is silent no more, nor its region');
SELECT is(pg_temp.tell('coes.ayni.gw', 'sensor_detection', '{"level": "DETECTION_LEVEL_ALARM", "hazard": "HAZARD_MUDFLOW"}', now() - interval '1 hour'), 'none', 'an alarm elsewhere');
SELECT is((SELECT array_agg(pcode || ' ' || array_to_string(because, ' ') || ' ' || last_sender) FROM eoc.silence), '{"3505203 REPORT coes.ayni"}'::text[], 'that a station speaks is no word of people');
SELECT is(pg_temp.tell('coes.ayni.jamoat', 'general_message', '{}', now(), pcode => '350520301'), 'none', 'one of its jamoats does');
SELECT is((SELECT count(*) FROM eoc.silence), 0::int8, 'it is no more');
SELECT is(pg_temp.tell('coes.dushanbe', 'public_alert', jsonb_build_object('identifier', 'A1', 'status', 'CAP_STATUS_ACTUAL', 'msg_type', 'CAP_MSG_TYPE_ALERT',
          'infos', jsonb_build_array(jsonb_build_object('expires_us', bus.us(now() + interval '1 hour')::text))), now() - interval '1 hour', pcode => '3502210'), 'none', 'an alert');
SELECT is((SELECT array_agg(pcode || ' ' || array_to_string(because, ' ') || ' ' || coalesce(last_sender, 'nobody')) FROM eoc.silence), NULL, 'of an hour ago');
SELECT is(pg_temp.tell('coes.dushanbe', 'public_alert', jsonb_build_object('identifier', 'A2', 'status', 'CAP_STATUS_ACTUAL', 'msg_type', 'CAP_MSG_TYPE_ALERT',
          'infos', jsonb_build_array(jsonb_build_object('expires_us', bus.us(now() + interval '1 hour')::text))), now() - interval '7 hours', pcode => '3502210'), 'none', 'one of the morning');
SELECT is((SELECT array_agg(pcode || ' ' || array_to_string(because, ' ') || ' ' || coalesce(last_sender, 'nobody')) FROM eoc.silence), '{"3502210 ALERT nobody"}'::text[], 'and its district has never said a word');
SELECT is(pg_temp.tell('coes.dushanbe', 'public_alert', '{"identifier": "A3", "status": "CAP_STATUS_ACTUAL", "msg_type": "CAP_MSG_TYPE_CANCEL", "references": [{"identifier": "A1"}, {"identifier": "A2"}]}', now(), pcode => '3502210'), 'none', 'it is cancelled');
SELECT is((SELECT count(*) FROM eoc.silence), 0::int8, 'and nobody has to ask');

-- The same log, judged again, gives the same.
CREATE TEMP TABLE was AS SELECT to_jsonb(r) AS row FROM bus.report r UNION ALL SELECT to_jsonb(i) FROM bus.incident i;
SELECT bus.rejudge() \g /dev/null
SELECT is_empty($$(SELECT row FROM was EXCEPT (SELECT to_jsonb(r) FROM bus.report r UNION ALL SELECT to_jsonb(i) FROM bus.incident i))$$, 'the same log gives the same reports');
SELECT is((SELECT count(*) FROM was), (SELECT count(*) FROM bus.report) + (SELECT count(*) FROM bus.incident), 'and no others');

-- After ten years ----------------------------------------------------------------------------------
-- Each view finds what it wants by an index; how fast depends on the machine, how it is done does not.
SET LOCAL jit = on;
CREATE FUNCTION pg_temp.read_whole(q text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN ' || q LOOP
        IF current_setting('jit') = 'on' AND line ~ '^[^ -]' AND substring(line FROM '[.][.]([0-9]+)')::int8 >= 100000 THEN
            RETURN NEXT q || ' is so dear that it is compiled first, which takes seconds: ' || line;
        END IF;
        IF line ~ 'Seq Scan on (report|incident|incident_report|incident_filed|document|message|lane_run|moved|household|addressed|recipient_step)(_[0-9]+)?( |$)' THEN
            RETURN NEXT q || ': ' || btrim(line);
        END IF;
    END LOOP;
END
$$;
INSERT INTO bus.principal (name, agency, roles, places) SELECT 'coes.d' || n, 'coes', 'district', (3505300 + n)::text FROM generate_series(1, 20) AS n;
INSERT INTO bus.incident (incident_id, seq, first_seq, since, began_at, last_at, sender_id, status, label, state, hazard, name, places, ended_at, open_during)
SELECT md5('i' || g)::uuid, g, g, b.at + interval '20 days', b.at, b.at, 1, 1, 2, CASE WHEN g > 15980 THEN 'RESPONDING' ELSE 'CLOSED' END, 'MUDFLOW', 'x' || g, (3505301 + g % 20)::text,
       CASE WHEN g <= 15980 THEN b.at + interval '20 days' END, tstzmultirange(tstzrange(b.at, CASE WHEN g <= 15980 THEN b.at + interval '20 days' END))
  FROM generate_series(1, 16000) AS g CROSS JOIN LATERAL (SELECT now() - (16004 - g) * interval '330 minutes' AS at) AS b;
INSERT INTO bus.report (message_id, thread_id, seq, received_at, event_at, about_at, sender_id, type, status, label, is_cancel, agency, version, number, prepared_by, authorised_by, places, incident_ids)
SELECT md5(d || ' ' || o)::uuid, md5(d || ' ' || o)::uuid, 1000000 + d * 20 + o, b.at, b.at, b.at, o, 121, 1, 2, false, 'coes', 'UPDATE', d::text, 'x', 'y', (3505300 + o)::text, '{}'
  FROM generate_series(1, 3650) AS d CROSS JOIN generate_series(1, 20) AS o CROSS JOIN LATERAL (SELECT now() - (3650 - d) * interval '1 day' AS at) AS b;
INSERT INTO bus.incident_filed (incident_id, seq, type, status, message_id) SELECT md5('i' || g)::uuid, g, 121, 1, md5(1 + g % 3000 || ' ' || 1 + g % 5)::uuid FROM generate_series(1, 15000) AS g;
INSERT INTO bus.incident_report (message_id, seq, event_at, sender_id, type, status, label, hazard, places)
SELECT md5('r' || g)::uuid, g, now() - (20000 - g) * interval '4 hours', 1, 101, 1, 2, 'MUDFLOW', (3505301 + g % 20)::text FROM generate_series(1, 20000) AS g;
INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
SELECT 100000 + g, b.at, b.at, 1, 180, 1, md5('a' || g)::uuid, jsonb_build_object('public_alert', jsonb_build_object('identifier', 'B' || g,
       'msg_type', 'CAP_MSG_TYPE_ALERT', 'infos', jsonb_build_array(jsonb_build_object('expires_us', bus.us(b.at + interval '6 hours')::text)))), '3505301', 32
  FROM generate_series(1, 6000) AS g CROSS JOIN LATERAL (SELECT now() - (6000 - g) * interval '14 hours' AS at) AS b;
INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, log_epoch, sender_id, marks, lane, type, status, message_id, places, content)
SELECT 200000 + g, 1, 200000 + g, now() - (20000 - g) * interval '4 hours', now(), 1, (SELECT principal_id FROM bus.principal WHERE name = 'coes.d' || 1 + g % 19), 32, 4, 201, 1, md5('m' || g)::uuid, '', '\x00'
  FROM generate_series(1, 20000) AS g ORDER BY g;
INSERT INTO bus.lane_run SELECT sender_id, epoch, lane, lane_seq, lane_seq, seq, seq FROM bus.message WHERE seq > 200000;
INSERT INTO bus.last_word (principal_id, seq, at) SELECT sender_id, max(seq), max(received_at) FROM bus.message WHERE seq > 200000 GROUP BY sender_id ON CONFLICT DO NOTHING;
INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
SELECT 300000 + g, now(), now(), 1, CASE WHEN g % 5 = 0 THEN 141 ELSE 121 END, 1, md5('d' || g)::uuid, jsonb_build_object('incident_ids', jsonb_build_array(md5('i' || 1 + g % 7000)::uuid)), '3505301', 32
  FROM generate_series(1, 8000) AS g;
INSERT INTO bus.moved (seq, at, principal_id, type, entity, message_id, cycle, event, from_state, to_state)
SELECT 300000 + g, now(), 1, 141, md5('i' || 1 + g % 7000)::uuid, md5('d' || g)::uuid, 'incident', 'REPORTED', 'REPORTED', 'REPORTED' FROM generate_series(5, 8000, 5) AS g;
INSERT INTO bus.household (household_id, seq, first_seq, since, affected_at, incident_id, sender_id, status, state, places)
SELECT md5('h' || g)::uuid, g, g, now(), now(), md5('i' || 1 + g % 7000)::uuid, 1, 1, 'AFFECTED', '3505301' FROM generate_series(1, 8000) AS g;
INSERT INTO bus.moved (seq, at, principal_id, type, entity, message_id, cycle, event, from_state, to_state)
SELECT 400000 + g, now(), 1, 220, md5('h' || g)::uuid, md5('e' || g)::uuid, 'household', 'AFFECT', '', 'AFFECTED' FROM generate_series(1, 8000) AS g;
INSERT INTO bus.addressed (seq, stored_at, due_at, sender_id, lane, type, status, message_id, places)
SELECT 300000 + g, now(), now(), 1, 4, 121, 1, md5('d' || g)::uuid, '' FROM generate_series(1, 8000) AS g;
INSERT INTO bus.recipient_step (seq, ordinal, level, message_id) SELECT 300000 + g, 1, l, md5('d' || g)::uuid FROM generate_series(1, 8000) AS g, generate_series(2, 3) AS l;
ANALYZE bus.moved, bus.household, bus.addressed, bus.recipient_step;
ANALYZE bus.incident, bus.report, bus.incident_filed, bus.incident_report, bus.document, bus.message, bus.lane_run;
SELECT is_empty(format('SELECT pg_temp.read_whole(%L)', q), q) FROM unnest(ARRAY[
    'SELECT * FROM eoc.report_due', 'SELECT * FROM eoc.report_expected WHERE pcode = ''3505301''', 'SELECT * FROM eoc.silence',
    'SELECT * FROM eoc.alert_in_force', 'SELECT * FROM eoc.report_current ORDER BY received_at DESC LIMIT 50',
    'SELECT * FROM eoc.report_current WHERE event_at > now() - interval ''3 days''',
    'SELECT * FROM eoc.report WHERE places = ''3505301'' ORDER BY received_at DESC LIMIT 20',
    format('SELECT * FROM eoc.report WHERE thread_id = %L', pg_temp.uid(11)),
    format('SELECT * FROM eoc.situation_report WHERE incident_id = %L', md5('i7')::uuid),
    format('SELECT * FROM eoc.incident_timeline WHERE incident_id = %L ORDER BY at, seq', md5('i7')::uuid)]) AS q;
SET LOCAL jit = off; -- as the function has it
SELECT is_empty(format('SELECT pg_temp.read_whole(%L)', replace(replace(replace('SELECT * FROM (' || p.prosrc || ') AS x LIMIT 1', '$1', '(now() - interval ''30 days'')'), '$2', 'now()'), '$3', '1')), 'what the first two ask')
  FROM pg_proc p WHERE p.oid = 'eoc.reports_expected'::regproc;
SELECT is((SELECT sum(expected) || ' ' || sum(received) FROM eoc.report_due WHERE pcode LIKE '35053%' AND period_to < now()),
          (SELECT count(*) || ' ' || count(*) FROM eoc.report_expected WHERE pcode LIKE '35053%' AND period_to < now()), 'and answers right');
SELECT is((SELECT array_agg(pcode || ' ' || coalesce(last_sender, 'nobody')) FROM eoc.silence WHERE pcode LIKE '35053%' AND (silent_for > interval '4 days' OR last_at IS NULL)), '{"3505320 nobody"}'::text[], 'who of them says nothing');
SELECT is_empty($$SELECT prosrc FROM pg_proc WHERE oid = 'bus.words_at'::regproc AND NOT proconfig::text LIKE '%enable_seqscan=off%'$$,
                'numbers of the log are found by its index of spans');

SELECT * FROM finish();
ROLLBACK;
