-- line: what is wanted and who has promised what of it, from the first word to the way home, and what must not happen.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

-- Telling ------------------------------------------------------------------------------------------
INSERT INTO bus.principal (name, agency, roles, places) VALUES
    ('coes.ayni.office', 'coes', 'district', '3505203'), ('rcst.khujand.depot', 'rcst', 'supplier', '3505401'),
    ('mod.dushanbe.depot', 'mod', 'supplier', '3501000'), ('coes.rasht.office', 'coes', 'district', '3504207'),
    ('rcst.khujand.team2', 'rcst', 'supplier', '3505401'), ('health.ayni.office', 'health', 'district', '3505203'),
    ('kmk.dushanbe.eoc', 'kmk', 'eoc', ''), ('kmk.khujand.desk', 'kmk', 'dispatcher', '3505000'), ('kmk.rasht.desk', 'kmk', 'dispatcher', '3504207');
\ir lib/tell.sql
CREATE FUNCTION pg_temp.type_of(who text) RETURNS int2 LANGUAGE sql AS $$ SELECT number::int2 FROM bus.type WHERE name = who $$;
-- Says message `n`, an answer to message `to`; answers its verdict, and the code if there is one.
CREATE FUNCTION pg_temp.tell(n int, type_name text, who text, lines jsonb, to_n int DEFAULT NULL, more jsonb DEFAULT '{}', status int DEFAULT 1,
                             at timestamptz DEFAULT now(), until timestamptz DEFAULT NULL, pcode text DEFAULT '3505203', thread int DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_temp.verdict(pg_temp.append(who, type_name,
        jsonb_strip_nulls(jsonb_build_object('preceding_id', pg_temp.uid(to_n), 'originating_id', pg_temp.uid(coalesce(thread, n)),
                                             'incident_ids', more->'incident_ids', 'to', more->'to'))
            || jsonb_build_object(type_name, jsonb_strip_nulls(jsonb_build_object('lines', lines)) || (more - 'incident_ids' - 'to')),
        pg_temp.uid(n), status, pcode, at, not_after => until, content => ('\x' || lpad(to_hex(n), 8, '0'))::bytea));
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
SELECT is((SELECT trim_scale(on_scene) || ' ' || trim_scale(under_way) FROM eoc.board WHERE thread = pg_temp.uid(10)), '1 1', 'one is there, one on the road');
SELECT is(pg_temp.tell(20, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.done('ARRIVAL')), 17), 'APPLIED', 'and the other');
SELECT is(pg_temp.tell(21, 'release_resource', 'coes.ayni.office', pg_temp.line(2), thread => 10), 'APPLIED', 'they are released, whoever has them');
SELECT is(pg_temp.wanted(10), 'CLOSED 2', 'nothing is wanted any more');
SELECT is(pg_temp.tell(22, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('RETURN_DEPARTURE')), 17), 'APPLIED', 'on the way home');
SELECT is(pg_temp.tell(23, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('RETURN_ARRIVAL')), 17), 'APPLIED', 'home');
SELECT is(pg_temp.states(10), 'RETURNED DECLINED', 'that is the end');
SELECT is((SELECT string_agg(event, ' ' ORDER BY step) FROM eoc.moved m JOIN bus.line l ON l.strand_id = m.entity WHERE l.thread = pg_temp.uid(10) AND l.agency = 'rcst'),
          'RESPOND REQUISITION COMMIT DEPART ARRIVE ARRIVE RELEASE RETURN_DEPART RETURN_ARRIVE', 'its history');

-- Offers, prices, questions --------------------------------------------------------------------------
SELECT is(pg_temp.tell(100, 'offer_unsolicited_resource', 'rcst.khujand.depot', pg_temp.line(3, item => 'EX-07'), pcode => '3505401'), 'APPLIED', 'a depot offers three unasked');
SELECT is(pg_temp.wanted(100), NULL, 'nobody has asked for them');
SELECT is(pg_temp.tell(101, 'request_quote', 'coes.ayni.office', pg_temp.line(2), 100), 'APPLIED', 'what would two cost?');
SELECT is(pg_temp.tell(102, 'response_to_request_quote', 'rcst.khujand.depot', pg_temp.line(2, 'PROVISIONAL', more => '{"assignment": {"quantity": {"value": "2", "unit": "H87"}, "price": {"minor_units": "125050", "currency": "TJS"}}}'), 101), 'APPLIED', 'so much, perhaps');
SELECT is(pg_temp.states(100), 'QUOTED_PROVISIONAL?', 'a price');
SELECT is(pg_temp.tell(103, 'response_to_request_quote', 'rcst.khujand.depot', pg_temp.line(2, 'ACCEPT', more => '{"assignment": {"quantity": {"value": "2", "unit": "H87"}, "price": {"minor_units": "125055", "currency": "TJS"}}}'), 101), 'APPLIED', 'so much');
SELECT is(pg_temp.tell(104, 'requisition_resource', 'coes.ayni.office', pg_temp.line(2), 103, '{"funding": [{"code": "14", "text": "the district"}]}'), 'APPLIED', 'it is ordered');
SELECT is(pg_temp.wanted(100), 'OPEN 0', 'now somebody wants it');
SELECT is(pg_temp.tell(105, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(2, 'PROVISIONAL', 'EX-07', times => pg_temp.at('ESTIMATED_DEPARTURE', '2030-01-01', 'ESTIMATED_RETURN_ARRIVAL', '2030-01-10')), 104), 'APPLIED', 'it is promised, perhaps');
SELECT is(pg_temp.tell(106, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(2, 'ACCEPT', 'EX-07', times => pg_temp.at('ESTIMATED_DEPARTURE', '2030-01-01', 'ESTIMATED_RETURN_ARRIVAL', '2030-01-10')), 104), 'APPLIED', 'it is promised');
SELECT is((SELECT price || ' for ' || (funding->0->>'code') FROM eoc.commitment WHERE thread = pg_temp.uid(100)), '1250.55 TJS for 14', 'price and funding are kept as they were said');
SELECT is(pg_temp.tell(107, 'request_information', 'coes.ayni.office', NULL, 106, '{"description": "which radio?"}'), 'APPLIED', 'a question');
SELECT is(pg_temp.tell(108, 'response_to_request_information', 'rcst.khujand.depot', NULL, 107), 'APPLIED', 'and its answer');
SELECT is(pg_temp.tell(109, 'request_resource_deployment_status', 'coes.ayni.office', pg_temp.line(), 106), 'APPLIED', 'where is it?');
SELECT is(pg_temp.tell(110, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(), 109), 'APPLIED', 'here');
SELECT is(pg_temp.states(100), 'COMMITTED', 'no question moves anything');
SELECT is(pg_temp.tell(111, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line()), 'none', 'a report about nothing that stands here moves nothing');
SELECT is(pg_temp.tell(112, 'release_resource', 'coes.ayni.office', pg_temp.line()), 'REFUSED thread', 'a release has to say of what');

-- Several suppliers ----------------------------------------------------------------------------------
SELECT is(pg_temp.tell(200, 'request_resource', 'coes.ayni.office', pg_temp.line(10) || pg_temp.line(4, line_id => 2)), 'APPLIED', 'ten and four are wanted');
SELECT is(pg_temp.tell(201, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(4, 'ACCEPT'), 200), 'APPLIED', 'one commits to four');
SELECT is(pg_temp.wanted(200) || ', ' || pg_temp.wanted(200, 2), 'PARTLY 4, OPEN 0', 'that is a part');
SELECT is(pg_temp.tell(202, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(5, 'ACCEPT', unit => 'BX'), 200), 'APPLIED', 'five boxes');
SELECT is(pg_temp.wanted(200), 'PARTLY 4', 'are another unit, and not counted');
SELECT is((SELECT string_agg(supplier, ' ') FROM eoc.commitment WHERE thread = pg_temp.uid(200) AND is_other_unit), 'mod.dushanbe', 'which is seen');
SELECT is(pg_temp.tell(203, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(7, 'ACCEPT'), 202, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(202), 'type', 'RECALL_TYPE_UPDATE'))), 'APPLIED', 'corrected: seven');
SELECT is(pg_temp.wanted(200), 'MET 11', 'are more than enough');
SELECT is((SELECT bool_and(is_over_committed) FROM eoc.commitment WHERE thread = pg_temp.uid(200)), true, 'which is seen');
SELECT is((SELECT is_over_committed::text || ' ' || cardinality(suppliers) FROM eoc.board WHERE thread = pg_temp.uid(200) AND line_id = 1), 'true 2', 'on the board, too');
SELECT is(pg_temp.tell(204, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(4, 'ACCEPT'), 201, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(201), 'type', 'RECALL_TYPE_CANCEL'))), 'REFUSED recall', 'nobody takes back what another one said');
SELECT is(pg_temp.tell(205, 'release_resource', 'rcst.khujand.depot', pg_temp.line(4), 201, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(201), 'type', 'RECALL_TYPE_CANCEL'))), 'REFUSED recall', 'nor by another kind of message');
SELECT is(pg_temp.tell(206, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(4, 'ACCEPT'), 201, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(201), 'type', 'RECALL_TYPE_CANCEL'))), 'APPLIED', 'one withdraws');
SELECT is(pg_temp.wanted(200) || ', ' || pg_temp.states(200), 'PARTLY 7, WITHDRAWN COMMITTED', 'and a part is wanted again');
SELECT is(pg_temp.tell(207, 'request_resource', 'coes.ayni.office', pg_temp.line(6), NULL, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(200), 'type', 'RECALL_TYPE_UPDATE')), thread => 200), 'APPLIED', 'six are enough');
SELECT is(pg_temp.wanted(200), 'MET 7', 'then it is met');
SELECT is(pg_temp.tell(208, 'request_resource', 'coes.ayni.office', pg_temp.line(6), NULL, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(200), 'type', 'RECALL_TYPE_CANCEL')), thread => 200), 'REFUSED committed', 'what is promised is released, not forgotten');
SELECT is(pg_temp.tell(209, 'request_resource', 'coes.ayni.office', pg_temp.line(4, line_id => 2), NULL, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(200), 'type', 'RECALL_TYPE_CANCEL')), thread => 200), 'APPLIED', 'the other line is not wanted any more');
SELECT is(pg_temp.tell(210, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(4, 'ACCEPT', line_id => 2), 200), 'REFUSED request_over', 'so nobody commits to it');
SELECT is(pg_temp.tell(211, 'release_resource', 'coes.ayni.office', pg_temp.line(7), thread => 200), 'APPLIED', 'what had not left is released');
SELECT is(pg_temp.wanted(200) || ', ' || pg_temp.states(200), 'OPEN 0, WITHDRAWN CANCELLED', 'and the request is open again');
SELECT is(pg_temp.tell(212, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(2, 'ACCEPT') || pg_temp.line(3, 'ACCEPT', line_id => 9, more => '{"response": {"type": "RESPONSE_TYPE_ACCEPT", "preceding_line_id": 1}}'), 200), 'APPLIED', 'two elements may be about one line');
SELECT is(pg_temp.wanted(200), 'PARTLY 5', 'and count together');
SELECT is(pg_temp.tell(213, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, times => pg_temp.done('DEPARTURE'), line_id => 9), 212), 'APPLIED', 'an answer to the second element');
SELECT is(pg_temp.states(200), 'WITHDRAWN CANCELLED EN_ROUTE', 'is about the same line');
SELECT is(pg_temp.tell(214, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(1, 'ACCEPT') || pg_temp.line(1, 'DECLINE', line_id => 8, more => '{"response": {"type": "RESPONSE_TYPE_DECLINE", "preceding_line_id": 1}}'), 200), 'REFUSED line_twice', 'yes and no at once is neither');
SELECT is(pg_temp.tell(215, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(1, 'ACCEPT') || pg_temp.line(1, 'ACCEPT', line_id => 2), 200), 'REFUSED request_over', 'all lines move, or none');
SELECT is(pg_temp.states(200), 'WITHDRAWN CANCELLED EN_ROUTE', 'none did');

SELECT is(pg_temp.tell(216, 'request_resource', 'coes.ayni.office', pg_temp.line(8), NULL, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(207), 'type', 'RECALL_TYPE_UPDATE')), thread => 200), 'APPLIED', 'a version of a version');
SELECT is((SELECT trim_scale(wanted) FROM bus.request WHERE thread = pg_temp.uid(200) AND line_id = 1), 8.0, 'eight are wanted');

-- The same item --------------------------------------------------------------------------------------
-- EX-07 is promised to thread 100 from 1 to 10 January 2030.
SELECT is(pg_temp.tell(300, 'request_resource', 'coes.ayni.office', pg_temp.line(9)), 'APPLIED', 'nine are wanted');
CREATE FUNCTION pg_temp.commits(n int, item text, a text, b text, who text DEFAULT 'rcst.khujand.depot', to_n int DEFAULT 300, status int DEFAULT 1) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell(n, 'commit_resource', who, pg_temp.line(1, 'ACCEPT', item, times => pg_temp.at('ESTIMATED_DEPARTURE', a, 'END_AVAILABLE', b)), to_n, status => status) $$;
SELECT is(pg_temp.commits(301, 'EX-07', '2030-01-05', '2030-01-20'), 'REFUSED already_committed', 'an item is promised once at a time');
SELECT matches((SELECT text FROM bus.quarantine WHERE code = 'already_committed'),
               'EX-07 is committed from 2030-01-01 00:00Z until 2030-01-10 00:00Z in thread 00000000-0000-7000-8000-000000000100, line 1', 'who hears it, hears where and when');
SELECT is(pg_temp.commits(302, 'ex-07 ,EX-08', '2029-12-05', '2030-01-02'), 'REFUSED already_committed', 'however it is written, among others, from the other side');
SELECT is(pg_temp.commits(303, 'EX-07', '2029-12-05', '2031-01-02'), 'REFUSED already_committed', 'around it');
SELECT is(pg_temp.commits(304, 'EX-07', '2030-01-03', '2030-01-04'), 'REFUSED already_committed', 'within it');
SELECT is(pg_temp.commits(305, 'EX-07, EX-07', '2031-01-03', '2031-01-04'), 'REFUSED already_committed', 'twice on one line');
SELECT is(pg_temp.commits(306, 'EX-07', '2030-01-04', '2030-01-03'), 'REFUSED window', 'what ends before it begins is none');
SELECT is(pg_temp.tell(307, 'request_resource', 'coes.ayni.office', pg_temp.line(1) || pg_temp.line(1, line_id => 2)), 'APPLIED', 'another request of two lines');
SELECT is(pg_temp.tell(308, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', 'EX-10', times => pg_temp.at('ESTIMATED_DEPARTURE', '2030-02-01', 'END_AVAILABLE', '2030-02-09'))
          || pg_temp.line(1, 'ACCEPT', 'EX-10', 2, pg_temp.at('ESTIMATED_DEPARTURE', '2030-02-08', 'END_AVAILABLE', '2030-02-20')), 307), 'REFUSED already_committed', 'nor to two lines of one message');
SELECT is(pg_temp.tell(309, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', 'EX-10', times => pg_temp.at('ESTIMATED_DEPARTURE', '2030-02-01', 'END_AVAILABLE', '2030-02-09'))
          || pg_temp.line(1, 'ACCEPT', 'EX-10', 2, pg_temp.at('ESTIMATED_DEPARTURE', '2030-02-09', 'END_AVAILABLE', '2030-02-20')), 307), 'APPLIED', 'one after the other it may');
SELECT is(pg_temp.commits(310, 'EX-07', '2030-01-05', '2030-01-20', 'mod.dushanbe.depot'), 'APPLIED', 'the same number of another agency is another item');
SELECT is(pg_temp.commits(311, 'EX-07', '2030-01-10', '2030-01-20'), 'APPLIED', 'one goes where the other ends');
SELECT is((SELECT count(*) FROM eoc.commitment WHERE conflicts <> '{}'), 0::int8, 'there are no conflicts');
SELECT is(pg_temp.tell(312, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', 'EX-07', times => pg_temp.at('ESTIMATED_DEPARTURE', '2030-01-09')), 311, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(311), 'type', 'RECALL_TYPE_UPDATE'))), 'REFUSED already_committed', 'a new version cannot either');
SELECT is(pg_temp.tell(313, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', 'EX-07', times => pg_temp.at('ESTIMATED_DEPARTURE', '2030-01-11', 'END_AVAILABLE', '2030-01-30')), 311, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(311), 'type', 'RECALL_TYPE_UPDATE'))), 'APPLIED', 'but be later');
SELECT is(pg_temp.tell(315, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 311, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(311), 'type', 'RECALL_TYPE_CANCEL'))), 'APPLIED', 'withdrawn');
SELECT is(pg_temp.commits(316, 'EX-07', '2030-01-12', '2030-01-14'), 'APPLIED', 'it is free again');
SELECT is(pg_temp.tell(317, 'release_resource', 'coes.ayni.office', pg_temp.line(1), 316), 'APPLIED', 'released');
SELECT is(pg_temp.commits(318, 'EX-07', '2030-01-12', '2030-01-14'), 'APPLIED', 'it is free again, too');
SELECT is(pg_temp.tell(319, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(times => pg_temp.at('ACTUAL_ARRIVAL', '2030-01-12')), 318), 'APPLIED', 'it comes');
SELECT is(pg_temp.commits(320, 'EX-11', '2030-03-01', NULL, who => 'rcst.khujand.depot', to_n => 307), 'REFUSED state', 'a strand that stands is not begun again');
SELECT is(pg_temp.tell(321, 'request_resource', 'coes.ayni.office', pg_temp.line(9), status => 2), 'APPLIED', 'an exercise');
SELECT is(pg_temp.commits(322, 'EX-07', '2030-01-05', '2030-01-20', to_n => 321, status => 2), 'APPLIED', 'promises nothing that is real');
SELECT is(pg_temp.commits(323, 'EX-07', '2030-01-05', '2030-01-20', to_n => 321, status => 1), 'REFUSED status', 'and the two never mix');
SELECT is(pg_temp.tell(324, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(times => pg_temp.at('ACTUAL_ARRIVAL', '2030-01-12')), 322), 'REFUSED status', 'not even as a fact');

-- Longer, sooner, wrongly told ------------------------------------------------------------------------
SELECT is(pg_temp.tell(400, 'request_resource', 'coes.ayni.office', pg_temp.line(1)), 'APPLIED', 'x');
SELECT is(pg_temp.commits(401, 'T-1', '2030-05-01', '2030-05-10', to_n => 400), 'APPLIED', 'until the tenth');
SELECT is(pg_temp.tell(402, 'request_resource', 'coes.ayni.office', pg_temp.line(1)), 'APPLIED', 'x');
SELECT is(pg_temp.commits(403, 'T-1', '2030-05-15', '2030-05-20', to_n => 402), 'APPLIED', 'and from the fifteenth somewhere else');
SELECT is(pg_temp.tell(404, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(times => pg_temp.at('ACTUAL_ARRIVAL', '2030-05-01')), 401), 'APPLIED', 'it came, and nobody had said that it left');
SELECT is(pg_temp.tell(405, 'request_extended_deployment_duration', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.at('REQUESTED_RETURN_DEPARTURE', '2030-05-14')), 401), 'APPLIED', 'may it stay until the fourteenth?');
SELECT is(pg_temp.tell(406, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', times => pg_temp.at('END_AVAILABLE', '2030-05-16')), 405), 'REFUSED already_committed', 'not beyond the next promise');
SELECT is(pg_temp.tell(407, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(1, 'PROVISIONAL'), 405), 'APPLIED', 'perhaps');
SELECT is((SELECT state || is_provisional || until_at::date || asked_until::date FROM bus.line WHERE thread = pg_temp.uid(400)), 'ON_SCENEtrue2030-05-102030-05-14', 'the old end stands, and the new one');
SELECT is(pg_temp.tell(408, 'request_extended_deployment_duration', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.at('REQUESTED_RETURN_DEPARTURE', '2030-05-13')), 401), 'APPLIED', 'again');
SELECT is(pg_temp.tell(409, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(1, 'DECLINE'), 408), 'APPLIED', 'no');
SELECT is((SELECT state || is_provisional || until_at::date || coalesce(asked_until::text, '-') FROM bus.line WHERE thread = pg_temp.uid(400)), 'ON_SCENEfalse2030-05-10-', 'the old end');
SELECT is(pg_temp.tell(410, 'request_extended_deployment_duration', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.at('REQUESTED_RETURN_DEPARTURE', '2030-05-13')), 401), 'APPLIED', 'again');
SELECT is(pg_temp.tell(411, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 410), 'APPLIED', 'yes');
SELECT is((SELECT state || is_provisional || until_at::date || upper(held)::date FROM bus.line JOIN bus.commitment USING (strand_id) WHERE line.thread = pg_temp.uid(400)), 'ON_SCENEfalse2030-05-132030-05-13', 'the new end, for the item, too');
SELECT is(pg_temp.tell(412, 'request_return', 'rcst.khujand.depot', pg_temp.line(1), 401), 'APPLIED', 'they want it back');
SELECT is(pg_temp.tell(413, 'response_to_request_return', 'coes.ayni.office', pg_temp.line(1, 'DECLINE'), 412), 'APPLIED', 'no');
SELECT is(pg_temp.states(400), 'ON_SCENE', 'it stays');
SELECT is(pg_temp.tell(421, 'request_return', 'rcst.khujand.depot', pg_temp.line(1), 401), 'APPLIED', 'after all');
SELECT is(pg_temp.tell(422, 'request_return', 'rcst.khujand.depot', pg_temp.line(1), 401, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(412), 'type', 'RECALL_TYPE_CANCEL'))), 'REFUSED superseded', 'what was declined is not taken back');
SELECT is(pg_temp.tell(423, 'request_return', 'rcst.khujand.depot', pg_temp.line(1), 401, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(421), 'type', 'RECALL_TYPE_CANCEL'))), 'APPLIED', 'what stands is');
SELECT is(pg_temp.tell(414, 'request_return', 'rcst.khujand.depot', pg_temp.line(1), 401), 'APPLIED', 'again');
SELECT is(pg_temp.tell(415, 'response_to_request_return', 'coes.ayni.office', pg_temp.line(1, 'PROVISIONAL'), 414), 'APPLIED', 'perhaps');
SELECT is(pg_temp.states(400), 'RELEASING?', 'it will go, perhaps');
SELECT is(pg_temp.tell(416, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('RETURN_DEPARTURE')), 401), 'APPLIED', 'it went');
SELECT is(pg_temp.tell(417, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(), 416, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(416), 'type', 'RECALL_TYPE_CANCEL'))), 'APPLIED', 'no, it was another one');
SELECT is(pg_temp.states(400), 'RELEASED?', 'it has not left');
SELECT is(pg_temp.tell(418, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('DEPARTURE')), 401), 'CONTESTED', 'a fact against the record is kept for a person');
SELECT is(pg_temp.tell(419, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(2, more => '{"resource": {"kind": "ration", "status": {"readiness": "READINESS_OUT_OF_SERVICE"}}}'), 212), 'APPLIED', 'two of five are used up');
SELECT is((SELECT trim_scale(quantity) || ' ' || trim_scale(lost) || ' ' || state FROM bus.line WHERE thread = pg_temp.uid(200) AND phase <> 'over'), '5 2 EN_ROUTE', 'the others are there');
SELECT is(pg_temp.tell(420, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(more => '{"resource": {"kind": "ration", "status": {"readiness": "READINESS_OUT_OF_SERVICE"}}}'), 212), 'APPLIED', 'all of them');
SELECT is(pg_temp.states(200), 'WITHDRAWN CANCELLED SPENT', 'nothing comes home');

-- Asked of everybody, or of nobody yet -----------------------------------------------------------------
SELECT is(pg_temp.tell(500, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), more => '{"funding": [{"text": "order 14"}]}'), 'APPLIED', 'an order without a request');
SELECT is(pg_temp.tell(501, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(NULL, 'DECLINE'), 500), 'APPLIED', 'one declines');
SELECT is(pg_temp.tell(502, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(5, 'ACCEPT'), 500), 'APPLIED', 'another one does it');
SELECT is(pg_temp.wanted(500) || ', ' || pg_temp.states(500), 'MET 5, DECLINED COMMITTED', 'both are heard');
SELECT is(pg_temp.tell(503, 'request_resource', 'coes.ayni.office', pg_temp.line(5)), 'APPLIED', 'x');
SELECT is(pg_temp.tell(504, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(NULL, 'DECLINE'), 503), 'APPLIED', 'x');
SELECT is(pg_temp.tell(505, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(NULL, 'ACCEPT'), 504), 'REFUSED state', 'a no is a no');
SELECT is(pg_temp.tell(506, 'request_resource', 'coes.ayni.office', pg_temp.line(5), thread => 503), 'APPLIED', 'until it is asked again');
SELECT is(pg_temp.states(503), 'REQUESTED', 'x');
SELECT is(pg_temp.tell(507, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(NULL, 'ACCEPT'), 506), 'APPLIED', 'then they have it');
SELECT is(pg_temp.tell(508, 'request_resource', 'coes.ayni.office', pg_temp.line(5), thread => 503), 'REFUSED state', 'nothing is asked twice');
SELECT is(pg_temp.tell(509, 'response_to_request_resource', 'mod.dushanbe.depot', pg_temp.line(NULL, 'PROVISIONAL'), 503), 'APPLIED', 'a second one has it, perhaps');
SELECT is(pg_temp.tell(510, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), 503), 'REFUSED which_supplier', 'of whom?');
SELECT is(pg_temp.tell(511, 'response_to_request_resource', 'mod.dushanbe.depot', pg_temp.line(NULL, 'PROVISIONAL'), 509, jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(509), 'type', 'RECALL_TYPE_CANCEL'))), 'APPLIED', 'the second one takes it back');
SELECT is(pg_temp.tell(512, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), 503), 'APPLIED', 'of the one that is left');
SELECT is(pg_temp.tell(513, 'request_quote', 'coes.ayni.office', pg_temp.line(5)), 'REFUSED thread', 'a price of nothing');
SELECT is(pg_temp.tell(514, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(5, 'ACCEPT', line_id => 77), 503), 'REFUSED state', 'nobody asked for line 77');
SELECT is(pg_temp.tell(515, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(5, 'ACCEPT'), 999), 'HELD', 'an answer to what has not come');
SELECT is(pg_temp.tell(516, 'request_resource', 'coes.ayni.office', pg_temp.line(5)), 'APPLIED', 'x');
SELECT is(pg_temp.tell(517, 'request_quote', 'coes.ayni.office', pg_temp.line(5), 516), 'APPLIED', 'a price of everybody');
SELECT is(pg_temp.tell(518, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(5, 'ACCEPT'), 516), 'APPLIED', 'one answers the request');
SELECT is(pg_temp.tell(519, 'response_to_request_quote', 'mod.dushanbe.depot', pg_temp.line(5, 'ACCEPT'), 517), 'APPLIED', 'one says a price');
SELECT is(pg_temp.states(516), 'AVAILABLE QUOTED', 'both are right');

-- Time ---------------------------------------------------------------------------------------------
SELECT is(pg_temp.tell(600, 'request_resource', 'coes.ayni.office', pg_temp.line(5) || pg_temp.line(5, line_id => 2), until => now() + interval '1 day'), 'APPLIED', 'a request for a day');
SELECT is(pg_temp.tell(601, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(5, 'ACCEPT'), 600, until => now() + interval '1 hour'), 'APPLIED', 'an answer for an hour');
SELECT is(pg_temp.tell(602, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(1, 'ACCEPT', line_id => 2), 600), 'APPLIED', 'and a promise');
UPDATE bus.timer SET due_at = now() - interval '1 second' WHERE subject = pg_temp.uid(601);
SELECT bus.tick(100) \g /dev/null
SELECT is(pg_temp.states(600) || ', ' || pg_temp.wanted(600), 'EXPIRED, OPEN 0', 'the hour is over');
SELECT is((SELECT count(*)::int FROM bus.document WHERE type = 173 AND sender_id = 0 AND doc->>'preceding_id' = pg_temp.uid(601)::text), 1, 'the bus said so, once');
UPDATE bus.timer SET due_at = now() - interval '1 second' WHERE subject = pg_temp.uid(600);
SELECT bus.tick(100) \g /dev/null
SELECT is(pg_temp.wanted(600) || ', ' || pg_temp.wanted(600, 2) || ', ' || pg_temp.states(600, 2), 'EXPIRED 0, EXPIRED 1, COMMITTED', 'the day is over; what is promised goes on');
SELECT is(pg_temp.tell(603, 'report_resource_deployment_status', 'mod.dushanbe.depot', pg_temp.line(times => pg_temp.done('ARRIVAL'), line_id => 2), 602), 'APPLIED', 'and comes');
SELECT is(pg_temp.tell(604, 'request_resource', 'coes.ayni.office', pg_temp.line(5), until => now() - interval '1 day'), 'none', 'what is over when it comes moves nothing');
SELECT is(pg_temp.tell(605, 'request_resource', 'coes.ayni.office', pg_temp.line(5), status => 2, until => now() + interval '1 day'), 'APPLIED', 'in an exercise');
SELECT is((SELECT count(*) FROM bus.timer WHERE subject = pg_temp.uid(605)), 0::int8, 'nothing rings');

-- A new version of what was said before the promise -----------------------------------------------------
CREATE FUNCTION pg_temp.recall(n int, how text) RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(n), 'type', 'RECALL_TYPE_' || how)) $$;
CREATE FUNCTION pg_temp.held(item text) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(c.thread::text || ' ' || lower(c.held)::date || ' ' || upper(c.held)::date, ', ' ORDER BY c.held) FROM bus.commitment c WHERE c.item = held.item $$;
SELECT is(pg_temp.tell(800, 'request_resource', 'coes.ayni.office', pg_temp.line(1)), 'APPLIED', 'one is wanted');
SELECT is(pg_temp.tell(801, 'request_resource', 'coes.ayni.office', pg_temp.line(1)), 'APPLIED', 'and one more');
SELECT is(pg_temp.commits(802, 'W-9', '2031-01-01', '2031-01-10', to_n => 800), 'APPLIED', 'W-9 for the first');
SELECT is(pg_temp.tell(803, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 801), 'APPLIED', 'the other one they have, too');
SELECT is(pg_temp.tell(804, 'requisition_resource', 'coes.ayni.office', pg_temp.line(1), 803), 'APPLIED', 'it is ordered');
SELECT is(pg_temp.commits(805, 'W-7', '2031-01-01', '2031-01-10', to_n => 804), 'APPLIED', 'W-7 for the second');
SELECT is(pg_temp.tell(806, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', 'W-9'), 805, pg_temp.recall(805, 'UPDATE')), 'REFUSED already_committed', 'W-9 is not promised again by a new version');
SELECT is(pg_temp.tell(807, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(4, 'ACCEPT', 'W-9', times => pg_temp.at('END_AVAILABLE', '2031-03-01')), 803, pg_temp.recall(803, 'UPDATE')), 'APPLIED', 'the answer before it is worded anew');
SELECT is(pg_temp.tell(808, 'requisition_resource', 'coes.ayni.office', pg_temp.line(4, item => 'W-9', times => pg_temp.at('ESTIMATED_RETURN_ARRIVAL', '2031-02-01')), 804, pg_temp.recall(804, 'UPDATE')), 'APPLIED', 'so is the order');
SELECT is((SELECT array_to_string(items, ' ') || trim_scale(quantity) || ' ' || from_at::date || ' ' || until_at::date || ' ' || (message_id = pg_temp.uid(805)) FROM bus.line WHERE thread = pg_temp.uid(801)),
          'W-71 2031-01-01 2031-01-10 true', 'which promises nothing else');
SELECT is(pg_temp.held('W-9') || ', ' || pg_temp.held('W-7'), '00000000-0000-7000-8000-000000000800 2031-01-01 2031-01-10, 00000000-0000-7000-8000-000000000801 2031-01-01 2031-01-10', 'each is held once');
SELECT is(pg_temp.tell(809, 'request_resource', 'coes.ayni.office', pg_temp.line(1)), 'APPLIED', 'a third one');
SELECT is(pg_temp.commits(810, 'W-7', '2031-01-12', '2031-01-20', to_n => 809), 'APPLIED', 'W-7 is promised there for afterwards');
SELECT is(pg_temp.tell(811, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.at('ACTUAL_ARRIVAL', '2031-01-01')), 805), 'APPLIED', 'it comes to the second');
SELECT is(pg_temp.tell(812, 'request_extended_deployment_duration', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.at('REQUESTED_RETURN_ARRIVAL', '2031-01-11')), 805), 'APPLIED', 'may it stay a day longer?');
SELECT is(pg_temp.tell(813, 'request_extended_deployment_duration', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.at('REQUESTED_RETURN_ARRIVAL', '2031-01-15')), 805, pg_temp.recall(812, 'UPDATE')), 'APPLIED', 'or five');
SELECT is((SELECT until_at::date || ' ' || asked_until::date FROM bus.line WHERE thread = pg_temp.uid(801)), '2031-01-10 2031-01-15', 'who asks moves no end');
SELECT is(pg_temp.tell(814, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 813), 'REFUSED already_committed', 'not beyond the next promise');
SELECT is(pg_temp.tell(815, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', 'W-1', times => pg_temp.at('END_AVAILABLE', '2031-01-15')), 813), 'REFUSED already_committed', 'nor under another number');
SELECT is(pg_temp.tell(816, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', times => pg_temp.at('END_AVAILABLE', '2031-01-11')), 813), 'APPLIED', 'a day');
SELECT is(pg_temp.tell(817, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', times => pg_temp.at('END_AVAILABLE', '2031-01-14')), 813, pg_temp.recall(816, 'UPDATE')), 'REFUSED already_committed', 'nor by a new version of the yes');
SELECT is(pg_temp.tell(818, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', times => pg_temp.at('END_AVAILABLE', '2031-01-12')), 813, pg_temp.recall(816, 'UPDATE')), 'APPLIED', 'two days are free');
SELECT is(pg_temp.held('W-7'), '00000000-0000-7000-8000-000000000801 2031-01-01 2031-01-12, 00000000-0000-7000-8000-000000000809 2031-01-12 2031-01-20', 'and held');
SELECT is(pg_temp.tell(819, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', U&'W-7\00A0', times => pg_temp.at('ESTIMATED_DEPARTURE', '2031-01-05')), 800), 'REFUSED state', 'a strand is there');
SELECT is(pg_temp.tell(820, 'request_resource', 'coes.ayni.office', pg_temp.line(1)), 'APPLIED', 'a fourth one');
SELECT is(pg_temp.commits(821, U&'W-7\00A0', '2031-01-05', '2031-01-06', to_n => 820), 'REFUSED already_committed', 'a blank makes it no other item');
SELECT is(pg_temp.commits(822, U&'\FF37-7\200B', '2031-01-05', '2031-01-06', to_n => 820), 'REFUSED already_committed', 'nor a wide letter');
SELECT is(pg_temp.tell(823, 'request_resource', 'coes.ayni.office', pg_temp.line(1) || pg_temp.line(1, line_id => 2)), 'APPLIED', 'two lines');
SELECT is(pg_temp.commits(824, 'Э-1', '2031-01-05', '2031-01-06', to_n => 820), 'APPLIED', 'a number in Cyrillic');
SELECT is(pg_temp.tell(825, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', 'э-1', times => pg_temp.at('ESTIMATED_DEPARTURE', '2031-01-05')), 823), 'REFUSED already_committed', 'in small letters is the same');
SELECT is(pg_temp.tell(826, 'request_resource', 'coes.ayni.office', pg_temp.line(1) || pg_temp.line(1, line_id => 2)), 'APPLIED', 'two of them');
SELECT is(pg_temp.tell(827, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT', 'V-1') || pg_temp.line(1, 'ACCEPT', 'V-2', 2), 826), 'APPLIED', 'promised');
SELECT is(pg_temp.tell(828, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('ARRIVAL')) || pg_temp.line(line_id => 2, times => pg_temp.done('ARRIVAL')), 827), 'APPLIED', 'there');
SELECT is(pg_temp.tell(829, 'request_extended_deployment_duration', 'coes.ayni.office', pg_temp.line() || pg_temp.line(line_id => 2), 827), 'APPLIED', 'longer?');
SELECT is(pg_temp.tell(830, 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', pg_temp.line(NULL, 'DECLINE', 'V-1', times => pg_temp.at('END_AVAILABLE', '2001-01-01'))
          || pg_temp.line(NULL, 'ACCEPT', 'V-2', 2, pg_temp.at('END_AVAILABLE', '2031-01-05')), 829), 'APPLIED', 'a no whose times are none, and a yes');

-- Whose it is to say -----------------------------------------------------------------------------------
SELECT is(pg_temp.tell(840, 'offer_unsolicited_resource', 'rcst.khujand.depot', pg_temp.line(3), pcode => '3505401'), 'APPLIED', 'an offer');
SELECT is(pg_temp.tell(841, 'request_quote', 'health.ayni.office', pg_temp.line(1), 840), 'APPLIED', 'somebody asks what it costs');
SELECT is(pg_temp.tell(842, 'request_quote', 'health.ayni.office', pg_temp.line(1), 841, pg_temp.recall(841, 'CANCEL')), 'APPLIED', 'and does not want to know any more');
SELECT is(pg_temp.states(840), 'OFFERED', 'it is offered as before');
SELECT is(pg_temp.tell(843, 'request_quote', 'health.ayni.office', pg_temp.line(1), 840), 'APPLIED', 'again');
SELECT is(pg_temp.tell(844, 'response_to_request_quote', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 843), 'APPLIED', 'so much');
SELECT is(pg_temp.tell(845, 'requisition_resource', 'coes.ayni.office', pg_temp.line(1), 844), 'APPLIED', 'another one orders it');
SELECT is(pg_temp.tell(846, 'request_quote', 'health.ayni.office', pg_temp.line(1), 843, pg_temp.recall(843, 'CANCEL')), 'REFUSED state', 'who asked first takes nothing back');
SELECT is(pg_temp.tell(847, 'response_to_request_quote', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 844, pg_temp.recall(844, 'CANCEL')), 'REFUSED superseded', 'nor is a price, once it is ordered');
SELECT is(pg_temp.tell(848, 'request_quote', 'health.ayni.office', pg_temp.line(1, more => '{"assignment": {"price": {"minor_units": "1", "currency": "TJS"}}}'), 843, pg_temp.recall(843, 'UPDATE'), until => now() + interval '1 day'), 'APPLIED', 'the question is worded anew');
SELECT is((SELECT state || ' ' || coalesce(currency, '-') || ' ' || (message_id = pg_temp.uid(845)) FROM bus.line WHERE thread = pg_temp.uid(840)), 'REQUISITIONED - true', 'which changes nothing');
SELECT is(pg_temp.tell(849, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 845), 'APPLIED', 'it is promised');
SELECT is(pg_temp.tell(850, 'report_resource_deployment_status', 'mod.dushanbe.depot', pg_temp.line(more => '{"resource": {"kind": "x", "status": {"readiness": "READINESS_OUT_OF_SERVICE"}}}'), 849, pcode => '3501000'), 'CONTESTED', 'a stranger says that it is lost');
SELECT is(pg_temp.tell(851, 'report_resource_deployment_status', 'mod.dushanbe.depot', pg_temp.line(times => pg_temp.done('ARRIVAL')), 849, pcode => '3501000'), 'CONTESTED', 'or that it is there');
SELECT is(pg_temp.tell(856, 'report_resource_deployment_status', 'mod.dushanbe.depot', pg_temp.line(times => pg_temp.done('ARRIVAL')), 849), 'CONTESTED', 'wherever that may be');
SELECT is(pg_temp.states(840) || ', ' || pg_temp.wanted(840), 'COMMITTED, MET 1', 'which a person settles');
SELECT is(pg_temp.tell(852, 'report_resource_deployment_status', 'health.ayni.office', pg_temp.line(times => pg_temp.done('ARRIVAL')), 849), 'APPLIED', 'who is at the place sees it');
SELECT is(pg_temp.tell(853, 'release_resource', 'health.ayni.office', pg_temp.line(), 849), 'REFUSED not_yours', 'and does not release it');
SELECT is_empty($$SELECT text FROM bus.quarantine WHERE code = 'not_yours' AND (text LIKE '%coes%' OR text LIKE '%3505203%')$$, 'whose it is, nobody is told');
SELECT is(pg_temp.tell(854, 'request_resource', 'health.ayni.office', pg_temp.line(2, line_id => 3), thread => 800), 'APPLIED', 'another agency wants a line of its own in the thread');
SELECT is(pg_temp.tell(855, 'request_resource', 'health.ayni.office', pg_temp.line(9), 854, pg_temp.recall(854, 'CANCEL'), thread => 800), 'REFUSED not_yours', 'and does not take back what others want');

-- How many ---------------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.lost(quantity numeric) RETURNS jsonb LANGUAGE sql AS
$$ SELECT pg_temp.line(quantity, more => '{"resource": {"kind": "x", "status": {"readiness": "READINESS_OUT_OF_SERVICE"}}}') $$;
SELECT is(pg_temp.tell(860, 'request_resource', 'coes.ayni.office', pg_temp.line(10)), 'APPLIED', 'ten are wanted');
SELECT is(pg_temp.tell(861, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(0, 'ACCEPT'), 860), 'REFUSED quantity', 'none is no promise');
SELECT is(pg_temp.tell(862, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(10, 'ACCEPT'), 860), 'APPLIED', 'ten are');
SELECT is(pg_temp.tell(863, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('DEPARTURE')), 862), 'APPLIED', 'they leave');
SELECT is(pg_temp.tell(864, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(9), 862), 'APPLIED', 'nine are lost on the road');
SELECT is(pg_temp.wanted(860), 'PARTLY 1', 'and wanted again');
SELECT is(pg_temp.tell(865, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(1), 862), 'APPLIED', 'the tenth, too');
SELECT is(pg_temp.states(860) || ', ' || pg_temp.wanted(860), 'SPENT, OPEN 0', 'nothing came');
SELECT is(pg_temp.tell(866, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(10, 'ACCEPT', 'R-1, R-2'), 860), 'APPLIED', 'ten others');
SELECT is(pg_temp.tell(867, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(4), 866), 'APPLIED', 'four are lost before they leave');
SELECT is(pg_temp.tell(868, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('ARRIVAL')), 866), 'APPLIED', 'the others come');
SELECT is(pg_temp.tell(869, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.lost(2), 866), 'APPLIED', 'two are used up');
SELECT is((SELECT trim_scale(on_scene) || ' ' || trim_scale(under_way) || ' ' || trim_scale(committed) FROM eoc.board WHERE thread = pg_temp.uid(860)), '4 0 6', 'four are there, none on the road, of six');
CREATE FUNCTION pg_temp.board(n int) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' ', trim_scale(promised), trim_scale(under_way), trim_scale(on_scene), trim_scale(due_back)) FROM eoc.board WHERE thread = pg_temp.uid(n) $$;
SELECT is(pg_temp.tell(870, 'release_resource', 'coes.ayni.office', pg_temp.line(1), 866), 'APPLIED', 'one of them is released');
SELECT is((SELECT state FROM bus.line WHERE thread = pg_temp.uid(860) AND phase <> 'over') || ', ' || pg_temp.board(860), 'ON_SCENE, 0 0 3 1', 'three are there still, one is due back');
SELECT is(pg_temp.tell(8700, 'release_resource', 'coes.ayni.office', pg_temp.line(9), 870, pg_temp.recall(870, 'UPDATE')), 'REFUSED state', 'which is not worded anew');
SELECT is(pg_temp.tell(871, 'release_resource', 'coes.ayni.office', pg_temp.line(item => 'r-2'), 866), 'APPLIED', 'and one by its number');
SELECT is(pg_temp.board(860) || ' ' || (SELECT string_agg(item, ' ') FROM bus.commitment WHERE item IN ('R-1', 'R-2') AND upper(held) > now()), '0 0 2 2 R-1', 'which is free then, and the other is not');
SELECT is(pg_temp.tell(8701, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(3, times => pg_temp.done('RETURN_ARRIVAL')), 866), 'CONTESTED', 'three cannot be home');
SELECT is(pg_temp.tell(8702, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, times => pg_temp.done('RETURN_DEPARTURE')), 866), 'APPLIED', 'one leaves');
SELECT is(pg_temp.tell(8703, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, times => pg_temp.done('RETURN_ARRIVAL')), 866), 'APPLIED', 'and is home');
SELECT is(pg_temp.board(860), '0 0 2 1', 'one is due back');
SELECT is(pg_temp.tell(8704, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(), 8703, pg_temp.recall(8703, 'CANCEL')), 'APPLIED', 'it is not home');
SELECT is(pg_temp.board(860), '0 0 2 2', 'two are');
SELECT is(pg_temp.tell(8705, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, times => pg_temp.done('RETURN_ARRIVAL')), 866), 'APPLIED', 'now it is');
SELECT is(pg_temp.tell(872, 'release_resource', 'coes.ayni.office', pg_temp.line(2, item => 'R-1'), 866), 'APPLIED', 'the last two are released');
SELECT is((SELECT state FROM bus.line WHERE thread = pg_temp.uid(860) AND state <> 'SPENT') || ', ' || pg_temp.board(860), 'RELEASED, 0 0 0 3', 'that is all of it: the line moves');
SELECT is(pg_temp.tell(8706, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, times => pg_temp.done('RETURN_DEPARTURE')), 866), 'APPLIED', 'they leave');
SELECT is(pg_temp.tell(8707, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(2, times => pg_temp.done('RETURN_ARRIVAL')), 866), 'APPLIED', 'two are home');
SELECT is((SELECT state FROM bus.line WHERE thread = pg_temp.uid(860) AND state <> 'SPENT') || ', ' || pg_temp.board(860), 'RETURNING, 0 0 0 1', 'one is on the road still');
SELECT is(pg_temp.tell(8708, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, times => pg_temp.done('RETURN_ARRIVAL')), 866), 'APPLIED', 'the last one');
SELECT is((SELECT state || ' ' || trim_scale(back) FROM bus.line WHERE thread = pg_temp.uid(860) AND state <> 'SPENT'), 'RETURNED 4', 'four came home, of ten');
SELECT is(pg_temp.wanted(860), 'PARTLY 6', 'four are wanted still');
SELECT is(pg_temp.tell(873, 'request_resource', 'coes.ayni.office', pg_temp.line(10), more => pg_temp.recall(860, 'CANCEL'), thread => 860), 'APPLIED', 'until they are not');
SELECT is(pg_temp.tell(874, 'request_resource', 'coes.ayni.office', pg_temp.line(10) || pg_temp.line(3)), 'REFUSED line_twice', 'a line is asked for once');
SELECT is(pg_temp.tell(875, 'request_resource', 'coes.ayni.office', pg_temp.line(10)), 'APPLIED', 'ten');
SELECT is(pg_temp.tell(876, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(NULL, 'DECLINE'), 875), 'APPLIED', 'no');
SELECT is(pg_temp.tell(877, 'request_resource', 'coes.ayni.office', pg_temp.line(2), thread => 875), 'APPLIED', 'then two?');
SELECT is((SELECT trim_scale(wanted) FROM bus.request WHERE thread = pg_temp.uid(875)), 2::numeric, 'are wanted now');
SELECT is(pg_temp.tell(878, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(2, 'ACCEPT', unit => 'BX'), 877), 'APPLIED', 'two boxes');
SELECT is(pg_temp.tell(879, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('ARRIVAL')), 878), 'APPLIED', 'come');
SELECT is(pg_temp.tell(880, 'release_resource', 'coes.ayni.office', pg_temp.line(), 878), 'APPLIED', 'and go');
SELECT is(pg_temp.wanted(875), 'CLOSED 0', 'that is the end of it');
SELECT is(pg_temp.tell(881, 'request_resource', 'coes.ayni.office', pg_temp.line(3)), 'APPLIED', 'three');
SELECT is(pg_temp.tell(882, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(3, 'ACCEPT'), 881), 'APPLIED', 'promised');
SELECT is(pg_temp.tell(883, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('DEPARTURE')), 882), 'APPLIED', 'on the road');
SELECT is(pg_temp.tell(884, 'release_resource', 'coes.ayni.office', pg_temp.line(), 882), 'APPLIED', 'turned round');
SELECT is(pg_temp.states(881) || ', ' || pg_temp.wanted(881), 'RELEASED, OPEN 0', 'nothing came: it is open as before');

SELECT is(pg_temp.tell(885, 'request_resource', 'coes.ayni.office', pg_temp.line(3), until => now() + interval '1 day'), 'APPLIED', 'three, within a day');
SELECT is(pg_temp.tell(886, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(3, 'ACCEPT'), 885), 'APPLIED', 'promised');
UPDATE bus.timer SET due_at = now() - interval '1 second' WHERE subject = pg_temp.uid(885);
SELECT bus.tick(100) \g /dev/null
SELECT is((SELECT count(*) FROM bus.timer WHERE subject = pg_temp.uid(885)), 0::int8, 'the day ends and nobody waits');
SELECT is(pg_temp.tell(887, 'commit_resource', 'rcst.khujand.team2', pg_temp.line(3, 'ACCEPT'), 886, pg_temp.recall(886, 'CANCEL')), 'APPLIED', 'then another office of the agency withdraws');
SELECT is((SELECT count(*) FROM bus.timer WHERE subject = pg_temp.uid(885)), 1::int8, 'it is waited for again');
UPDATE bus.timer SET due_at = now() - interval '1 second' WHERE subject = pg_temp.uid(885);
SELECT bus.tick(100) \g /dev/null
SELECT is(pg_temp.wanted(885), 'EXPIRED 0', 'and over at once');
SELECT is(pg_temp.tell(888, 'request_resource', 'coes.ayni.office', pg_temp.line(3)), 'APPLIED', 'three more');
SELECT is(pg_temp.tell(889, 'request_resource', 'coes.rasht.office', pg_temp.line(3), more => pg_temp.recall(888, 'CANCEL'), thread => 888, pcode => '3504207'), 'REFUSED recall', 'another district of the agency does not take that back');
SELECT is(pg_temp.commits(890, 'O-1', (now() - interval '5 days')::text, (now() - interval '1 day')::text, to_n => 888), 'APPLIED', 'promised until yesterday');
SELECT is(pg_temp.tell(891, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('ARRIVAL')), 890), 'APPLIED', 'it is there');
SELECT is(pg_temp.tell(892, 'request_resource', 'coes.ayni.office', pg_temp.line(3)), 'APPLIED', 'and still there today');
SELECT is(pg_temp.commits(893, 'o-1', (now() - interval '1 hour')::text, '2031-01-01', to_n => 892), 'REFUSED already_committed', 'so it goes nowhere else now');
SELECT is(pg_temp.commits(894, 'O-1', '2030-12-01', '2031-01-01', to_n => 892), 'REFUSED already_committed', 'nor later, for who knows when it comes home');
SELECT is(pg_temp.commits(895, 'o-1', (now() + interval '1 hour')::text, '2031-01-01', to_n => 892), 'REFUSED already_committed', 'nor in an hour');
SELECT is(pg_temp.tell(896, 'release_resource', 'coes.ayni.office', pg_temp.line(), 890), 'APPLIED', 'until it is released');
SELECT is(pg_temp.commits(897, 'O-1', '2030-12-01', '2031-01-01', to_n => 892), 'APPLIED', 'then it goes on');

-- An arrival that both sides report ------------------------------------------------------------------
SELECT is(pg_temp.tell(1000, 'request_resource', 'coes.ayni.office', pg_temp.line(3)), 'APPLIED', 'three are wanted');
SELECT is(pg_temp.tell(1001, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(3, 'ACCEPT'), 1000), 'APPLIED', 'and promised');
SELECT is(pg_temp.tell(1002, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, times => pg_temp.done('ARRIVAL')), 1001), 'APPLIED', 'one is there, says its driver');
SELECT is(pg_temp.tell(1003, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.done('ARRIVAL')), 1001), 'APPLIED', 'and the district');
SELECT is(pg_temp.board(1000), '0 2 1 0', 'that is one');
SELECT is(pg_temp.tell(1004, 'report_resource_deployment_status', 'health.ayni.office', pg_temp.line(1, times => pg_temp.done('ARRIVAL')), 1001), 'APPLIED', 'the district sees another one');
SELECT is(pg_temp.board(1000), '0 1 2 0', 'those are two');
SELECT is(pg_temp.tell(1005, 'report_resource_deployment_status', 'rcst.khujand.team2', pg_temp.line(2, times => pg_temp.done('ARRIVAL')), 1002, pg_temp.recall(1002, 'UPDATE')), 'APPLIED', 'the driver was wrong: two');
SELECT is(pg_temp.board(1000), '0 1 2 0', 'which are the same');
SELECT is(pg_temp.tell(1006, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(), 1005, pg_temp.recall(1005, 'CANCEL')), 'APPLIED', 'he has seen none at all');
SELECT is(pg_temp.states(1000) || ', ' || pg_temp.board(1000), 'ON_SCENE, 0 1 2 0', 'the district has');
SELECT is(pg_temp.tell(1007, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(), 1003, pg_temp.recall(1003, 'CANCEL')), 'APPLIED', 'one of its own');
SELECT is(pg_temp.board(1000), '0 2 1 0', 'is one less');

-- A promise of less than has come ------------------------------------------------------------------------
SELECT is(pg_temp.tell(1200, 'request_resource', 'coes.ayni.office', pg_temp.line(3)), 'APPLIED', 'three are wanted');
SELECT is(pg_temp.tell(1201, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(3, 'ACCEPT'), 1200), 'APPLIED', 'and promised');
SELECT is(pg_temp.tell(1202, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(2, times => pg_temp.done('ARRIVAL')), 1201), 'APPLIED', 'two are there');
SELECT is(pg_temp.tell(1203, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 1200, pg_temp.recall(1201, 'UPDATE')), 'APPLIED', 'only one was meant');
SELECT is((SELECT trim_scale(quantity) || ' ' || trim_scale(arrived) FROM bus.line WHERE thread = pg_temp.uid(1200)), '2 2', 'which sends none of the two home');
SELECT is(pg_temp.board(1200), '0 0 2 0', 'and the third is not promised any more');

-- Not lost after all -----------------------------------------------------------------------------------
SELECT is(pg_temp.tell(1010, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(1), 1001), 'APPLIED', 'one is lost');
SELECT is(pg_temp.tell(1011, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(2), 1010, pg_temp.recall(1010, 'UPDATE')), 'APPLIED', 'no, two');
SELECT is((SELECT trim_scale(lost) FROM bus.line WHERE thread = pg_temp.uid(1000)), 2::numeric, 'are two, not three');
SELECT is(pg_temp.tell(1012, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.lost(2), 1011, pg_temp.recall(1011, 'CANCEL')), 'REFUSED recall', 'whoever did not say it does not take it back');
SELECT is(pg_temp.tell(1013, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(2), 1011, pg_temp.recall(1011, 'CANCEL')), 'APPLIED', 'they are found');
SELECT is((SELECT trim_scale(lost) || ' ' || state FROM bus.line WHERE thread = pg_temp.uid(1000)), '0 ON_SCENE', 'nothing is lost');
CREATE TEMP TABLE lost_at AS SELECT * FROM (VALUES (1020, NULL, 'COMMITTED'), (1030, 'DEPARTURE', 'EN_ROUTE'), (1040, 'ARRIVAL', 'ON_SCENE'), (1050, 'RELEASE', 'RELEASED')) AS v(n, step, state);
SELECT pg_temp.tell(n, 'request_resource', 'coes.ayni.office', pg_temp.line(2)), pg_temp.commits(n + 1, 'U-' || n, '2030-01-01', '2030-02-01', to_n => n),
       CASE WHEN step IN ('DEPARTURE', 'ARRIVAL') THEN pg_temp.tell(n + 2, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, times => pg_temp.done(step)), n + 1)
            WHEN step = 'RELEASE' THEN pg_temp.tell(n + 2, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, times => pg_temp.done('ARRIVAL')), n + 1)
                                       || pg_temp.tell(n + 3, 'release_resource', 'coes.ayni.office', pg_temp.line(), n + 1) END,
       pg_temp.tell(n + 4, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(NULL), n + 1) FROM lost_at \g /dev/null
SELECT is(pg_temp.states(n) , 'SPENT', 'lost from ' || state) FROM lost_at;
SELECT is(pg_temp.tell(n + 5, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(NULL), n + 4, pg_temp.recall(n + 4, 'CANCEL')) || ' ' || pg_temp.states(n), 'APPLIED ' || state, 'and is again where it was') FROM lost_at;
SELECT is((SELECT array_agg(trim_scale(lost) || ' ' || trim_scale(lost_away)) FROM bus.line WHERE thread IN (SELECT pg_temp.uid(n) FROM lost_at)), '{0 0,0 0,0 0,0 0}', 'nothing is lost');
SELECT is(pg_temp.held('U-1030'), pg_temp.uid(1030) || ' 2030-01-01 2030-02-01', 'and its stock number is promised as before');
SELECT pg_temp.tell(1036, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(NULL), 1031), pg_temp.tell(1037, 'request_resource', 'coes.ayni.office', pg_temp.line(2)),
       pg_temp.commits(1038, 'u-1030', '2030-01-02', '2030-01-03', to_n => 1037) \g /dev/null
SELECT is(pg_temp.tell(1039, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(NULL), 1036, pg_temp.recall(1036, 'CANCEL')), 'CONTESTED', 'unless that was given to another meanwhile');

SELECT pg_temp.tell(10500, 'request_resource', 'coes.ayni.office', pg_temp.line(1)), pg_temp.tell(10501, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 10500),
       pg_temp.tell(10502, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('ARRIVAL')), 10501),
       pg_temp.tell(10503, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(NULL), 10501) \g /dev/null
SELECT is(pg_temp.wanted(10500), 'CLOSED 1', 'when all that came is used up, the request is closed');
SELECT is(pg_temp.tell(10504, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.lost(NULL), 10503, pg_temp.recall(10503, 'CANCEL')), 'APPLIED', 'it is not');
SELECT is(pg_temp.wanted(10500) || ' ' || (SELECT is_over FROM bus.request WHERE thread = pg_temp.uid(10500)), 'MET 1 false', 'and the request is met as before');
SELECT is(pg_temp.tell(10505, 'release_resource', 'coes.ayni.office', pg_temp.line(), 10501), 'APPLIED', 'until it is released');
SELECT is(pg_temp.wanted(10500), 'CLOSED 1', 'and closed again');

-- What nobody promised ---------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.settles(n int, about int, ruling text DEFAULT 'APPLIED') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_temp.verdict(pg_temp.append('kmk.dushanbe.eoc', 'decision',
        jsonb_build_object('decision', jsonb_build_object('message_id', pg_temp.uid(about), 'ruling', 'RULING_' || ruling)), pg_temp.uid(n), label => 3));
END
$$;
CREATE FUNCTION pg_temp.why(n int) RETURNS text LANGUAGE sql AS $$ SELECT code FROM bus.contested WHERE message_id = pg_temp.uid(n) $$;
SELECT is(pg_temp.tell(1060, 'request_resource', 'coes.ayni.office', pg_temp.line(3)), 'APPLIED', 'three are wanted');
SELECT is(pg_temp.tell(1061, 'report_resource_deployment_status', 'mod.dushanbe.depot', pg_temp.line(2, item => 'M-1', times => pg_temp.done('ARRIVAL')), 1060), 'CONTESTED', 'somebody brings two whom nobody asked');
SELECT is(pg_temp.why(1061) || coalesce(pg_temp.states(1060), ' nothing') || ' ' || pg_temp.wanted(1060), 'not_promised nothing OPEN 0', 'which begins nothing by itself');
SELECT is(pg_temp.tell(1062, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 1060), 'APPLIED', 'another one promises one');
SELECT is(pg_temp.settles(1063, 1061), 'APPLIED', 'a person has seen them');
SELECT is(pg_temp.states(1060) || ', ' || pg_temp.wanted(1060) || ', ' || pg_temp.board(1060), 'ON_SCENE COMMITTED, MET 3, 1 0 2 0', 'and they are on the board, as theirs who brought them');
SELECT is((SELECT string_agg(supplier, ' ' ORDER BY first_seq) FROM bus.line WHERE thread = pg_temp.uid(1060)), 'mod.dushanbe rcst.khujand', 'not as those of who promised');
SELECT is((SELECT count(*) FROM bus.commitment WHERE item = 'M-1'), 1::int8, 'with their stock number');
SELECT is(pg_temp.tell(1064, 'release_resource', 'coes.ayni.office', pg_temp.line(2), 1061), 'APPLIED', 'they are released as any others');
SELECT is(pg_temp.tell(10640, 'report_resource_deployment_status', 'mod.dushanbe.depot', pg_temp.line(2, times => pg_temp.done('DEPARTURE')), 1061), 'CONTESTED', 'that they left for here, told late');
SELECT is(pg_temp.settles(10641, 10640) || ' ' || pg_temp.states(1060), 'APPLIED RELEASED COMMITTED', 'is known then, and brings nothing back');
SELECT is(pg_temp.tell(1065, 'report_resource_deployment_status', 'health.ayni.office', pg_temp.line(1, times => pg_temp.done('DEPARTURE'), line_id => 1), 1060), 'APPLIED', 'an office of the place tells of what is promised') ;
SELECT is(pg_temp.tell(1066, 'request_resource', 'coes.ayni.office', pg_temp.line(3)), 'APPLIED', 'three more');
SELECT is(pg_temp.tell(1067, 'report_resource_deployment_status', 'coes.ayni.office', pg_temp.line(1, times => pg_temp.done('ARRIVAL')), 1066), 'CONTESTED', 'who asked sees one that nobody has promised');
SELECT is(pg_temp.settles(1068, 1067), 'REFUSED not_promised', 'whose it is nobody knows');
SELECT is(pg_temp.settles(1069, 1067, 'DISMISSED'), 'APPLIED', 'and it is not counted');
SELECT is(pg_temp.tell(1070, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(1, 'ACCEPT'), 1066), 'APPLIED', 'one has them');
SELECT is(pg_temp.tell(1071, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(1, item => 'U-1030', times => pg_temp.done('DEPARTURE')), 1070), 'CONTESTED', 'and sends one without a promise, one that is promised elsewhere');
SELECT is(pg_temp.settles(1072, 1071) || ' ' || pg_temp.states(1066) || ' ' || pg_temp.wanted(1066), 'APPLIED EN_ROUTE PARTLY 1', 'it is on the road');
SELECT is((SELECT count(*) FROM bus.commitment a JOIN bus.commitment b ON lower(a.item) = lower(b.item) AND a.agency = b.agency AND a.status = b.status AND a.held && b.held AND a.strand_id < b.strand_id), 0::int8,
          'no stock number is held twice');

-- Orders that are addressed ----------------------------------------------------------------------------
SELECT is(pg_temp.tell(1080, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), more => '{"to": ["mod.dushanbe.depot", "kmk.dushanbe.eoc"]}'), 'APPLIED', 'an order to one supplier, and for the centre to know');
SELECT is((SELECT supplier || ' ' || agency || ' ' || state FROM bus.line WHERE thread = pg_temp.uid(1080)), 'mod.dushanbe mod REQUISITIONED', 'is that one''s');
SELECT is(pg_temp.tell(1081, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(5, 'ACCEPT'), 1080), 'REFUSED not_yours', 'and no other''s');
SELECT is(pg_temp.tell(1082, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(5, 'ACCEPT'), 1080), 'APPLIED', 'who commits to it');
SELECT is(pg_temp.wanted(1080), 'MET 5', 'and it is met');
SELECT is(pg_temp.tell(1083, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), more => '{"to": ["rcst"]}', until => now() + interval '1 hour'), 'APPLIED', 'an order to an agency');
SELECT is(pg_temp.tell(1084, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), more => pg_temp.recall(1083, 'CANCEL'), thread => 1083), 'APPLIED', 'taken back');
SELECT is(pg_temp.wanted(1083) || ' ' || pg_temp.states(1083), 'CANCELLED 0 CANCELLED', 'it is wanted no more, nor asked for');
SELECT is(pg_temp.tell(1085, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), more => '{"to": ["rcst"]}', until => now() + interval '1 hour'), 'APPLIED', 'another one, for an hour');
UPDATE bus.timer SET due_at = now() - interval '1 second' WHERE subject = pg_temp.uid(1085);
SELECT bus.tick(100) \g /dev/null
SELECT is(pg_temp.wanted(1085) || ' ' || pg_temp.states(1085), 'EXPIRED 0 EXPIRED', 'which is over');
SELECT is(pg_temp.tell(1086, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), more => '{"to": ["rcst", "mod"]}'), 'APPLIED', 'one to two');
SELECT is(pg_temp.states(1086), NULL, 'is whose who commits');
SELECT pg_temp.tell(1087, 'request_resource', 'coes.ayni.office', pg_temp.line(5)), pg_temp.tell(1088, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(5, 'ACCEPT'), 1087),
       pg_temp.tell(1089, 'response_to_request_resource', 'mod.dushanbe.depot', pg_temp.line(5, 'ACCEPT'), 1087) \g /dev/null
SELECT is(pg_temp.tell(1090, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), 1087, more => '{"to": ["mod.dushanbe.depot"]}'), 'APPLIED', 'of two who have it, the one it is sent to');
SELECT is(pg_temp.states(1087), 'AVAILABLE REQUISITIONED', 'is asked for it');
SELECT is(pg_temp.tell(1091, 'request_resource', 'coes.ayni.office', pg_temp.line(5)), 'APPLIED', 'a request');
SELECT is(pg_temp.tell(1092, 'response_to_request_resource', 'rcst.khujand.depot', pg_temp.line(5, 'ACCEPT'), 1091), 'APPLIED', 'that one answers');
SELECT is(pg_temp.tell(1093, 'requisition_resource', 'coes.ayni.office', pg_temp.line(5), 1091, more => '{"to": ["mod.dushanbe.depot"]}'), 'REFUSED state', 'is not ordered of another who has not');

-- Taken back by the operations centre ------------------------------------------------------------------
SELECT is(pg_temp.tell(1100, 'request_resource', 'health.ayni.office', pg_temp.line(5)), 'APPLIED', 'an agency asks');
SELECT is(pg_temp.tell(1101, 'request_resource', 'coes.ayni.office', pg_temp.line(5), more => pg_temp.recall(1100, 'CANCEL'), thread => 1100), 'REFUSED recall', 'another office of the place does not take that back');
SELECT is(pg_temp.tell(1102, 'request_resource', 'kmk.rasht.desk', pg_temp.line(5), more => pg_temp.recall(1100, 'CANCEL'), thread => 1100, pcode => '3504207'), 'REFUSED recall', 'nor who decides elsewhere');
SELECT is(pg_temp.tell(1103, 'request_resource', 'kmk.dushanbe.eoc', pg_temp.line(9), more => pg_temp.recall(1100, 'UPDATE'), thread => 1100), 'REFUSED recall', 'nor does the centre ask for more in its name');
SELECT is(pg_temp.tell(1104, 'request_resource', 'kmk.dushanbe.eoc', pg_temp.line(5), more => pg_temp.recall(1100, 'CANCEL'), thread => 1100), 'APPLIED', 'but it cancels');
SELECT is(pg_temp.wanted(1100), 'CANCELLED 0', 'which it is');
SELECT is(pg_temp.tell(1105, 'request_resource', 'health.ayni.office', pg_temp.line(5)), 'APPLIED', 'again');
SELECT is(pg_temp.tell(1106, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(5, 'ACCEPT'), 1105), 'APPLIED', 'promised');
SELECT is(pg_temp.tell(1107, 'request_resource', 'kmk.khujand.desk', pg_temp.line(5), more => pg_temp.recall(1105, 'CANCEL'), thread => 1105), 'REFUSED committed', 'what is promised the region cannot cancel, either');
SELECT is(pg_temp.tell(1108, 'commit_resource', 'kmk.dushanbe.eoc', pg_temp.line(5, 'ACCEPT'), more => pg_temp.recall(1106, 'CANCEL'), thread => 1105), 'REFUSED recall', 'nor withdraw for a supplier');
SELECT is(pg_temp.tell(1109, 'report_resource_deployment_status', 'rcst.khujand.depot', pg_temp.line(times => pg_temp.done('ARRIVAL')), 1106), 'APPLIED', 'it comes');
SELECT is(pg_temp.tell(1110, 'request_extended_deployment_duration', 'health.ayni.office', pg_temp.line(), 1106), 'APPLIED', 'may it stay?');
SELECT is(pg_temp.tell(1111, 'request_extended_deployment_duration', 'kmk.khujand.desk', pg_temp.line(), more => pg_temp.recall(1110, 'CANCEL'), thread => 1105), 'APPLIED', 'it need not, says the region');
SELECT is(pg_temp.states(1105), 'ON_SCENE', 'it is there until the old end');

-- Incidents ----------------------------------------------------------------------------------------
SELECT is(pg_temp.tell(700, 'incident', 'coes.ayni.office', NULL, NULL, jsonb_build_object('incident_id', pg_temp.uid(7), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Gusar')), 'APPLIED', 'an incident');
SELECT is(pg_temp.tell(701, 'request_resource', 'coes.ayni.office', pg_temp.line(5), more => jsonb_build_object('incident_ids', jsonb_build_array(pg_temp.uid(7)))), 'APPLIED', 'and what it needs');
SELECT is(bus.open_requests_text(pg_temp.uid(7), 1::int2), '1 request of it is still open.', 'it is open');
SELECT is(pg_temp.tell(702, 'commit_resource', 'rcst.khujand.depot', pg_temp.line(3, 'ACCEPT'), 701), 'APPLIED', 'help is promised');
SELECT is(pg_temp.tell(703, 'commit_resource', 'mod.dushanbe.depot', pg_temp.line(2, 'ACCEPT'), 701), 'APPLIED', 'by two');
SELECT bus.tick(100) \g /dev/null
SELECT is((SELECT state FROM bus.incident WHERE incident_id = pg_temp.uid(7)), 'RESPONDING', 'which begins the response');
SELECT is((SELECT count(*)::int FROM bus.document WHERE type = 141 AND sender_id = 0), 1, 'said once');
SELECT is(pg_temp.tell(704, 'release_resource', 'coes.ayni.office', pg_temp.line(), 702), 'APPLIED', 'x');
SELECT is(pg_temp.tell(705, 'release_resource', 'coes.ayni.office', pg_temp.line(), 703), 'APPLIED', 'x');
SELECT is(pg_temp.tell(706, 'request_resource', 'coes.ayni.office', pg_temp.line(), more => jsonb_build_object('recall', jsonb_build_object('recalled_id', pg_temp.uid(701), 'type', 'RECALL_TYPE_CANCEL')), thread => 701), 'APPLIED', 'nothing is needed any more');
SELECT is(bus.open_requests_text(pg_temp.uid(7), 1::int2), NULL, 'nothing is open');

-- The same log, judged again, gives the same tables ---------------------------------------------------
CREATE TEMP TABLE was AS
SELECT 'request' AS part, to_jsonb(x) AS r FROM bus.request x UNION ALL SELECT 'line', to_jsonb(x) FROM bus.line x
UNION ALL SELECT 'commitment', to_jsonb(x) FROM bus.commitment x UNION ALL SELECT 'message', to_jsonb(x) FROM bus.line_message x
UNION ALL SELECT 'moved', to_jsonb(x) - 'step' FROM bus.moved x UNION ALL SELECT 'verdict', to_jsonb(ARRAY[seq, verdict]) FROM bus.message;
SELECT cmp_ok(bus.rejudge(), '>', 90::int8, 'all of it is judged again');
CREATE TEMP TABLE is_now AS
SELECT 'request' AS part, to_jsonb(x) AS r FROM bus.request x UNION ALL SELECT 'line', to_jsonb(x) FROM bus.line x
UNION ALL SELECT 'commitment', to_jsonb(x) FROM bus.commitment x UNION ALL SELECT 'message', to_jsonb(x) FROM bus.line_message x
UNION ALL SELECT 'moved', to_jsonb(x) - 'step' FROM bus.moved x UNION ALL SELECT 'verdict', to_jsonb(ARRAY[seq, verdict]) FROM bus.message;
SELECT bag_eq('SELECT * FROM was', 'SELECT * FROM is_now', 'and gives the same tables');

-- Every state and every event of both cycles ----------------------------------------------------------
-- What says an event: its message, who says it, what it holds, and of what kind the message is that it takes back.
CREATE TEMP TABLE saying (cycle text, event text, type text, who text, answer text, more jsonb DEFAULT '{}', recall text);
INSERT INTO saying (cycle, event, type, who, answer, more, recall) VALUES
('line', 'REQUEST', 'request_resource', 'coes.ayni.office', NULL, '{}', NULL), ('line', 'ASK_QUOTE', 'request_quote', 'coes.ayni.office', NULL, '{}', NULL),
('line', 'QUOTE', 'response_to_request_quote', 'rcst.khujand.depot', 'ACCEPT', '{}', NULL), ('line', 'QUOTE_PROVISIONAL', 'response_to_request_quote', 'rcst.khujand.depot', 'PROVISIONAL', '{}', NULL),
('line', 'QUOTE_DECLINE', 'response_to_request_quote', 'rcst.khujand.depot', 'DECLINE', '{}', NULL), ('line', 'RESPOND', 'response_to_request_resource', 'rcst.khujand.depot', 'ACCEPT', '{}', NULL),
('line', 'RESPOND_PROVISIONAL', 'response_to_request_resource', 'rcst.khujand.depot', 'PROVISIONAL', '{}', NULL), ('line', 'RESPOND_DECLINE', 'response_to_request_resource', 'rcst.khujand.depot', 'DECLINE', '{}', NULL),
('line', 'REQUISITION', 'requisition_resource', 'coes.ayni.office', NULL, '{}', NULL), ('line', 'COMMIT', 'commit_resource', 'rcst.khujand.depot', 'ACCEPT', '{}', NULL),
('line', 'COMMIT_PROVISIONAL', 'commit_resource', 'rcst.khujand.depot', 'PROVISIONAL', '{}', NULL), ('line', 'COMMIT_DECLINE', 'commit_resource', 'rcst.khujand.depot', 'DECLINE', '{}', NULL),
('line', 'WITHDRAW', 'commit_resource', 'rcst.khujand.depot', 'ACCEPT', '{}', 'CANCEL'), ('line', 'ASK', 'request_information', 'coes.ayni.office', NULL, '{}', NULL),
('line', 'ASK_STATUS', 'request_resource_deployment_status', 'coes.ayni.office', NULL, '{}', NULL), ('line', 'REPORT', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{}', NULL),
('line', 'DEPART', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{"schedules": [{"type": "SCHEDULE_TYPE_ACTUAL_DEPARTURE", "time_us": "1"}]}', NULL),
('line', 'ARRIVE', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{"schedules": [{"type": "SCHEDULE_TYPE_ACTUAL_ARRIVAL", "time_us": "1"}]}', NULL),
('line', 'RETURN_DEPART', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{"schedules": [{"type": "SCHEDULE_TYPE_ACTUAL_RETURN_DEPARTURE", "time_us": "1"}]}', NULL),
('line', 'RETURN_ARRIVE', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{"schedules": [{"type": "SCHEDULE_TYPE_ACTUAL_RETURN_ARRIVAL", "time_us": "1"}]}', NULL),
('line', 'LOSE', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{"assignment": {"quantity": {"value": "1"}}, "resource": {"status": {"readiness": "READINESS_OUT_OF_SERVICE"}}}', NULL),
('line', 'SPEND', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{"resource": {"status": {"readiness": "READINESS_OUT_OF_SERVICE"}}}', NULL),
('line', 'EXTEND', 'request_extended_deployment_duration', 'coes.ayni.office', NULL, '{}', NULL), ('line', 'EXTEND_ACCEPT', 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', 'ACCEPT', '{}', NULL),
('line', 'EXTEND_PROVISIONAL', 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', 'PROVISIONAL', '{}', NULL),
('line', 'EXTEND_DECLINE', 'response_to_request_extended_deployment_duration', 'rcst.khujand.depot', 'DECLINE', '{}', NULL),
('line', 'ASK_RETURN', 'request_return', 'rcst.khujand.depot', NULL, '{}', NULL), ('line', 'RETURN_ACCEPT', 'response_to_request_return', 'coes.ayni.office', 'ACCEPT', '{}', NULL),
('line', 'RETURN_PROVISIONAL', 'response_to_request_return', 'coes.ayni.office', 'PROVISIONAL', '{}', NULL), ('line', 'RETURN_DECLINE', 'response_to_request_return', 'coes.ayni.office', 'DECLINE', '{}', NULL),
('line', 'RETURN_DECLINE_ON_ROAD', 'response_to_request_return', 'coes.ayni.office', 'DECLINE', '{}', NULL), ('line', 'RELEASE', 'release_resource', 'coes.ayni.office', NULL, '{}', NULL),
('line', 'UPDATE', 'commit_resource', 'rcst.khujand.depot', 'ACCEPT', '{}', 'UPDATE'), ('line', 'CANCEL', 'requisition_resource', 'coes.ayni.office', NULL, '{}', 'CANCEL'),
('line', 'TAKE_BACK', 'request_extended_deployment_duration', 'coes.ayni.office', NULL, '{}', 'CANCEL'), ('line', 'TAKE_BACK_ON_ROAD', 'request_return', 'rcst.khujand.depot', NULL, '{}', 'CANCEL'),
('line', 'UNSAY', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{}', 'CANCEL'), ('line', 'EXPIRE', 'report_resource_deployment_status', 'bus', NULL, '{}', NULL),
('line', 'RELEASE_PART', 'release_resource', 'coes.ayni.office', NULL, '{"assignment": {"quantity": {"value": "1"}}}', NULL),
('line', 'RETURN_PART', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{"assignment": {"quantity": {"value": "1"}}, "schedules": [{"type": "SCHEDULE_TYPE_ACTUAL_RETURN_ARRIVAL", "time_us": "1"}]}', NULL),
('line', 'RETURN_DEPART_PART', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{"assignment": {"quantity": {"value": "1"}}, "schedules": [{"type": "SCHEDULE_TYPE_ACTUAL_RETURN_DEPARTURE", "time_us": "1"}]}', NULL),
('line', 'UNCOUNT', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{}', 'CANCEL'), ('line', 'UNSPEND', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{}', 'CANCEL'),
('line', 'UNSPEND_ON_ROAD', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{}', 'CANCEL'), ('line', 'UNSPEND_AT_HOME', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{}', 'CANCEL'),
('line', 'UNSPEND_RELEASED', 'report_resource_deployment_status', 'rcst.khujand.depot', NULL, '{}', 'CANCEL'),
('line', 'OFFER', 'offer_unsolicited_resource', 'rcst.khujand.depot', NULL, '{}', NULL),
('line', 'UNASK', 'request_quote', 'coes.ayni.office', NULL, '{}', 'CANCEL'), ('line', 'UNASK_OFFER', 'request_quote', 'coes.ayni.office', NULL, '{}', 'CANCEL'),
('request', 'REQUEST', 'request_resource', 'coes.ayni.office', NULL, '{}', NULL), ('request', 'REQUISITION', 'requisition_resource', 'coes.ayni.office', NULL, '{}', NULL),
('request', 'UPDATE', 'request_resource', 'coes.ayni.office', NULL, '{}', 'UPDATE'), ('request', 'CANCEL', 'request_resource', 'coes.ayni.office', NULL, '{}', 'CANCEL'),
('request', 'EXPIRE', 'report_resource_deployment_status', 'bus', NULL, '{}', NULL);
SELECT set_eq($$SELECT cycle, event FROM saying$$, $$SELECT cycle, event FROM bus.cycle_event WHERE cycle = 'line'
                 UNION SELECT cycle, event FROM bus.cycle_event WHERE cycle = 'request' AND nature = 'promise'$$, 'no event is left out');
INSERT INTO bus.principal (name, agency, roles, places) SELECT 'bus', '', '', '' WHERE NOT EXISTS (SELECT FROM bus.principal WHERE name = 'bus');
-- A line, or a request, that stands in `state` is told `s`: what came of it, and where it stands then.
CREATE FUNCTION pg_temp.pair(n int, state text, s saying) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    thread uuid := pg_temp.uid(n);
    of_request bool := s.cycle = 'request';
    one bus.line;
    more jsonb := CASE WHEN s.recall IS NOT NULL THEN jsonb_build_object('recall', jsonb_build_object('recalled_id', thread, 'type', 'RECALL_TYPE_' || s.recall)) ELSE '{}' END;
    said text;
BEGIN
    INSERT INTO bus.request (thread, message_id, seq, first_seq, since, asked_at, line_id, sender_id, status, label, priority, wanted, state, starts_as, agency, kind, places, is_over)
    VALUES (thread, CASE WHEN of_request THEN thread ELSE pg_temp.uid(n + 1000000) END, 1, 1, now(), now(), 1, 0, 1, 2, 4, 2, CASE WHEN of_request THEN state ELSE 'OPEN' END, 'REQUESTED', 'coes', 'x', '3505203',
            of_request AND NOT (SELECT c.is_open FROM bus.cycle_state c WHERE c.cycle = 'request' AND c.state = pair.state));
    IF NOT of_request THEN
        INSERT INTO bus.line (strand_id, thread, message_id, seq, first_seq, since, said_at, arrived_at, line_id, sender_id, status, label, quantity, state, phase, counts, supplier, agency, kind, places, released, spent_from)
        SELECT thread, thread, thread, 1, 1, now(), now(), CASE WHEN s.event NOT LIKE '%ON_ROAD' THEN now() END, 1, 0, 1, 2, 2, pair.state, f.phase, f.counts, 'rcst.khujand', 'rcst', 'x', '3505203', (s.event LIKE 'RETURN%\_PART')::int,
               CASE s.event WHEN 'UNSPEND' THEN 'ON_SCENE' WHEN 'UNSPEND_ON_ROAD' THEN 'EN_ROUTE' WHEN 'UNSPEND_AT_HOME' THEN 'COMMITTED' WHEN 'UNSPEND_RELEASED' THEN 'RELEASED' ELSE '' END
          FROM bus.line_phase f WHERE f.state = pair.state;
    END IF;
    INSERT INTO bus.line_message (message_id, said, thread, strand_id, sender_id, line_id, type, status, starts_as, event)
    SELECT thread, 1, thread, CASE WHEN NOT of_request AND s.event <> 'REQUEST' THEN thread END, p.principal_id, 1, pg_temp.type_of(s.type), 1, 'REQUESTED',
           CASE WHEN s.event = 'UNSAY' THEN 'DEPART' WHEN s.event = 'UNCOUNT' THEN 'LOSE' WHEN s.event LIKE 'UNSPEND%' THEN 'SPEND' WHEN s.recall = 'UPDATE' AND NOT of_request THEN 'COMMIT' ELSE 'REQUEST' END
      FROM bus.principal p WHERE p.name = s.who;
    INSERT INTO bus.line_message (message_id, said, thread, strand_id, sender_id, line_id, type, status, starts_as, event)
    SELECT thread, 99, thread, thread, 0, 1, 166, 1, 'OFFERED', 'OFFER' WHERE s.event = 'UNASK_OFFER';
    said := pg_temp.tell(n + 1, s.type, s.who, pg_temp.line(NULL, s.answer, more => s.more), CASE WHEN s.event NOT IN ('REQUEST', 'OFFER') AND s.recall IS NULL THEN n END, more,
                         thread => CASE WHEN s.event = 'OFFER' THEN n + 1 ELSE n END);
    RETURN said || CASE WHEN said = 'APPLIED' THEN ' ' || CASE WHEN of_request THEN (SELECT r.state FROM bus.request r WHERE r.thread = pg_temp.uid(n))
                                                               ELSE (SELECT l.state FROM bus.line l WHERE l.strand_id = pg_temp.uid(n)) END ELSE '' END;
END
$$;
CREATE TEMP TABLE pair AS
SELECT x.*, e.nature, t.to_state, 'promised' = ANY (t.guards) AS is_applied_by_person, pg_temp.pair(100000 + 2 * x.n::int, x.state, x.s) AS got
  FROM (SELECT row_number() OVER (ORDER BY c.state, y.event) AS n, c.state, y.cycle, y.event, y AS s
          FROM bus.cycle_state c JOIN saying y USING (cycle) WHERE y.event <> 'OFFER' AND NOT (y.cycle = 'request' AND y.event = 'REQUISITION')) AS x
  JOIN bus.cycle_event e ON e.cycle = x.cycle AND e.event = x.event
  LEFT JOIN bus.transition t ON t.cycle = x.cycle AND t.from_state = x.state AND t.event = x.event;
SELECT is_empty($$SELECT state, event, to_state, got FROM pair WHERE to_state IS NOT NULL AND got <> 'APPLIED ' || to_state
                     -- What was not declined is not asked again; a line that is cancelled with nothing out; the rest is met at once.
                     AND NOT (cycle = 'request' AND event = 'REQUEST') AND NOT (cycle = 'request' AND event = 'UPDATE' AND got = 'APPLIED OPEN')
                     AND NOT (state = 'RETURN_REQUESTED' AND event = 'TAKE_BACK') -- the supplier takes that back, see above
                     AND NOT (is_applied_by_person AND got = 'CONTESTED')$$, 'every legal move goes where its row says');
SELECT is_empty($$SELECT state, event, got FROM pair WHERE to_state IS NULL AND nature = 'promise' AND got <> 'REFUSED state'$$, 'every other promise is refused');
SELECT is_empty($$SELECT state, event, got FROM pair WHERE to_state IS NULL AND nature = 'fact' AND got <> 'CONTESTED'
                     AND NOT (event = 'RETURN_DEPART_PART' AND got = 'APPLIED RETURNING') -- all of it is released$$, 'every other fact is contested');
SELECT is_empty($$SELECT q.text FROM bus.quarantine q WHERE q.code = 'state' AND q.text NOT LIKE '%legal now: %'$$, 'who is refused hears what is legal');
SELECT cmp_ok((SELECT count(*) FROM pair), '>', 890::int8, 'all pairs were tried');
SELECT diag(count(*) || ' pairs, ' || count(to_state) || ' legal') FROM pair;
-- Nothing of it is in the log as it was told.
DELETE FROM bus.request WHERE thread >= pg_temp.uid(100000); DELETE FROM bus.line WHERE thread >= pg_temp.uid(100000); DELETE FROM bus.commitment WHERE thread >= pg_temp.uid(100000);

-- What begins, and what does not.
SELECT is(pg_temp.tell(90000 + row_number() OVER ()::int, type, who, pg_temp.line(NULL, answer, line_id => 77, more => more), CASE WHEN type NOT IN ('request_resource', 'offer_unsolicited_resource') THEN 300 END, thread => 300),
          CASE WHEN event IN ('REQUEST', 'OFFER', 'ASK') THEN 'APPLIED' WHEN event = 'REQUISITION' THEN 'APPLIED' WHEN type LIKE 'report%' THEN 'CONTESTED' ELSE 'REFUSED state' END,
          event || ' where nothing is')
  FROM saying WHERE cycle = 'line' AND recall IS NULL AND event NOT IN ('REQUEST', 'REQUISITION', 'OFFER', 'EXPIRE', 'RETURN_DECLINE_ON_ROAD', 'LOSE') AND event NOT LIKE '%\_PART';

SELECT * FROM finish();
ROLLBACK;
