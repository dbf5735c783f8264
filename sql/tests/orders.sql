-- orders: how many approve, and who may.
\ir lib/begin.sql

SELECT is(bus.approvers_needed(x.type, x.action), x.n, format('%s %s takes %s', x.type, x.action, x.n))
  FROM (VALUES ('siren_command', 'sound', 2), ('siren_command', 'silence', 2), ('sensor_configuration', '', 2),
               ('sensor_control', 'set_mode', 2), ('sensor_control', 'clear', 1), ('sensor_control', 'sync_clock', 0),
               ('flash_report', '', 2)) AS x(type, action, n);

INSERT INTO bus.principal (name, agency, places, roles) VALUES
    ('coes.ayni.duty', 'coes', '3505203', 'dispatcher'), ('coes.sughd.duty', 'coes', '3501000', 'dispatcher'),
    ('eoc.duty', 'eoc', '', 'eoc'), ('coes.ayni.office', 'coes', '3505203', 'district'),
    ('coes.ayni.gw', 'coes', '3505203', 'gateway'), ('rcst.team', 'rcst', '', 'partner'), ('coes.ops', 'coes', '', 'operator'),
    ('coes.broker', 'coes', '', 'broker'), ('coes.officer', 'coes', '', 'officer');
SELECT is(bus.may(x.who, 'approve', x.type, x.place), x.may,
          format('%s may%s approve %s at %s', x.who, CASE WHEN x.may THEN '' ELSE ' not' END, x.type, x.place))
  FROM (VALUES ('coes.ayni.duty', 'siren_command', '3505203001', true),
               ('coes.ayni.duty', 'sensor_configuration', '3505203', true),
               ('coes.ayni.duty', 'siren_command', '3505217', false),
               ('coes.ayni.duty', 'siren_command', '', false),
               ('coes.ayni.duty', 'public_alert', '3505203', false),
               ('coes.sughd.duty', 'siren_command', '3501203', true),
               ('coes.sughd.duty', 'siren_command', '3505203', false),
               ('eoc.duty', 'siren_command', '3505203', true), ('eoc.duty', 'sensor_control', '', true),
               ('coes.ayni.office', 'siren_command', '3505203', true),
               ('coes.ayni.office', 'sensor_configuration', '3505203', false),
               ('coes.ayni.gw', 'siren_command', '3505203', false), ('rcst.team', 'siren_command', '3505203', false),
               ('coes.ops', 'siren_command', '3505203', false), ('coes.broker', 'siren_command', '3505203', false),
               ('coes.officer', 'siren_command', '3505203', false)) AS x(who, type, place, may);

-- Changed by people, with a reason, and in the record; brokers hear of it.
SELECT version AS version_before FROM bus.principal_version \gset
SELECT throws_ok($$SELECT bus.approvers_set('siren_command', '*', 3, ' ')$$, '22023');
SELECT throws_ok($$SELECT bus.approvers_set('siren_command', '*', 5, 'why not')$$, '23514');
SELECT throws_ok($$SELECT bus.approvers_set('flash_report', '*', 1, 'why not')$$, '23514');
SELECT lives_ok($$SELECT bus.approvers_set('siren_command', '*', 3, 'order 15')$$);
SELECT is(bus.approvers_needed('siren_command', 'sound'), 3);
SELECT cmp_ok(version, '>', :version_before::int8, 'brokers read it anew') FROM bus.principal_version;
SELECT ok(string_to_array(bus.rules_text(), E'\n') @> ARRAY['0 3 allow need siren_command:* any RESTRICTED - 0 0'],
          'in the words that brokers read');
SELECT is(array_length(string_to_array(x.line, ' '), 1), 10, x.line)
  FROM unnest(string_to_array(bus.rules_text(), E'\n')) AS x(line) WHERE x.line ~ ' (need|approve) ';

-- Drafts, as a page writes them ----------------------------------------------------------------------
SELECT bus.approvers_set('siren_command', '*', 2, 'order 16');
INSERT INTO bus.principal (name, agency, places, roles, serial) VALUES
    ('coes.desk', 'coes', '', 'all desk', 0), ('coes.other.desk', 'coes', '', 'all desk', 0), ('coes.nazarova', 'coes', '', 'dispatcher', 0), ('coes.rahimov', 'coes', '', 'dispatcher', 0);
CREATE FUNCTION pg_temp.enrol(who text, key text, since timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bus.principal_key (principal_id, public_key, sign_key, valid_from)
    SELECT p.principal_id, sha256(key::bytea), sha256(('s' || key)::bytea), since FROM bus.principal p WHERE p.name = who
$$;
SELECT count(*) FROM (SELECT pg_temp.enrol(who, who, now() - interval '1 hour') FROM unnest(ARRAY['coes.rahimov', 'coes.ayni.duty', 'eoc.duty']) AS who) AS x;
-- What the program asks, as it asks it.
\set need `cat sql/queries/page_order_need.sql`
PREPARE page_need AS :need
\set may `cat sql/queries/page_may.sql`
PREPARE page_may AS :may
\set draft `cat sql/queries/page_order_draft.sql`
PREPARE page_draft AS :draft
\set ready `cat sql/queries/page_order_ready.sql`
\set queue `cat sql/queries/page_queue.sql`
PREPARE page_queue AS :queue
\set orders `cat sql/queries/page_orders.sql`
PREPARE page_orders AS :orders
CREATE SEQUENCE pg_temp.told;
CREATE FUNCTION pg_temp.uid(n int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.tell(type_name text, body jsonb, n int, status int, author text, more jsonb DEFAULT '{}', who text DEFAULT 'coes.desk', at_place text DEFAULT '3505203') RETURNS void LANGUAGE sql AS $$
    SELECT bus.append_one((SELECT principal_id FROM bus.principal WHERE name = who), 1, 3::int2, nextval('pg_temp.told'), pg_temp.uid(n),
                          (SELECT number FROM bus.type WHERE name = type_name)::int2, status::int2, at_place, clock_timestamp(), clock_timestamp(), clock_timestamp() + interval '10 minutes',
                          NULL, (2 << 4)::int2, '\x00', NULL, NULL, NULL,
                          jsonb_strip_nulls(jsonb_build_object(type_name, body, 'author', author, 'not_after_us', bus.us(now() + interval '10 minutes')::text)) || more,
                          (SELECT log_epoch FROM bus.log_head), 0)
$$;
CREATE FUNCTION pg_temp.siren(n int, status int, author text, approvals text DEFAULT '', more jsonb DEFAULT '{}', who text DEFAULT 'coes.desk',
                              approved timestamptz DEFAULT now()) RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.tell('siren_command', jsonb_build_object('site', 'coes.ayni.gw', 'action', 'SIREN_ACTION_SOUND', 'pattern', 'SIREN_PATTERN_EVACUATE', 'duration_s', 180, 'reason', 'a wall of mud',
                        'approvals', (SELECT coalesce(jsonb_agg(jsonb_build_object('principal', a, 'approved_us', bus.us(approved)::text)), '[]') FROM unnest(string_to_array(approvals, ' ')) AS a)), n, status, author, more, who)
$$;
CREATE FUNCTION pg_temp.about(n int) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('preceding_id', pg_temp.uid(n)) $$;
CREATE FUNCTION pg_temp.states(id int) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', d.state, d.status, d.author, d.needed, array_to_string(d.approved_by, '+')) FROM eoc.order_draft d WHERE d.message_id = pg_temp.uid(id)
$$;
CREATE FUNCTION pg_temp.turn_down(n int, about int, author text, who text DEFAULT 'coes.desk', at_place text DEFAULT '3505203') RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.tell('receipt', jsonb_build_object('message_id', pg_temp.uid(about), 'level', 'RECEIPT_LEVEL_REJECTED', 'text', 'wrong village'), n, 1, author, pg_temp.about(about), who, at_place)
$$;

SELECT count(*) FROM (SELECT pg_temp.siren(1, 3, 'coes.nazarova')) AS x;
SELECT is(pg_temp.states(1), 'WAITING ACTUAL coes.nazarova 2 ', 'one writes, and it waits for two others');
SELECT is((SELECT concat_ws(' ', q.what, q.precedence, q.by, q.detail, q.amount) FROM eoc.queue q WHERE q.id = pg_temp.uid(1)),
          'order 1 coes.nazarova coes.ayni.gw SOUND EVACUATE 2', 'in the queue');
SELECT is((SELECT count(*) FROM eoc.machine_order), 0::int8, 'a draft is no order');
SELECT count(*) FROM (SELECT pg_temp.siren(2, 4, 'coes.nazarova')) AS x;
SELECT is(pg_temp.states(2), 'WAITING EXERCISE coes.nazarova 2 ', 'a TEST is meant for an exercise');
SELECT count(*) FROM (SELECT pg_temp.siren(3, 3, '', 'coes.rahimov', pg_temp.about(1))) AS x;
SELECT is(pg_temp.states(1), 'WAITING ACTUAL coes.nazarova 2 coes.rahimov', 'an approval is kept with it');
SELECT count(*) FROM (SELECT pg_temp.siren(4, 3, '', 'coes.ayni.duty', pg_temp.about(1), 'coes.ayni.office')) AS x;
SELECT is(pg_temp.states(1), 'WAITING ACTUAL coes.nazarova 2 coes.rahimov', 'one from who is no desk is none of its');
SELECT is((SELECT count(*) FROM eoc.order_draft), 2::int8, 'an approval is no draft of its own');
SELECT count(*) FROM (SELECT pg_temp.turn_down(5, 1, 'rcst.team')) AS x;
SELECT is(pg_temp.states(1), 'WAITING ACTUAL coes.nazarova 2 coes.rahimov', 'who may not approve it does not turn it down');
SELECT count(*) FROM (SELECT pg_temp.turn_down(6, 1, 'coes.rahimov', 'coes.ayni.office')) AS x;
SELECT is(pg_temp.states(1), 'WAITING ACTUAL coes.nazarova 2 coes.rahimov', 'nor does who is no desk in somebody''s name');
SELECT count(*) FROM (SELECT bus.role_add('kulob_desk', '', 'a test'), bus.rule_add('kulob_desk', 'allow', 'carry', '*', '3507209', 'RESTRICTED', '', 'a test')) AS x;
INSERT INTO bus.principal (name, agency, places, roles, serial) VALUES ('coes.kulob.desk', 'coes', '', 'dispatcher kulob_desk', 0);
SELECT count(*) FROM (SELECT pg_temp.turn_down(89, 1, 'coes.rahimov', 'coes.kulob.desk', '3507209')) AS x;
SELECT is(pg_temp.states(1), 'WAITING ACTUAL coes.nazarova 2 coes.rahimov', 'nor a desk that speaks for him elsewhere, whatever place it names');
SELECT is(ARRAY[bus.why_no_answer('rcst.team', pg_temp.uid(1)), bus.why_no_answer('coes.rahimov', pg_temp.uid(1)), bus.why_no_answer('coes.nazarova', pg_temp.uid(1))],
          ARRAY['no_right', NULL, NULL], 'who has no say hears so before; who may approve it and who wrote it have one');
SELECT count(*) FROM (SELECT pg_temp.siren(7, 1, 'coes.nazarova', 'coes.rahimov eoc.duty', pg_temp.about(1))) AS x;
SELECT is(pg_temp.states(1), 'SAID ACTUAL coes.nazarova 2 coes.rahimov+eoc.duty', 'the order itself');
SELECT is((SELECT concat_ws(' ', o.machine, o.what, o.reason, array_to_string(o.approved_by, '+')) FROM eoc.machine_order o WHERE o.message_id = (SELECT order_id FROM eoc.order_draft WHERE message_id = pg_temp.uid(1))),
          'coes.ayni.gw SOUND EVACUATE a wall of mud coes.rahimov+eoc.duty', 'which has a reason');
SELECT is((SELECT count(*) FROM eoc.queue q WHERE q.id = pg_temp.uid(1)), 0::int8, 'and waits no more');
SELECT count(*) FROM (SELECT pg_temp.turn_down(8, 2, 'coes.rahimov')) AS x;
SELECT is(pg_temp.states(2), 'TURNED_DOWN EXERCISE coes.nazarova 2 ', 'who may approve it may turn it down');
SELECT is(ARRAY[bus.why_no_answer('coes.nazarova', pg_temp.uid(2)), bus.why_no_answer('coes.rahimov', pg_temp.uid(2)), bus.why_no_answer('coes.rahimov', pg_temp.uid(1))],
          ARRAY['answered', NULL, 'answered'], 'once, and not what was said; who says it again hears nothing of it');
SELECT pg_temp.tell('siren_command', '{"site": "coes.ayni.gw", "action": "SIREN_ACTION_SELF_TEST", "reason": "monthly"}', 801, 2, 'coes.nazarova'),
       pg_temp.tell('siren_report', jsonb_build_object('site', 'coes.ayni.gw', 'cause_id', pg_temp.uid(CASE n WHEN 1 THEN 801 ELSE 7 END), 'result', 'SIREN_RESULT_SOUNDED'), 801 + n, n, NULL)
  FROM generate_series(1, 2) AS n \g /dev/null
SELECT is((SELECT array_agg(r.is_test ORDER BY r.seq) FROM eoc.siren_report r WHERE r.site = 'coes.ayni.gw'), '{t,f}', 'a siren that tested itself has not sounded');
SELECT count(*) FROM (SELECT pg_temp.siren(9, 3, 'coes.nazarova', more => jsonb_build_object('not_after_us', bus.us(now() - interval '1 second')::text))) AS x;
SELECT is(pg_temp.states(9), 'OVER ACTUAL coes.nazarova 2 ', 'its time is over');
SELECT count(*) FROM (SELECT pg_temp.siren(10, 3, 'coes.nazarova')) AS x;
SELECT count(*) FROM (SELECT pg_temp.turn_down(11, 10, 'coes.nazarova')) AS x;
SELECT is(pg_temp.states(10), 'TURNED_DOWN ACTUAL coes.nazarova 2 ', 'who wrote it may take it back');

-- Two desks with one record, and a broker that refuses -------------------------------------------------
PREPARE page_ready AS :ready
CREATE FUNCTION pg_temp.ready() RETURNS text LANGUAGE plpgsql AS $$ DECLARE r text; BEGIN EXECUTE $q$EXECUTE page_ready('coes.desk')$q$ INTO r; RETURN r; END $$;
SELECT count(*) FROM (SELECT pg_temp.siren(12, 3, 'coes.nazarova')) AS x;
SELECT count(*) FROM (SELECT pg_temp.siren(13, 3, '', 'coes.rahimov', pg_temp.about(12))) AS x;
SELECT is(pg_temp.ready(), '', 'one of two approved it: nothing is to be said');
SELECT count(*) FROM (SELECT pg_temp.siren(14, 3, '', 'coes.rahimov eoc.duty', pg_temp.about(12), 'coes.other.desk')) AS x;
SELECT is(pg_temp.states(12), 'WAITING ACTUAL coes.nazarova 2 coes.rahimov+eoc.duty', 'another desk says who approved it there');
SELECT is(pg_temp.ready(), pg_temp.uid(12)::text, 'and the first one that it is to be said now');
SELECT count(*) FROM (SELECT pg_temp.siren(15, 1, 'coes.nazarova', 'coes.rahimov eoc.duty', pg_temp.about(12), 'coes.other.desk')) AS x;
SELECT is(pg_temp.states(12), 'WAITING ACTUAL coes.nazarova 2 coes.rahimov+eoc.duty', 'nobody else says it');
SELECT count(*) FROM (SELECT pg_temp.tell('receipt', jsonb_build_object('message_id', pg_temp.uid(12), 'level', 'RECEIPT_LEVEL_REJECTED', 'code', 'approval', 'text', 'too few'), 16, 1, NULL, pg_temp.about(12), 'coes.other.desk')) AS x;
SELECT is((SELECT d.state FROM eoc.order_draft d WHERE d.message_id = pg_temp.uid(12)), 'WAITING', 'nor that it was refused');
SELECT count(*) FROM (SELECT pg_temp.tell('receipt', jsonb_build_object('message_id', pg_temp.uid(12), 'level', 'RECEIPT_LEVEL_REJECTED', 'code', 'approval', 'text', 'too few'), 17, 1, NULL, pg_temp.about(12))) AS x;
SELECT is((SELECT concat_ws(' ', d.state, d.code, d.why) FROM eoc.order_draft d WHERE d.message_id = pg_temp.uid(12)), 'REFUSED approval too few', 'what a broker refused, with the reason');
SELECT is(pg_temp.ready() || (SELECT count(*) FROM eoc.queue q WHERE q.id = pg_temp.uid(12)), '0', 'is out of the queue, and not said again');
SELECT count(*) FROM (SELECT pg_temp.siren(18, 3, 'coes.nazarova')) AS x;
SELECT count(*) FROM (SELECT pg_temp.turn_down(19, 18, 'eoc.duty', 'coes.other.desk')) AS x;
SELECT is((SELECT concat_ws(' ', d.state, d.answered_by) FROM eoc.order_draft d WHERE d.message_id = pg_temp.uid(18)), 'TURNED_DOWN eoc.duty', 'turned down at the other desk');

-- An approval counts as long as who gave it has the key and the right ---------------------------------
CREATE FUNCTION pg_temp.asked(question text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE r text; BEGIN EXECUTE 'EXECUTE ' || question INTO r; RETURN r; END $$;
CREATE FUNCTION pg_temp.signed(id int) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(a->>'principal', '+' ORDER BY a->>'principal'), '')
      FROM jsonb_array_elements((split_part(pg_temp.asked(format('page_draft(%L, %L)', pg_temp.uid(id), 'coes.ayni.duty')), E'\n', 2)::jsonb)->'siren_command'->'approvals') AS a
$$;
SELECT count(*) FROM (SELECT pg_temp.siren(20, 3, 'coes.nazarova')) AS x;
SELECT count(*) FROM (SELECT pg_temp.siren(21, 3, '', 'coes.rahimov', pg_temp.about(20), approved => now() - interval '1 minute')) AS x;
SELECT is(concat_ws(' ', pg_temp.states(20), pg_temp.signed(20)), 'WAITING ACTUAL coes.nazarova 2 coes.rahimov coes.rahimov', 'one approved it');
SELECT bus.principal_key_revoke('coes.rahimov', sha256('coes.rahimov')) \g /dev/null
SELECT is(concat_ws(' ', pg_temp.states(20), pg_temp.signed(20)), 'WAITING ACTUAL coes.nazarova 2  ', 'whose key is revoked: it takes two others');
SELECT is((SELECT q.amount FROM eoc.queue q WHERE q.id = pg_temp.uid(20)), 2::numeric, 'and the queue says so');
SELECT is(pg_temp.states(1), 'SAID ACTUAL coes.nazarova 2 coes.rahimov+eoc.duty', 'of what was said the record keeps who approved it');
SELECT count(*) FROM (SELECT pg_temp.enrol('coes.rahimov', 'his second', now())) AS x;
SELECT is(pg_temp.signed(20), '', 'what his old key signed is not signed by the new one');
SELECT count(*) FROM (SELECT pg_temp.siren(22, 3, '', 'coes.rahimov', pg_temp.about(20))) AS x;
SELECT is(concat_ws(' ', pg_temp.states(20), pg_temp.signed(20)), 'WAITING ACTUAL coes.nazarova 2 coes.rahimov coes.rahimov', 'he approves it again');
UPDATE bus.principal SET places = '3501203' WHERE name = 'coes.rahimov';
SELECT is(concat_ws(' ', pg_temp.states(20), pg_temp.signed(20)), 'WAITING ACTUAL coes.nazarova 2  ', 'who may not approve there any more is left out');
UPDATE bus.principal SET places = '' WHERE name = 'coes.rahimov';

-- Nobody buries the queue under drafts ----------------------------------------------------------------
CREATE FUNCTION pg_temp.needs(who text, type text, action text, written int[] DEFAULT '{900}') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.asked(format('page_need(%L, %L, %L, %L, %L, %L, %L)', who, type, action, 'coes.ayni.gw', '3505203', 'INTERNAL', (SELECT string_agg(' ' || pg_temp.uid(w), '') FROM unnest(written) AS w))) $$;
CREATE FUNCTION pg_temp.gateway(n int, action text, author text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.tell('sensor_control', jsonb_build_object('target', 'coes.ayni.gw', 'action', 'SENSOR_ACTION_' || action, 'reason', 'x'), n, 3, author)
$$;
SELECT count(*) FROM (SELECT pg_temp.siren(30 + n, 3, 'coes.nazarova') FROM generate_series(1, 6) AS n) AS x;
SELECT is(pg_temp.needs('coes.nazarova', 'siren_command', 'sound'), '2 3505203', 'seven wait, and an eighth is taken');
SELECT is(pg_temp.needs('coes.nazarova', 'siren_command', 'sound', '{900,901}'), 'drafts', 'not two at one time: what is under way counts too');
SELECT count(*) FROM (SELECT pg_temp.gateway(37, 'CLEAR', 'coes.nazarova')) AS x;
SELECT is((SELECT count(*) FROM eoc.order_draft d WHERE d.author = 'coes.nazarova' AND d.state = 'WAITING'), 8::int8, 'eight wait');
SELECT is(pg_temp.needs('coes.nazarova', 'siren_command', 'sound', '{37}'), '2 3505203', 'one of them said again is no ninth');
SELECT is(pg_temp.needs('coes.nazarova', 'siren_command', 'sound'), 'drafts', 'a ninth is refused');
SELECT is(pg_temp.needs('coes.nazarova', 'sensor_control', 'sync_clock'), '0 3505203', 'what waits for nobody is said');
SELECT is(pg_temp.needs('coes.rahimov', 'siren_command', 'sound'), '2 3505203', 'another person writes his own');
SELECT is(pg_temp.needs('rcst.team', 'siren_command', 'sound'), 'false', 'who may not hears only that');
SELECT is((SELECT precedence FROM eoc.queue WHERE id = pg_temp.uid(31)) || ' ' || (SELECT precedence FROM eoc.queue WHERE id = pg_temp.uid(37)), '1 3', 'only a siren that sounds is as urgent as an alarm');
SELECT count(*) FROM (SELECT pg_temp.tell('flash_report', '{"hazard": "HAZARD_MUDFLOW", "village": "x"}', 40, 1, NULL, who => 'coes.ayni.office')) AS x;
SELECT is((SELECT array_agg(i->>'what') FROM (SELECT i FROM jsonb_array_elements(pg_temp.asked('page_queue(NULL, NULL, NULL)')::jsonb->'items') AS i LIMIT 3) AS x),
          '{report,order,order}', 'a FLASH report stands before every order, though they are older');
SELECT count(*) FROM (SELECT pg_temp.turn_down(41, 31, 'coes.nazarova')) AS x;
SELECT is(pg_temp.needs('coes.nazarova', 'siren_command', 'sound', '{31,900}'), '2 3505203', 'one taken back makes room');
SELECT count(*) FROM (SELECT pg_temp.siren(50 + n, 3, 'coes.ayni.duty', more => jsonb_build_object('not_after_us', bus.us(now() - interval '1 second')::text)) FROM generate_series(1, 35) AS n) AS x;
SELECT is((SELECT array_agg(w->>'state' ORDER BY n) FILTER (WHERE n <= 8) || count(*)::text FROM jsonb_array_elements(pg_temp.asked('page_orders(NULL, NULL)')::jsonb->'waiting') WITH ORDINALITY AS u(w, n)),
          '{WAITING,WAITING,WAITING,WAITING,WAITING,WAITING,WAITING,OVER,30}', 'what waits stands first, however many newer ones are over');

SELECT ok(NOT bus.may_at('coes.nazarova', 'approve', 'siren_command', 'nobody.there'), 'nobody approves for a machine that is not there');
SELECT is(pg_temp.asked($$page_may('coes.nazarova', 'flash_report', '3505203', 'INTERNAL', NULL)$$), 'true', 'who may say it');
UPDATE bus.principal SET not_after = now() - interval '1 second' WHERE name = 'coes.nazarova';
SELECT is(pg_temp.asked($$page_may('coes.nazarova', 'flash_report', '3505203', 'INTERNAL', NULL)$$), 'false', 'and may not any more when the time is over');
SELECT * FROM finish();
ROLLBACK;
