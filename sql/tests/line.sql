-- line: what is wanted and who has promised what of it, from the first word to the way home, and what must not happen.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only on
BEGIN;
SET LOCAL search_path = pg_temp, pg_catalog, tap;
SET LOCAL client_min_messages = error;
SELECT no_plan();

-- Telling ------------------------------------------------------------------------------------------
INSERT INTO bus.principal (name, agency, roles, places) VALUES
    ('coes.ayni.office', 'coes', 'district', '3505203'), ('rcst.khujand.depot', 'rcst', 'supplier', '3505401'),
    ('mod.dushanbe.depot', 'mod', 'supplier', '3501000'), ('coes.rasht.office', 'coes', 'district', '3504207'),
    ('rcst.khujand.team2', 'rcst', 'supplier', '3505401'), ('health.ayni.office', 'health', 'district', '3505203');
CREATE SEQUENCE pg_temp.told;
CREATE FUNCTION pg_temp.uid(n int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.type_of(who text) RETURNS int2 LANGUAGE sql AS $$ SELECT number::int2 FROM bus.type WHERE name = who $$;
-- Says message `n`, an answer to message `to`; answers its verdict, and the code if there is one.
CREATE FUNCTION pg_temp.tell(n int, type_name text, who text, lines jsonb, to_n int DEFAULT NULL, more jsonb DEFAULT '{}', status int DEFAULT 1,
                             at timestamptz DEFAULT now(), until timestamptz DEFAULT NULL, pcode text DEFAULT '3505203', thread int DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r bus.append_result;
BEGIN
    r := bus.append_one((SELECT principal_id FROM bus.principal WHERE name = who), 1, 4::int2, nextval('pg_temp.told'), pg_temp.uid(n),
                        pg_temp.type_of(type_name), status::int2, pcode, at, clock_timestamp(), until, NULL, (2 << 4)::int2,
                        ('\x' || lpad(to_hex(n), 8, '0'))::bytea, NULL, NULL, NULL,
                        jsonb_strip_nulls(jsonb_build_object('preceding_id', pg_temp.uid(to_n), 'originating_id', pg_temp.uid(coalesce(thread, n)),
                                                             'incident_ids', more->'incident_ids'))
                            || jsonb_build_object(type_name, jsonb_strip_nulls(jsonb_build_object('lines', lines)) || (more - 'incident_ids')),
                        (SELECT log_epoch FROM bus.log_head), 0);
    IF r.outcome[1] >= 5 THEN
        RETURN 'REFUSED ' || r.code[1];
    END IF;
    RETURN (SELECT coalesce((ARRAY['APPLIED', 'HELD', 'CONTESTED'])[m.verdict], 'none') FROM bus.message m WHERE m.seq = r.head);
END
$$;
-- One line of a message: what, how much, answer, times.
CREATE FUNCTION pg_temp.line(quantity numeric DEFAULT NULL, answer text DEFAULT NULL, item text DEFAULT NULL, line_id int DEFAULT 1,
                             times jsonb DEFAULT NULL, unit text DEFAULT 'H87', more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
        'line_id', line_id, 'response', CASE WHEN answer IS NOT NULL THEN jsonb_build_object('type', 'RESPONSE_TYPE_' || answer) END,
        'resource', jsonb_build_object('kind', 'excavator', 'resource_id', item),
        'assignment', CASE WHEN quantity IS NOT NULL THEN jsonb_build_object('quantity', jsonb_build_object('value', (quantity * 10)::int8::text, 'scale', 1, 'unit', unit)) END,
        'schedules', (SELECT jsonb_agg(jsonb_build_object('type', 'SCHEDULE_TYPE_' || k, 'time_us', bus.us(v::timestamptz)::text)) FROM jsonb_each_text(times) AS x(k, v)))) || more)
$$;
CREATE FUNCTION pg_temp.at(a text, b text, c text DEFAULT NULL, d text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_strip_nulls(jsonb_build_object(a, b, coalesce(c, 'X'), d)) $$;
CREATE FUNCTION pg_temp.done(kind text) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('ACTUAL_' || kind, now()) $$;
-- Where the lines of thread `n` stand, in the order in which suppliers came; and what is wanted.
CREATE FUNCTION pg_temp.states(n int, number int DEFAULT 1) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(state || CASE WHEN is_provisional THEN '?' ELSE '' END, ' ' ORDER BY first_seq) FROM bus.line WHERE thread = pg_temp.uid(n) AND line_id = number $$;
CREATE FUNCTION pg_temp.wanted(n int, number int DEFAULT 1) RETURNS text LANGUAGE sql AS
$$ SELECT state || ' ' || trim_scale(promised) FROM bus.request WHERE thread = pg_temp.uid(n) AND line_id = number $$;

-- The story: from a request to the way home ----------------------------------------------------------
SELECT is(pg_temp.tell(11, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(2, 'ACCEPT'), 10), 'HELD', 'an answer before its question waits');
SELECT is(pg_temp.tell(10, 'request_resource', 'coes.ayni.office', pg_temp.line(2)), 'APPLIED', 'Ayni asks for two excavators');
SELECT is(pg_temp.states(10), 'AVAILABLE', 'and the answer finds it');
SELECT is(pg_temp.wanted(10), 'OPEN 0', 'nobody has promised anything');
SELECT is(pg_temp.tell(12, 'response_to_request_resource', 'mod.dushanbe.depot', pg_temp.line(NULL, 'DECLINE'), 10), 'APPLIED', 'another one declines');
SELECT is(pg_temp.states(10), 'AVAILABLE DECLINED', 'which takes nothing from the first');
SELECT is(pg_temp.tell(13, 'requisition_resource', 'health.ayni.office', pg_temp.line(2), 11), 'REFUSED not_yours', 'another agency does not order it');
SELECT is(pg_temp.tell(14, 'requisition_resource', 'coes.rasht.office', pg_temp.line(2), 11, pcode => '3504207'), 'REFUSED not_yours', 'nor does another district');
SELECT is(pg_temp.tell(15, 'requisition_resource', 'coes.ayni.office', pg_temp.line(2), 11), 'APPLIED', 'Ayni does');
SELECT is(pg_temp.tell(16, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(2, 'ACCEPT'), 15), 'REFUSED not_yours', 'who was not asked does not commit');
SELECT is(pg_temp.tell(17, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(2, 'ACCEPT', 'EX-07, EX-09'), 15), 'APPLIED', 'who was asked does');
SELECT is(pg_temp.wanted(10), 'MET 2', 'and the request is met');
SELECT is(pg_temp.tell(18, 'report_resource_deployment_status', 'rcst.khujand.team2', pg_temp.line(times => pg_temp.done('DEPARTURE')), 17), 'APPLIED', 'they leave');
SELECT is(pg_temp.states(10), 'EN_ROUTE DECLINED', 'they are on the road');
SELECT is(pg_temp.tell(19, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.done('ARRIVAL')), 17), 'APPLIED', 'one arrives');
SELECT is((SELECT arrived FROM bus.line WHERE thread = pg_temp.uid(10) AND state = 'ON_SCENE'), 1.0, 'one of two');
SELECT is(pg_temp.tell(20, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.done('ARRIVAL')), 17), 'APPLIED', 'and the other');
SELECT is(pg_temp.tell(21, 'release_resource', 'coes.ayni.office', pg_temp.line(2), thread => 10), 'APPLIED', 'they are released, whoever has them');
SELECT is(pg_temp.wanted(10), 'CLOSED 2', 'nothing is wanted any more');
SELECT is(pg_temp.tell(22, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('RETURN_DEPARTURE')), 17), 'APPLIED', 'on the way home');
SELECT is(pg_temp.tell(23, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('RETURN_ARRIVAL')), 17), 'APPLIED', 'home');
SELECT is(pg_temp.states(10), 'RETURNED DECLINED', 'that is the end');
SELECT is((SELECT string_agg(event, ' ' ORDER BY step) FROM eoc.moved m JOIN bus.line l ON l.strand_id = m.entity WHERE l.thread = pg_temp.uid(10) AND l.agency = 'rcst'),
          'RESPOND REQUISITION COMMIT DEPART ARRIVE ARRIVE RELEASE RETURN_DEPART RETURN_ARRIVE', 'its history');

SELECT * FROM finish();
ROLLBACK;
