-- replay: what belongs to an incident, and who speaks in an exercise that plays it.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

INSERT INTO bus.principal (name, agency) VALUES ('coes.dushanbe.duty', 'coes'), ('rcst.ayni.team2', 'rcst');
\ir lib/tell.sql
CREATE FUNCTION pg_temp.tell(n int, type_name text, body jsonb, more jsonb DEFAULT '{}', status int DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.append('coes.dushanbe.duty', type_name, jsonb_build_object(type_name, body) || more, pg_temp.uid(n), status, at => now())
$$;
CREATE FUNCTION pg_temp.opens(n int, incident int, more jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS
$$ SELECT pg_temp.tell(n, 'incident', jsonb_build_object('incident_id', pg_temp.uid(incident), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Gusar') || more) $$;
CREATE FUNCTION pg_temp.of(n int) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(right(message_id::text, 2), ' ' ORDER BY seq) FROM eoc.incident_messages(pg_temp.uid(n)) $$;

SELECT pg_temp.opens(1, 50);
SELECT pg_temp.opens(2, 51);
SELECT pg_temp.opens(3, 52, jsonb_build_object('parent_id', pg_temp.uid(50)));
SELECT pg_temp.tell(4, 'situation_report', '{}', jsonb_build_object('incident_ids', jsonb_build_array(pg_temp.uid(50))));
SELECT pg_temp.tell(5, 'situation_report', '{}', jsonb_build_object('incident_ids', jsonb_build_array(pg_temp.uid(51))));
SELECT pg_temp.tell(6, 'situation_report', '{}', jsonb_build_object('incident_ids', jsonb_build_array(pg_temp.uid(52))));
SELECT pg_temp.tell(7, 'general_message', '{}', jsonb_build_object('originating_id', pg_temp.uid(4)));
SELECT pg_temp.tell(8, 'general_message', '{}');
SELECT is(pg_temp.of(50), '01 03 04 06 07', 'what names it or a part of it, what moved it, and the threads of these');
SELECT is(pg_temp.of(52), '03 06', 'a part alone');
SELECT is(pg_temp.of(49), NULL, 'nothing is of an incident that there is not');
SELECT pg_temp.tell(9, 'incident_transition', jsonb_build_object('incident_id', pg_temp.uid(51), 'event', 'INCIDENT_EVENT_MERGED',
                                                                'merged_into', pg_temp.uid(50)));
SELECT is(pg_temp.of(50), '01 02 03 04 05 06 07 09', 'what was merged into it belongs to it');

-- Who speaks
CREATE FUNCTION pg_temp.agency(status int, doc jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT (bus.said_of(1, pg_temp.uid(1), (SELECT principal_id FROM bus.principal WHERE name = 'coes.dushanbe.duty'), 4::int2, 140::int2,
                        status::int2, 0::int2, '3505203', now(), now(), NULL, false, doc)).agency
$$;
SELECT is(pg_temp.agency(2, '{"played": {"sender": "rcst.ayni.team2", "seq": "7"}}'), 'rcst', 'an exercise is judged as its first sender''s word');
SELECT is(pg_temp.agency(1, '{"played": {"sender": "rcst.ayni.team2", "seq": "7"}}'), 'coes', 'what is real never');
SELECT is(pg_temp.agency(2, '{}'), 'coes', 'nor an exercise that plays nothing');
SELECT isnt(pg_temp.agency(2, '{"played": {"sender": "gone.and.away", "seq": "7"}}'), NULL, 'one whose first sender is not known here has an agency too');

-- A decision about it goes to who plays it.
SELECT pg_temp.tell(20, 'incident_transition', jsonb_build_object('incident_id', pg_temp.uid(60), 'event', 'INCIDENT_EVENT_OPENED'),
                    '{"played": {"sender": "rcst.ayni.team2", "seq": "7"}}', 2);
SELECT pg_temp.tell(21, 'incident', jsonb_build_object('incident_id', pg_temp.uid(60), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Gusar'), '{}', 2);
SELECT is((SELECT string_agg(s.entries, ' ') FROM bus.to_say s WHERE s.type = 204), 'coes.dushanbe.duty', 'who plays it hears what became of it');
-- Nor does it speak for every place because it plays the bus.
SELECT ok(NOT bus.is_place_of(bus.said_of(9, pg_temp.uid(1), (SELECT principal_id FROM bus.principal WHERE name = 'coes.dushanbe.duty'), 4::int2, 141::int2, 2::int2,
                                          0::int2, '3505203', now(), now(), NULL, false, '{"played": {"sender": "bus", "seq": "7"}}'), '3504207'),
          'who plays the bus is not the bus');

SELECT * FROM finish();
ROLLBACK;
