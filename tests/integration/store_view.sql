-- store_view: what several messages have to agree about, and chance does not bring about: a family from its harm to a
-- plot, an alarm that somebody takes, a request that is met, a district that owes reports and is silent.
-- tests/integration/store_view_test.c runs it with psql, after what chance says.
\set ON_ERROR_STOP 1
\o /dev/null
SET search_path = pg_temp, pg_catalog;
SET client_min_messages = error;
\ir ../../sql/tests/lib/relocation.sql

-- Families: one is offered a plot and says no, one is fed, one is perhaps the same as another.
SELECT pg_temp.site(1, name => 'zafarobod.5'), pg_temp.ready(1), pg_temp.offer(11, 1, site => 'zafarobod.5'), pg_temp.answer(11, 1, 'DECLINE');
SELECT pg_temp.ready(2), pg_temp.offer(12, 2, site => 'zafarobod.5'), pg_temp.ready(3), pg_temp.offer(13, 3, site => 'zafarobod.5');
SELECT pg_temp.tell('assistance_delivery', jsonb_build_object('household_id', pg_temp.uid(2), 'item', 'ASSISTANCE_ITEM_RATION', 'ration_days', 3,
                    'distributor', 'rcst.ayni.team2'), who => 'rcst.ayni.team2');
SELECT pg_temp.tell('household_event', pg_temp.event(4, '{"to_state": "HOUSEHOLD_STATE_AFFECTED", "affected": {"members": 7, "children": 4}}'), who => 'rcst.ayni.team2');
SELECT pg_temp.tell('household_event', pg_temp.event(2, jsonb_build_object('request', jsonb_build_object('request_id', pg_temp.uid(20), 'kind', 'HOUSEHOLD_REQUEST_KIND_CORRECTION'))));
SELECT pg_temp.tell('household_event', pg_temp.event(2, jsonb_build_object('identity_read', jsonb_build_object('identity_id', pg_temp.uid(21), 'reader', 'registry.khujand', 'purpose', 'PURPOSE_OFFER'))));

-- An alarm: whom it asks, and who takes another one.
SELECT pg_temp.tell('duty_roster', jsonb_build_object('role', 'duty', 'place', '3505203', 'period', p.body, 'shifts',
                    jsonb_build_array(jsonb_build_object('order', 1, 'principal', 'coes.duty', 'period', p.body))), who => 'coes.duty')
  FROM (SELECT jsonb_build_object('from_us', pg_temp.us(now() - interval '1 hour'), 'to_us', pg_temp.us(now() + interval '1 day')) AS body) AS p;
SELECT pg_temp.tell('sensor_detection', jsonb_build_object('level', 'DETECTION_LEVEL_ALARM', 'hazard', 'HAZARD_MUDFLOW', 'torrent_id', t), who => 'rcst.ayni.team2') FROM generate_series(1, 2) AS t;
SELECT bus.tick(100), bus.tick(100);
SELECT pg_temp.tell('receipt', jsonb_build_object('message_id', a.alert_id, 'level', 'RECEIPT_LEVEL_ACCEPTED', 'by', 'duty'), who => 'coes.duty')
  FROM bus.alert a WHERE a.torrent_id = 2 AND a.state = 'ISSUED';
SELECT pg_temp.tell('public_alert', jsonb_build_object('identifier', 'S1', 'status', 'CAP_STATUS_ACTUAL', 'msg_type', 'CAP_MSG_TYPE_ALERT', 'infos',
                    jsonb_build_array(jsonb_build_object('urgency', 'URGENCY_EXPECTED', 'expires_us', pg_temp.us(now() + interval '1 hour')))), who => 'coes.duty');
SELECT pg_temp.tell('public_alert', jsonb_build_object('identifier', 'S2', 'status', 'CAP_STATUS_DRAFT', 'msg_type', 'CAP_MSG_TYPE_ALERT', 'infos',
                    jsonb_build_array(jsonb_build_object('headline', 'A draft', 'expires_us', pg_temp.us(now() + interval '1 hour')))), who => 'coes.duty');
SELECT bus.append_one((SELECT principal_id FROM bus.principal WHERE name = 'coes.duty'), 2, 4::int2, nextval('pg_temp.told'), pg_temp.uid(50), 180::int2, 1::int2, '3505203',
                      now(), now(), NULL, NULL, (1 << 4)::int2, '\x00', NULL, NULL, NULL,
                      jsonb_build_object('public_alert', jsonb_build_object('identifier', 'S3', 'status', 'CAP_STATUS_ACTUAL', 'msg_type', 'CAP_MSG_TYPE_ALERT',
                          'scope', 'CAP_SCOPE_PUBLIC', 'infos', jsonb_build_array(jsonb_build_object('urgency', 'URGENCY_EXPECTED', 'expires_us', pg_temp.us(now() + interval '1 hour'))))),
                      (SELECT log_epoch FROM bus.log_head), 0);

-- A request and who promises it.
CREATE FUNCTION pg_temp.says(id uuid, type_name text, doc jsonb, at timestamptz DEFAULT now(), pcode text DEFAULT '3505203') RETURNS void LANGUAGE sql AS $$
    SELECT bus.append_one((SELECT principal_id FROM bus.principal WHERE name = 'coes.duty'), 2, 4::int2, nextval('pg_temp.told'), id,
                          (SELECT number FROM bus.type WHERE name = type_name)::int2, 1::int2, pcode, at, at, NULL, NULL, (2 << 4)::int2, '\x00', NULL, NULL, NULL, doc,
                          (SELECT log_epoch FROM bus.log_head), 0) $$;
SELECT pg_temp.says(pg_temp.uid(30), 'request_resource', '{"request_resource": {"lines": [{"line_id": 1, "resource": {"kind": "tent"}, "assignment": {"quantity": {"value": "4"}}}]}}');
SELECT pg_temp.says(pg_temp.uid(31), 'commit_resource', jsonb_build_object('preceding_id', pg_temp.uid(30), 'commit_resource',
                    '{"lines": [{"line_id": 1, "response": {"type": "RESPONSE_TYPE_ACCEPT"}, "assignment": {"quantity": {"value": "4"}}}]}'::jsonb));

-- An incident of a week ago, in a district of which nobody has said a word.
SELECT pg_temp.says(pg_temp.uid(40), 'incident', jsonb_build_object('incident', jsonb_build_object('incident_id', pg_temp.uid(41), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Gusar')),
                    now() - interval '7 days', '3505220');
-- A place that somebody names, and a listener.
SELECT pg_temp.says(pg_temp.uid(50), 'gazetteer_update', jsonb_build_object('gazetteer_update', jsonb_build_object('version', 1, 'source', 'order 7', 'places',
                    '[{"pcode": "350520301", "level": "ADMIN_LEVEL_JAMOAT", "parent": "3505203", "name_en": "Ayni"}]'::jsonb)));
SELECT bus.cursor_open(ARRAY[(SELECT principal_id FROM bus.principal WHERE name = 'coes.duty')], '{desk}', '{4}', '{resource.*}', ARRAY[0], ARRAY[0]::int8[], '{true}', 'b1');
