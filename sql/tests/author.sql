-- author: several people speak through one desk; each word counts as that person's, by that person's rights.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

-- Khujand is 3501401, Kulob 3504203. The page may everything itself; one that is no desk may, too.
INSERT INTO bus.principal (name, agency, roles, places) VALUES
    ('coes.dushanbe.page', 'coes', 'eoc desk', ''), ('coes.dushanbe.other', 'coes', 'eoc', ''),
    ('coes.khujand.rahimov', 'coes', 'dispatcher', '3501401'), ('coes.khujand.umarov', 'coes', 'dispatcher', '3501401'),
    ('coes.kulob.saidov', 'coes', 'dispatcher', '3504203'), ('coes.kulob.chief', 'coes', 'dispatcher', '3504203'),
    ('coes.kulob.gone', 'coes', 'dispatcher', '3504203'), ('coes.kulob.office', 'coes', 'district', '3504203');
UPDATE bus.principal SET revoked_at = now() WHERE name = 'coes.kulob.gone';
\ir lib/tell.sql
-- Says one message, of `who` or of `who` through a sender ("page: who"); answers its verdict, and the code if there is one.
CREATE FUNCTION pg_temp.tell(who text, type_name text, body jsonb, pcodes text, n int DEFAULT NULL, for_whom text DEFAULT NULL,
                             more jsonb DEFAULT '{}', status int DEFAULT 1)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    sender text := 'coes.dushanbe.' || nullif(split_part(who, ': ', 1), who);
BEGIN
    RETURN pg_temp.verdict(pg_temp.append(coalesce(sender, who), type_name, jsonb_build_object(type_name, body) || more
                               || CASE WHEN sender IS NULL THEN '{}' ELSE jsonb_build_object('author', split_part(who, ': ', 2)) END,
                           coalesce(pg_temp.uid(n), gen_random_uuid()), status, pcodes, lane => 3, for_whom => for_whom));
END
$$;
CREATE FUNCTION pg_temp.opens(who text, n int, pcodes text) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell(who, 'incident', jsonb_build_object('incident_id', pg_temp.uid(n), 'hazard', 'HAZARD_MUDFLOW', 'name', 'x'), pcodes)
$$;
CREATE FUNCTION pg_temp.moves(who text, n int, event text, pcodes text, m int DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell(who, 'incident_transition', jsonb_build_object('incident_id', pg_temp.uid(n), 'event', 'INCIDENT_EVENT_' || event), pcodes, m)
$$;
CREATE FUNCTION pg_temp.decides(who text, m int, pcodes text, ruling text DEFAULT 'DISMISSED') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell(who, 'decision', jsonb_build_object('message_id', pg_temp.uid(m), 'ruling', 'RULING_' || ruling), pcodes)
$$;
CREATE FUNCTION pg_temp.answers(who text, n int, level text DEFAULT 'ACCEPTED') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell(who, 'receipt', jsonb_build_object('message_id', pg_temp.uid(n), 'level', 'RECEIPT_LEVEL_' || level), '')
$$;
CREATE FUNCTION pg_temp.why() RETURNS text LANGUAGE sql AS $$ SELECT text FROM bus.quarantine ORDER BY received_at DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.names(ids int4[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(p.name, ' ' ORDER BY p.name) FROM bus.principal p WHERE p.principal_id = ANY (ids)
$$;

-- A thing of another place --------------------------------------------------------------------------
SELECT is(pg_temp.opens('coes.kulob.office', 1, '3504203'), 'APPLIED', 'an incident of Kulob');
SELECT is(pg_temp.moves('page: coes.khujand.rahimov', 1, 'OPENED', '3501401'), 'REFUSED place', 'a person of Khujand does not move it');
SELECT is(pg_temp.moves('coes.dushanbe.page', 1, 'OPENED', '3501401'), 'APPLIED', 'though the page itself could');
SELECT is((SELECT p.name FROM bus.moved m JOIN bus.principal p USING (principal_id) WHERE m.entity = pg_temp.uid(1) AND m.event = 'OPENED'),
          'coes.dushanbe.page', 'and it was the page');
SELECT is(pg_temp.opens('page: coes.kulob.saidov', 2, '3504203'), 'APPLIED', 'one that a person opens');
SELECT is(pg_temp.moves('page: coes.kulob.chief', 2, 'OPENED', '3504203'), 'APPLIED', 'another one of that place goes on');
SELECT is((SELECT array_agg(m.by ORDER BY m.seq) FROM eoc.moved m WHERE m.entity = pg_temp.uid(2)),
          ARRAY['coes.kulob.saidov', 'coes.kulob.chief'], 'the record has both persons');
SELECT is((SELECT opened_by FROM eoc.incident_now WHERE incident_id = pg_temp.uid(2)), 'coes.kulob.saidov', 'and who opened it');

-- Deciding ------------------------------------------------------------------------------------------
SELECT is(pg_temp.moves('page: coes.kulob.saidov', 3, 'OPENED', '3504203', 31), 'HELD', 'a move before its incident');
SELECT is((SELECT sender FROM eoc.undecided WHERE message_id = pg_temp.uid(31)), 'coes.kulob.saidov', 'it is shown as that person''s');
SELECT is(pg_temp.decides('page: coes.khujand.rahimov', 31, '3501401'), 'REFUSED rights', 'a person of Khujand does not decide what is Kulob''s');
SELECT matches(pg_temp.why(), 'coes.khujand.rahimov may not', 'and hears so by name');
SELECT is(pg_temp.decides('page: coes.kulob.saidov', 31, '3504203'), 'REFUSED own_message', 'nobody settles what he said himself');
SELECT is(pg_temp.decides('page: coes.kulob.chief', 31, '3504203'), 'APPLIED', 'a second person at the same page does');
SELECT is((SELECT p.name FROM bus.held h JOIN bus.document d ON d.type = 204 AND d.seq = h.settled_seq
             JOIN bus.principal p ON p.name = d.doc->>'author' WHERE h.message_id = pg_temp.uid(31)), 'coes.kulob.chief', 'who, is in the record');
SELECT is(pg_temp.moves('coes.dushanbe.page', 3, 'OPENED', '3504203', 32), 'HELD', 'what the page says itself');
SELECT is(pg_temp.decides('coes.dushanbe.page', 32, '3504203'), 'REFUSED own_message', 'it does not settle');
SELECT is(pg_temp.decides('page: coes.kulob.saidov', 32, '3504203'), 'APPLIED', 'a person there does');
SELECT is(pg_temp.moves('page: coes.kulob.saidov', 4, 'OPENED', '3504203', 41), 'HELD', 'a move that waits');
SELECT is(pg_temp.opens('coes.kulob.office', 4, '3504203'), 'APPLIED', 'until its incident comes');
SELECT is((SELECT p.name FROM bus.moved m JOIN bus.principal p USING (principal_id) WHERE m.message_id = pg_temp.uid(41)),
          'coes.kulob.saidov', 'is that person''s still');
SELECT bus.tick(100) \g /dev/null
SELECT is((SELECT d.doc->'to' FROM bus.document d WHERE d.type = 204 AND d.sender_id = 0 AND d.doc->'decision'->>'message_id' = pg_temp.uid(41)::text),
          '["coes.dushanbe.page"]', 'and what became of it is told to the page, where the person sits');

-- For whom its sender may not speak -----------------------------------------------------------------
SELECT is(pg_temp.moves('other: coes.kulob.saidov', 2, 'CONFIRMED', '3504203'), 'REFUSED author', 'who is no desk speaks for nobody');
SELECT matches(pg_temp.why(), 'coes.dushanbe.other speaks for coes.kulob.saidov, and may not', 'says why');
SELECT is(pg_temp.moves('page: coes.kulob.gone', 2, 'CONFIRMED', '3504203'), 'REFUSED author', 'nobody speaks for who is revoked');
SELECT is(pg_temp.moves('page: coes.nobody', 2, 'CONFIRMED', '3504203'), 'REFUSED author', 'nor for who is not there');
SELECT is(pg_temp.moves('page: coes.dushanbe.page', 5, 'OPENED', '3504203', 51), 'HELD', 'itself it may name');
SELECT is(pg_temp.moves('other: coes.dushanbe.other', 5, 'OPENED', '3504203', 52), 'HELD', 'whoever it is');
SELECT is(pg_temp.tell('other: coes.kulob.saidov', 'household_event', jsonb_build_object('household_id', pg_temp.uid(60), 'affected', '{"members": 3}'::jsonb),
                       '3504203', 61), 'CONTESTED', 'what has happened is kept, and a person sees to it');
SELECT is(pg_temp.decides('page: coes.kulob.chief', 61, '3504203', 'APPLIED'), 'APPLIED', 'who may apply it');
SELECT is((SELECT p.name FROM bus.household h JOIN bus.principal p ON p.principal_id = h.sender_id WHERE household_id = pg_temp.uid(60)),
          'coes.dushanbe.other', 'as its sender''s');

-- Who answers an alert ------------------------------------------------------------------------------
SELECT is(pg_temp.tell('coes.dushanbe.page', 'duty_roster', jsonb_build_object('role', 'duty', 'place', '3504203', 'period', jsonb_build_object(
              'from_us', bus.us(now() - interval '1 hour')::text, 'to_us', bus.us(now() + interval '1 day')::text),
              'shifts', (SELECT jsonb_agg(jsonb_build_object('principal', x.who, 'order', x.n, 'delegated_by', x.by, 'period', jsonb_build_object(
                             'from_us', bus.us(now() - interval '1 hour')::text, 'to_us', bus.us(now() + interval '1 day')::text)))
                           FROM (VALUES ('coes.kulob.saidov', 1, ''), ('coes.kulob.chief', 2, 'coes.kulob.saidov')) AS x(who, n, by))), '3504203'),
          'none', 'Saidov is on duty in Kulob, the chief by his delegation');
CREATE FUNCTION pg_temp.alarm(n int) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell('coes.kulob.office', 'sensor_detection', jsonb_build_object('level', 'DETECTION_LEVEL_ALARM', 'hazard', 'HAZARD_MUDFLOW', 'torrent_id', n),
                        '3504203', n)
$$;
SELECT is(pg_temp.alarm(101), 'none', 'an alarm of Kulob');
SELECT is(pg_temp.answers('page: coes.khujand.rahimov', 101), 'none', 'who is not on duty there');
SELECT is(pg_temp.answers('coes.dushanbe.page', 101), 'none', 'nor the page itself');
SELECT is((SELECT array_agg(n.note || ' ' || p.name ORDER BY n.seq) FROM bus.alert_answer n JOIN bus.principal p USING (principal_id) WHERE n.alert_id = pg_temp.uid(101)),
          ARRAY['not_asked coes.khujand.rahimov', 'not_asked coes.dushanbe.page'], 'take it not, and it is told so');
SELECT is(bus.why_no_answer('coes.khujand.rahimov', pg_temp.uid(101)), 'not_asked', 'before the answer, too');
SELECT is(bus.why_no_answer('coes.kulob.saidov', pg_temp.uid(101)), NULL, 'who is on duty may');
SELECT is(bus.why_no_answer('coes.kulob.saidov', pg_temp.uid(1)), NULL, 'what is no alert anybody receipts');
SELECT is(pg_temp.answers('page: coes.kulob.saidov', 101), 'APPLIED', 'the person on duty takes it at the page');
SELECT is((SELECT x.by FROM eoc.escalation x WHERE x.alert_id = pg_temp.uid(101) AND x.what = 'ACCEPTED' AND x.note = ''), 'coes.kulob.saidov',
          'and it is taken by that person');
SELECT is(pg_temp.alarm(102), 'none', 'another alarm');
SELECT is(pg_temp.answers('page: coes.kulob.chief', 102), 'APPLIED', 'a delegate takes it as well');
SELECT is(pg_temp.alarm(103), 'none', 'one more');
SELECT is(pg_temp.answers('other: coes.kulob.saidov', 103), 'none', 'through who is no desk');
SELECT is((SELECT p.name FROM bus.alert_answer n JOIN bus.principal p USING (principal_id) WHERE n.alert_id = pg_temp.uid(103)), 'coes.dushanbe.other',
          'it is the word of that sender, which was not asked');
SELECT is(pg_temp.answers('page: coes.kulob.saidov', 104), 'none', 'an answer that is here before its alarm');
SELECT is(pg_temp.alarm(104), 'none', 'a FLASH on its way');
SELECT is((SELECT p.name FROM bus.alert_answer n JOIN bus.principal p USING (principal_id) WHERE n.alert_id = pg_temp.uid(104) AND n.counts), 'coes.kulob.saidov',
          'counts for the person');
-- One person writes a public alert, another one says it.
CREATE FUNCTION pg_temp.cap(writer text, who text, n int, msg text, at text, of int DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    body jsonb := jsonb_build_object('identifier', 'A' || n, 'cap_sender', 'coes.tj', 'sent_us', '1790000000000000', 'msg_type', 'CAP_MSG_TYPE_' || msg, 'codes', '["eocbus:actual"]'::jsonb,
        'infos', '[{"urgency": "URGENCY_IMMEDIATE"}]'::jsonb, 'references', CASE WHEN of IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object(
            'message_id', pg_temp.uid(of), 'identifier', 'A' || of, 'cap_sender', 'coes.tj', 'sent_us', '1790000000000000')) END);
BEGIN
    PERFORM pg_temp.tell(writer, 'public_alert', body || '{"status": "CAP_STATUS_DRAFT"}', at, n + 1000, status => 3);
    RETURN pg_temp.tell(who, 'public_alert', body || '{"status": "CAP_STATUS_ACTUAL"}', at, n, more => jsonb_build_object('preceding_id', pg_temp.uid(n + 1000)));
END
$$;
SELECT is(pg_temp.cap('page: coes.kulob.chief', 'page: coes.kulob.saidov', 105, 'ALERT', '3504203'), 'APPLIED', 'an alert that a person issues');
SELECT is(bus.why_no_answer('coes.kulob.saidov', pg_temp.uid(105)), 'own', 'he does not take himself');
SELECT is(pg_temp.answers('page: coes.kulob.saidov', 105), 'none', 'nor does it count');
SELECT is((SELECT note FROM bus.alert_answer WHERE alert_id = pg_temp.uid(105)), 'own', 'since it is his own');
SELECT is(pg_temp.answers('page: coes.kulob.chief', 105), 'APPLIED', 'another person at the page does');
SELECT is(pg_temp.cap('page: coes.kulob.chief', 'page: coes.khujand.rahimov', 106, 'CANCEL', '3501401', 105), 'APPLIED', 'who has no right there');
SELECT is((SELECT count(*) FROM bus.alert_ended WHERE alert_id = pg_temp.uid(105)), 0::int8, 'cancels nothing');
SELECT is(pg_temp.cap('page: coes.kulob.chief', 'page: coes.kulob.saidov', 107, 'CANCEL', '3501401', 105), 'APPLIED', 'who issued it');
SELECT is((SELECT count(*) FROM bus.alert_ended WHERE alert_id = pg_temp.uid(105)), 1::int8, 'does');
SELECT is(pg_temp.cap('page: coes.dushanbe.page', 'page: coes.kulob.chief', 108, 'ALERT', '3504203'), 'APPLIED', 'what the page''s own principal wrote a person says');
SELECT is(pg_temp.cap('other: coes.kulob.chief', 'page: coes.kulob.saidov', 109, 'ALERT', '3504203'), 'CONTESTED', 'not what was written in a name that was not vouched for');
SELECT is(pg_temp.cap('page: coes.kulob.saidov', 'other: coes.kulob.chief', 110, 'ALERT', '3504203'), 'CONTESTED', 'nor so that nobody vouches for who says it');

-- Receipts of other messages ------------------------------------------------------------------------
SELECT is(pg_temp.tell('coes.kulob.office', 'general_message', '{"text": "x"}', '3504203', 120, 'duty@3504203 coes.khujand.umarov'), 'none', 'a message to who is on duty, and to a person');
SELECT is(pg_temp.answers('page: coes.khujand.umarov', 120), 'none', 'the person has it');
SELECT is(pg_temp.answers('page: coes.khujand.rahimov', 120), 'none', 'a stranger has not');
SELECT is(pg_temp.answers('page: coes.kulob.saidov', 120, 'DISPLAYED'), 'none', 'who is on duty sees it');
SELECT is((SELECT array_agg(concat_ws(' ', r.recipient, r.level, r.by) ORDER BY r.recipient) FROM eoc.recipient r WHERE r.message_id = pg_temp.uid(120)),
          ARRAY['coes.khujand.umarov ACCEPTED coes.khujand.umarov', 'duty@3504203 DISPLAYED coes.kulob.saidov'], 'each entry by its person');
SELECT is((SELECT s.note FROM eoc.recipient_step s WHERE s.message_id = pg_temp.uid(120) AND s.by = 'coes.khujand.rahimov'), 'not_a_recipient', 'and the stranger is told so');
SELECT is(pg_temp.tell('page: coes.khujand.rahimov', 'duty_roster', '{"role": "duty", "place": "3504203", "shifts": []}', '3501401'), 'none', 'a person of Khujand');
SELECT is((SELECT max(set_by) FROM bus.duty_roster WHERE place = '3504203'), (SELECT principal_id FROM bus.principal WHERE name = 'coes.dushanbe.page'),
          'says not who is on duty in Kulob');

-- Judged again --------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.all_of_it() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(E'\n', (SELECT string_agg(x::text, E'\n' ORDER BY x.seq, x.entity) FROM (SELECT m.seq, m.principal_id, m.entity, m.event, m.to_state FROM bus.moved m) AS x),
                     (SELECT string_agg(x::text, E'\n' ORDER BY x.alert_id, x.seq) FROM bus.alert_answer x),
                     (SELECT string_agg(x::text, E'\n' ORDER BY x.alert_id) FROM bus.alert_ended x),
                     (SELECT string_agg(concat_ws(' ', x.seq, x.sender_id, x.settled_seq, x.settled_as), E'\n' ORDER BY x.seq) FROM bus.held x),
                     (SELECT string_agg(concat_ws(' ', x.seq, x.code, x.settled_seq, x.settled_as), E'\n' ORDER BY x.seq) FROM bus.contested x),
                     (SELECT string_agg(x::text, E'\n' ORDER BY x.household_id) FROM bus.household x),
                     (SELECT string_agg(concat_ws(' ', m.seq, m.verdict), E'\n' ORDER BY m.seq) FROM bus.message m))
$$;
SELECT pg_temp.all_of_it() AS was \gset
UPDATE bus.principal SET revoked_at = now(), roles = 'partner' WHERE name LIKE 'coes.k%';
UPDATE bus.principal SET roles = 'eoc desk' WHERE name = 'coes.dushanbe.other';
SELECT cmp_ok(bus.rejudge(), '>', 20::int8, 'the log is judged again, when rights are others');
SELECT is(pg_temp.all_of_it(), :'was', 'and it is the same again');
UPDATE bus.ledger_setting SET authors_from = (SELECT seq FROM bus.log_head);
SELECT bus.rejudge() \g /dev/null
SELECT is((SELECT string_agg(DISTINCT p.name, ' ' ORDER BY p.name) FROM bus.moved m JOIN bus.principal p USING (principal_id) WHERE p.name LIKE 'coes.kulob.s%'),
          NULL, 'what was judged before authors counted stays its sender''s');
-- Read for a person -----------------------------------------------------------------------------------
UPDATE bus.principal SET revoked_at = NULL, roles = 'dispatcher' WHERE name = 'coes.khujand.rahimov';
UPDATE bus.principal SET roles = 'eoc' WHERE name = 'coes.dushanbe.other';
CREATE ROLE page_desk LOGIN IN ROLE bus_console, bus_reader;
CREATE ROLE page_none LOGIN IN ROLE bus_console, bus_reader;
SELECT bus.reader_set('page_desk', 'coes.dushanbe.page'), bus.reader_set('page_none', 'coes.dushanbe.other') \g /dev/null
INSERT INTO bus.principal (name, agency, roles, places) VALUES
    ('rcst.khujand.team', 'rcst', 'partner', '3501401'), ('coes.dushanbe.dispatcher', 'coes', 'dispatcher', '3505000'),
    ('coes.dushanbe.small', 'coes', 'dispatcher desk', '3501000'), ('coes.dushanbe.witness', 'coes', 'witness', '');
CREATE ROLE page_small LOGIN IN ROLE bus_console, bus_reader;
SELECT bus.reader_set('page_small', 'coes.dushanbe.small') \g /dev/null
INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, log_epoch, sender_id, marks, lane, type, status, message_id, places, content)
SELECT 100000 + row_number() OVER (), 1, 1, now(), now(), 1, (SELECT principal_id FROM bus.principal WHERE name = 'coes.kulob.office'), l << 4, 4,
       t.number, 1, gen_random_uuid(), w.places, '\x00'
  FROM bus.type t, generate_series(1, 4) AS l, (VALUES (''), ('3501401'), ('3504203'), ('3505203 3501401')) AS w(places);
INSERT INTO bus.recipient_reach (seq, level_at, principal_id, ordinal, level)
SELECT m.seq, now(), p.principal_id, 1, 1 FROM bus.message m, bus.principal p
 WHERE m.seq > 100000 AND p.name IN ('rcst.khujand.team', 'coes.khujand.rahimov', 'coes.dushanbe.small') AND (m.seq + p.principal_id) % 5 = 0;
CREATE TEMP TABLE heard (login text, person text, seq int8);
GRANT INSERT ON heard TO PUBLIC;
CREATE FUNCTION pg_temp.read_as(login text, person text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', login);
    PERFORM set_config('bus.reads_for', person, true);
    INSERT INTO heard SELECT login, person, m.seq FROM bus.message m WHERE m.seq > 100000;
    PERFORM set_config('bus.reads_for', '', true);
    RESET SESSION AUTHORIZATION;
END
$$;
SELECT pg_temp.read_as(l, p) FROM (VALUES ('page_desk', ''), ('page_desk', 'rcst.khujand.team'), ('page_desk', 'coes.khujand.rahimov'), ('page_desk', 'coes.kulob.gone'),
                                          ('page_desk', 'coes.dushanbe.page'), ('page_desk', 'coes.dushanbe.witness'), ('page_none', 'coes.dushanbe.other'),
                                          ('page_none', 'coes.khujand.rahimov'), ('page_small', 'rcst.khujand.team'), ('page_small', 'coes.khujand.rahimov'),
                                          ('page_small', 'coes.dushanbe.dispatcher')) AS x(l, p) \g /dev/null
-- What both may hear; what is for the person is for the desk as well.
CREATE FUNCTION pg_temp.should(login text, person text) RETURNS SETOF int8 LANGUAGE sql AS $$
    SELECT m.seq FROM bus.message m JOIN bus.type t ON t.number = m.type JOIN bus.principal s ON s.principal_id = m.sender_id
     CROSS JOIN LATERAL (SELECT coalesce(string_agg(q.name, ' '), '') AS names FROM bus.recipient_reach e JOIN bus.principal q USING (principal_id) WHERE e.seq = m.seq) AS r
     CROSS JOIN LATERAL (SELECT (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[m.marks >> 4] AS word) AS w
     WHERE m.seq > 100000 AND bus.may(person, 'hear', t.name, m.places, w.word, s.name, r.names)
       AND bus.may(login, 'hear', t.name, m.places, w.word, s.name, r.names || CASE WHEN person = ANY (string_to_array(r.names, ' ')) THEN ' ' || login ELSE '' END)
$$;
SELECT is((SELECT count(*) FROM heard WHERE person = 'coes.kulob.gone'), 0::int8, 'for who is revoked nothing is read');
SELECT is((SELECT count(*) FROM heard WHERE login = 'page_none' AND person = 'coes.khujand.rahimov'), 0::int8, 'who is no desk reads for nobody else');
SELECT cmp_ok((SELECT count(*) FROM heard WHERE login = 'page_none' AND person = 'coes.dushanbe.other'), '>', 500::int8, 'but for itself');
SELECT set_eq($q$SELECT seq FROM heard WHERE person = 'coes.dushanbe.page'$q$, $q$SELECT seq FROM heard WHERE person = ''$q$, 'so does a desk');
SELECT cmp_ok((SELECT count(*) FROM heard WHERE login = 'page_desk' AND person = 'coes.khujand.rahimov'), '>', 50::int8, 'a person reads something');
SELECT set_eq(format('SELECT seq FROM heard WHERE login = %L AND person = %L', x.login, x.person),
              format('SELECT * FROM pg_temp.should(%L, %L)', x.desk, x.person), format('%s at %s reads what both may hear', x.person, x.desk))
  FROM (VALUES ('page_desk', 'coes.dushanbe.page', 'rcst.khujand.team'), ('page_desk', 'coes.dushanbe.page', 'coes.khujand.rahimov'),
               ('page_desk', 'coes.dushanbe.page', 'coes.dushanbe.witness'), ('page_small', 'coes.dushanbe.small', 'rcst.khujand.team'),
               ('page_small', 'coes.dushanbe.small', 'coes.khujand.rahimov'), ('page_small', 'coes.dushanbe.small', 'coes.dushanbe.dispatcher')) AS x(login, desk, person);
CREATE FUNCTION pg_temp.rights(login text, person text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', login);
    answer := bus.rights_text(person);
    RESET SESSION AUTHORIZATION;
    RETURN answer;
END
$$;
SELECT matches(pg_temp.rights('page_desk', 'coes.khujand.rahimov'), '^hear [0-5]+\nsay [0-5]+\nplaces 3501401\nagency coes\nduties $', 'a program is told what a person may');
SELECT is(pg_temp.rights('page_none', 'coes.khujand.rahimov'), '', 'if it is a desk');

SELECT * FROM finish();
ROLLBACK;
