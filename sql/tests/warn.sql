-- warn: what people warn of at a page takes two of them, and an update or a cancellation names what is in force.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

DELETE FROM bus.audit_pending;
INSERT INTO bus.principal (name, agency, roles, serial)
SELECT n, 'coes', CASE n WHEN 'coes.dushanbe.desk' THEN 'all desk' WHEN 'coes.partner' THEN 'partner' ELSE 'all' END, 0
  FROM unnest(ARRAY['coes.dushanbe.desk', 'coes.khujand.hub', 'coes.rahimov', 'coes.nazarova', 'coes.third', 'coes.partner']) AS n;
\ir lib/tell.sql
CREATE FUNCTION pg_temp.tell(type_name text, body jsonb, n int, status int, author text, more jsonb DEFAULT '{}', who text DEFAULT 'coes.dushanbe.desk',
                             pcodes text DEFAULT '3505203') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r bus.append_result;
BEGIN
    r := pg_temp.append(who, type_name, jsonb_strip_nulls(jsonb_build_object(type_name, body, 'author', author)) || more, pg_temp.uid(n),
                        status, pcodes, not_after => clock_timestamp() + interval '2 hours', lane => 3);
    RETURN pg_temp.verdict(r) || coalesce(' ' || (SELECT c.code FROM bus.contested c WHERE c.seq = r.head), '');
END
$$;
CREATE FUNCTION pg_temp.body(n int, cap_status text, more jsonb DEFAULT '{}', sent text DEFAULT '1790000000000000') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('identifier', 'A' || n, 'cap_sender', 'coes.tj', 'sent_us', sent, 'sent_offset_min', 300, 'codes', '["eocbus:actual"]'::jsonb,
                              'status', 'CAP_STATUS_' || cap_status, 'msg_type', 'CAP_MSG_TYPE_ALERT', 'infos', jsonb_build_array(jsonb_build_object(
                              'language', 'tg', 'headline', 'Сел', 'urgency', 'URGENCY_IMMEDIATE', 'hazard', 'HAZARD_MUDFLOW',
                              'expires_us', bus.us(now() + interval '1 hour')::text))) || more
$$;
CREATE FUNCTION pg_temp.draft(n int, more jsonb DEFAULT '{}', author text DEFAULT 'coes.rahimov') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell('public_alert', pg_temp.body(n, 'DRAFT', more), n, 3, author)
$$;
CREATE FUNCTION pg_temp.approve(id int, n int, more jsonb DEFAULT '{}', author text DEFAULT 'coes.nazarova', status int DEFAULT 1, pcodes text DEFAULT '3505203')
RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell('public_alert', pg_temp.body(n, (ARRAY['ACTUAL', 'EXERCISE'])[status], more, '1790000060000000'), id, status, author,
                        jsonb_build_object('preceding_id', pg_temp.uid(n)), pcodes => pcodes)
$$;
CREATE FUNCTION pg_temp.names(id int, n int, sent text DEFAULT '1790000060000000') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('references', jsonb_build_array(jsonb_build_object('message_id', pg_temp.uid(id), 'identifier', 'A' || n, 'cap_sender', 'coes.tj',
                                                                                 'sent_us', sent, 'sent_offset_min', 300)))
$$;
CREATE FUNCTION pg_temp.states(id int) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', d.state, d.status, d.author, d.answered_by) FROM eoc.alert_draft d WHERE d.message_id = pg_temp.uid(id)
$$;

-- Two people ---------------------------------------------------------------------------------------
SELECT is(pg_temp.draft(1), 'none', 'one person writes');
SELECT is(pg_temp.states(1), 'WAITING ACTUAL coes.rahimov', 'it waits for another');
SELECT is((SELECT concat_ws(' ', q.what, q.precedence, q.by, q.detail) FROM eoc.queue q WHERE q.id = pg_temp.uid(1)), 'draft 1 coes.rahimov Сел', 'in the queue');
SELECT is((SELECT count(*) FROM bus.alert) + (SELECT count(*) FROM eoc.alert_in_force), 0::int8, 'a draft asks nobody and is not in force');
SELECT is(pg_temp.approve(10, 1, author => 'coes.rahimov'), 'CONTESTED own_draft', 'who wrote it does not approve it');
SELECT is(pg_temp.approve(11, 1, author => ' COES.Rahimov '), 'CONTESTED author', 'nor under a name that is nobody''s');
SELECT is(pg_temp.approve(12, 2), 'CONTESTED no_draft', 'what nobody wrote before is not approved');
SELECT is(pg_temp.tell('public_alert', pg_temp.body(1, 'ACTUAL'), 13, 1, 'coes.nazarova'), 'CONTESTED no_draft', 'nor what names no draft');
SELECT is(pg_temp.approve(14, 1, '{"note": "x"}'), 'CONTESTED draft_differs', 'another text is another alert');
SELECT is(pg_temp.approve(15, 1, pcodes => '3505203 3505217'), 'CONTESTED draft_differs', 'so are other places');
SELECT is(pg_temp.approve(16, 1, status => 2), 'CONTESTED status', 'an actual draft makes no exercise');
SELECT is((SELECT count(*) FROM bus.alert) + (SELECT count(*) FROM eoc.alert_in_force), 0::int8, 'nothing of this has an effect');
SELECT is(pg_temp.approve(17, 1), 'APPLIED', 'another person approves what was written');
SELECT is(pg_temp.states(1), 'APPROVED ACTUAL coes.rahimov coes.nazarova', 'both are known');
SELECT is((SELECT alert_id FROM eoc.alert_draft WHERE message_id = pg_temp.uid(1)), pg_temp.uid(17), 'and what became of it');
SELECT is((SELECT array_agg(message_id) FROM eoc.alert_in_force), ARRAY[pg_temp.uid(17)], 'it is in force');
SELECT is((SELECT state FROM bus.alert WHERE alert_id = pg_temp.uid(17)), 'ISSUED', 'and wants to be taken');
SELECT is(pg_temp.approve(18, 1, author => 'coes.third'), 'CONTESTED answered', 'a third person comes too late');
SELECT is((SELECT count(*) FROM eoc.queue q WHERE q.what = 'draft'), 0::int8, 'nothing waits');
SELECT is(pg_temp.tell('public_alert', pg_temp.body(3, 'ACTUAL'), 19, 1, NULL, who => 'coes.khujand.hub'), 'none',
          'a principal that speaks for itself answers for it with its own key');

-- A draft is turned down ---------------------------------------------------------------------------
SELECT is(pg_temp.draft(4), 'none', 'another draft');
SELECT pg_temp.tell('receipt', jsonb_build_object('message_id', pg_temp.uid(4), 'level', 'RECEIPT_LEVEL_REJECTED', 'by', 'x'), 20, 3, NULL, who => 'coes.khujand.hub') \g /dev/null
SELECT is(pg_temp.states(4), 'WAITING ACTUAL coes.rahimov', 'no machine turns it down');
SELECT pg_temp.tell('receipt', jsonb_build_object('message_id', pg_temp.uid(4), 'level', 'RECEIPT_LEVEL_REJECTED', 'by', 'x', 'text', 'wrong village'), 21, 3, 'coes.nazarova') \g /dev/null
SELECT is(pg_temp.states(4), 'TURNED_DOWN ACTUAL coes.rahimov coes.nazarova', 'a person does');
SELECT is((SELECT why FROM eoc.alert_draft WHERE message_id = pg_temp.uid(4)), 'wrong village', 'with a reason');
SELECT is(pg_temp.approve(22, 4, author => 'coes.third'), 'CONTESTED answered', 'and then nobody approves it');
SELECT is(ARRAY[bus.why_no_answer('coes.third', pg_temp.uid(4)), bus.why_no_answer('coes.nazarova', pg_temp.uid(4)), bus.why_no_answer('coes.nazarova', pg_temp.uid(1))],
          ARRAY['answered', NULL, 'answered'], 'who turns it down too hears so before, as with one that was approved; who says it again does not');

-- Update and cancel --------------------------------------------------------------------------------
SELECT pg_temp.draft(30, '{"msg_type": "CAP_MSG_TYPE_CANCEL"}') \g /dev/null
SELECT is(pg_temp.approve(31, 30, '{"msg_type": "CAP_MSG_TYPE_CANCEL"}'), 'CONTESTED reference', 'a cancellation names what it cancels');
SELECT pg_temp.draft(32, '{"msg_type": "CAP_MSG_TYPE_CANCEL"}' || pg_temp.names(17, 1, '1790000000000000')) \g /dev/null
SELECT is(pg_temp.approve(33, 32, '{"msg_type": "CAP_MSG_TYPE_CANCEL"}' || pg_temp.names(17, 1, '1790000000000000')), 'CONTESTED reference', 'by the time it was sent');
SELECT pg_temp.draft(34, pg_temp.names(17, 1)) \g /dev/null
SELECT is(pg_temp.approve(35, 34, pg_temp.names(17, 1)), 'CONTESTED reference', 'a first alert names none');
SELECT pg_temp.draft(36, '{"msg_type": "CAP_MSG_TYPE_UPDATE"}' || pg_temp.names(17, 1)) \g /dev/null
SELECT is(pg_temp.approve(37, 36, '{"msg_type": "CAP_MSG_TYPE_UPDATE"}' || pg_temp.names(17, 1)), 'APPLIED', 'an update of what is in force');
SELECT is((SELECT array_agg(message_id ORDER BY seq) FROM eoc.alert_in_force), ARRAY[pg_temp.uid(19), pg_temp.uid(37)], 'takes its place');
SELECT pg_temp.draft(38, '{"msg_type": "CAP_MSG_TYPE_CANCEL"}' || pg_temp.names(17, 1)) \g /dev/null
SELECT is(pg_temp.approve(39, 38, '{"msg_type": "CAP_MSG_TYPE_CANCEL"}' || pg_temp.names(17, 1)), 'CONTESTED reference', 'what was replaced is not cancelled');
SELECT pg_temp.draft(40, '{"msg_type": "CAP_MSG_TYPE_CANCEL"}' || pg_temp.names(37, 36)) \g /dev/null
SELECT is(pg_temp.approve(41, 40, '{"msg_type": "CAP_MSG_TYPE_CANCEL"}' || pg_temp.names(37, 36)), 'APPLIED', 'what replaced it is');
SELECT is((SELECT array_agg(message_id ORDER BY seq) FROM eoc.alert_in_force), ARRAY[pg_temp.uid(19)], 'and is in force no more');

-- Receipts by village ------------------------------------------------------------------------------
SELECT pg_temp.tell('receipt', jsonb_build_object('message_id', pg_temp.uid(17), 'level', 'RECEIPT_LEVEL_' || l, 'by', b), 50 + n, 1, NULL,
                    jsonb_build_object('area', jsonb_build_object('pcodes', '["3505203"]'::jsonb, 'place_name', v)), who => w)
  FROM (VALUES (1, 'DELIVERED', 'a', 'Gusar', 'coes.third'), (2, 'DISPLAYED', 'forged', 'Gusar', 'coes.third'), (3, 'ACCEPTED', 'b', 'Gusar', 'coes.khujand.hub'),
          (4, 'UNDELIVERABLE', 'c', 'Zasun', 'coes.third')) AS x(n, l, b, v, w) \g /dev/null
SELECT is((SELECT array_agg(concat_ws(' ', r.place, r.delivered, r.displayed, r.accepted, r.undeliverable) ORDER BY r.place) FROM eoc.alert_receipts r
            WHERE r.alert_id = pg_temp.uid(17)), ARRAY['Gusar 2 2 1 0', 'Zasun 0 0 0 1'], 'each counts once, as far as it came, whatever name it gives');

-- Nobody without the right to say it turns it down -------------------------------------------------
SELECT pg_temp.draft(5) \g /dev/null
SELECT is(pg_temp.tell('receipt', jsonb_build_object('message_id', pg_temp.uid(5), 'level', 'RECEIPT_LEVEL_REJECTED', 'by', 'x'), 23, 3, 'coes.partner'), 'none', 'a partner rejects');
SELECT is(pg_temp.states(5), 'WAITING ACTUAL coes.rahimov', 'and it waits still');
SELECT count(*) FROM (SELECT bus.role_add('kulob_desk', '', 'a test'), bus.rule_add('kulob_desk', 'allow', 'carry', '*', '3507209', 'RESTRICTED', '', 'a test')) AS x \g /dev/null
INSERT INTO bus.principal (name, agency, roles, serial) VALUES ('coes.kulob.desk', 'coes', 'dispatcher kulob_desk', 0);
SELECT pg_temp.tell('receipt', jsonb_build_object('message_id', pg_temp.uid(5), 'level', 'RECEIPT_LEVEL_REJECTED', 'by', 'x'), 89, 3, 'coes.nazarova', who => 'coes.kulob.desk', pcodes => '3507209') \g /dev/null
SELECT is(pg_temp.states(5), 'WAITING ACTUAL coes.rahimov', 'nor does a desk that speaks for people elsewhere, whatever place it names');
SELECT is(bus.why_no_answer('coes.partner', pg_temp.uid(5)), 'no_right', 'he hears so before');
SELECT is(bus.why_no_answer('coes.nazarova', pg_temp.uid(5)), NULL, 'who may say it may turn it down');
SELECT is(pg_temp.approve(24, 5), 'APPLIED', 'another person approves it');

-- Drafts hide nothing -------------------------------------------------------------------------------
SELECT count(pg_temp.draft(n)) FROM generate_series(1000, 1520) AS n \g /dev/null
SELECT is((SELECT count(*) FROM eoc.alert_in_force WHERE message_id = pg_temp.uid(24)), 1::int8, 'behind five hundred drafts an alert is in force');
SELECT is((SELECT count(*) FROM eoc.alert_draft WHERE author = 'coes.rahimov'), 100::int8, 'of one person the newest hundred drafts are shown');

-- A person decides; and again from the beginning ------------------------------------------------------
CREATE TEMP TABLE before AS SELECT m.seq, m.verdict FROM bus.message m;
CREATE TEMP TABLE ended AS SELECT * FROM bus.alert_ended;
SELECT bus.rejudge() \g /dev/null
SELECT is((SELECT count(*) FROM before b JOIN bus.message m USING (seq) WHERE m.verdict IS DISTINCT FROM b.verdict), 0::int8, 'judged again, all is as it was');
SELECT set_eq('SELECT alert_id, seq FROM bus.alert_ended', 'SELECT alert_id, seq FROM ended', 'and what ended, ended');
SELECT is((SELECT count(*) FROM bus.contested WHERE code IN ('own_draft', 'author')), 2::int8, 'what waits for a decision waits again');

-- Whom it warns -----------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.warns(codes text[], pcodes text, n int, cap_status text DEFAULT 'ACTUAL', name text DEFAULT 'PCODE') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    b jsonb := pg_temp.body(n, cap_status);
    r bus.append_result;
BEGIN
    b := jsonb_set(b, '{infos,0,areas}', (SELECT jsonb_agg(jsonb_build_object('description', 'x', 'geocodes', jsonb_build_array(jsonb_build_object('name', name, 'value', c)))) FROM unnest(codes) AS c));
    r := bus.append_one((SELECT principal_id FROM bus.principal WHERE bus.principal.name = 'coes.khujand.hub'), 1, 3::int2, nextval('pg_temp.told'), pg_temp.uid(n), 180::int2,
                        CASE cap_status WHEN 'DRAFT' THEN 3 ELSE 1 END::int2, pcodes, clock_timestamp(), clock_timestamp(), clock_timestamp() + interval '2 hours', NULL,
                        (2 << 4)::int2, '\x00', NULL, NULL, NULL, jsonb_build_object('public_alert', b), (SELECT log_epoch FROM bus.log_head), 0);
    RETURN concat_ws(' ', r.code[1], r.path[1], r.refusal[1]) || (SELECT count(*) FROM bus.message m WHERE m.message_id = pg_temp.uid(n));
END
$$;
SELECT is(pg_temp.warns('{3505203,350520301}', '3505203', 201), '1', 'a sender with its own key warns of the places it names, and what lies in them');
SELECT is(pg_temp.warns('{3505203}', '3505000', 202), '1', 'a region holds its districts');
SELECT is(pg_temp.warns('{3505203,3501401}', '3505203', 203),
          'place public_alert.infos.areas It warns of 3501401, and area.pcodes names 3505203; every P-code of an area lies in one of those places.0', 'of no other place');
SELECT is(pg_temp.warns('{3505}', '3505203', 204),
          'place public_alert.infos.areas It warns of 3505, and area.pcodes names 3505203; every P-code of an area lies in one of those places.0', 'nor of more than them');
SELECT is(pg_temp.warns('{3501401}', '3505203', 205, 'DRAFT'),
          'place public_alert.infos.areas It warns of 3501401, and area.pcodes names 3505203; every P-code of an area lies in one of those places.0', 'nor in a draft');
SELECT is(pg_temp.warns('{3501401}', '3505203', 206, name => 'pcode'),
          'place public_alert.infos.areas It warns of 3501401, and area.pcodes names 3505203; every P-code of an area lies in one of those places.0', 'whatever the code calls itself');
SELECT is(pg_temp.warns('{3501401}', '', 207), '1', 'without places it is of everywhere, which is a right of its own');
SELECT is(pg_temp.warns('{DE-BY}', '3505203', 208, name => 'ISO3166-2'), '1', 'codes that are not ours are not compared');

-- An incident's timeline has the alert, once, and no draft.
CREATE FUNCTION pg_temp.happened() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', t.what, t.by, t.event), ', ' ORDER BY t.seq, t.step) FROM eoc.incident_timeline t WHERE t.incident_id = pg_temp.uid(700)
$$;
CREATE FUNCTION pg_temp.of_it() RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('incident_ids', jsonb_build_array(pg_temp.uid(700))) $$;
SELECT pg_temp.tell('public_alert', pg_temp.body(70, 'DRAFT'), 70, 3, 'coes.rahimov', pg_temp.of_it()) \g /dev/null
SELECT is(pg_temp.happened(), NULL, 'a draft of an alert has not happened');
SELECT is(pg_temp.tell('public_alert', pg_temp.body(70, 'ACTUAL', sent => '1790000060000000'), 71, 1, 'coes.rahimov', pg_temp.of_it() || jsonb_build_object('preceding_id', pg_temp.uid(70))),
          'CONTESTED own_draft', 'nor is it approved by its author');
SELECT is(pg_temp.happened(), NULL, 'which is none either');
SELECT is(pg_temp.tell('public_alert', pg_temp.body(70, 'ACTUAL', sent => '1790000060000000'), 72, 1, 'coes.nazarova', pg_temp.of_it() || jsonb_build_object('preceding_id', pg_temp.uid(70))),
          'APPLIED', 'another does');
SELECT is(pg_temp.happened(), 'public_alert coes.nazarova ISSUE', 'and then the alert is there, once');

SELECT * FROM finish();
ROLLBACK;
