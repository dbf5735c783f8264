-- seed: a small log with something of every life cycle that a migration has touched: an incident and reports, a
-- detector's warning that is over, drafts of alerts (waiting, approved, turned down), receipts, a request and its answer.
SET client_min_messages = error;
INSERT INTO bus.principal (name, agency, places, roles, serial)
SELECT n, 'coes', '', CASE n WHEN 'coes.desk' THEN 'all desk' ELSE 'all' END, 0
  FROM unnest(ARRAY['coes.desk', 'coes.rahimov', 'coes.nazarova', 'coes.office', 'coes.gw', 'coes.depot']) AS n;
CREATE SEQUENCE public.told;
CREATE FUNCTION public.uid(n int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION public.tell(who text, type_name text, n int, body jsonb, more jsonb DEFAULT '{}', status int DEFAULT 1, at timestamptz DEFAULT '2026-11-01 03:00+05') RETURNS void
LANGUAGE sql AS $$
    SELECT bus.append_one((SELECT principal_id FROM bus.principal WHERE name = who), 1, 3::int2, nextval('public.told'), public.uid(n),
                          (SELECT number FROM bus.type WHERE name = type_name)::int2, status::int2, '3505203', at, at + n * interval '1 second', NULL, NULL, (2 << 4)::int2,
                          '\x00', NULL, NULL, NULL, jsonb_build_object(type_name, body) || more, (SELECT log_epoch FROM bus.log_head), 0)
$$;
CREATE FUNCTION public.alert(n int, cap_status text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('identifier', 'A' || n, 'cap_sender', 'coes.tj', 'sent_us', '1790000000000000', 'sent_offset_min', 300, 'codes', '["eocbus:actual"]'::jsonb,
                              'status', 'CAP_STATUS_' || cap_status, 'msg_type', 'CAP_MSG_TYPE_ALERT', 'infos', jsonb_build_array(jsonb_build_object(
                              'language', 'tg', 'headline', 'Сел', 'urgency', 'URGENCY_IMMEDIATE', 'hazard', 'HAZARD_MUDFLOW', 'expires_us', '1900000000000000')))
$$;
SELECT public.tell('coes.gw', 'sensor_detection', 1, '{"profile": "fusion", "profile_version": 1, "level": "DETECTION_LEVEL_WARNING", "hazard": "HAZARD_MUDFLOW", "torrent_id": 7}');
SELECT public.tell('coes.gw', 'sensor_detection', 2, '{"profile": "fusion", "profile_version": 1, "level": "DETECTION_LEVEL_ALARM", "hazard": "HAZARD_MUDFLOW", "torrent_id": 8}');
SELECT public.tell('coes.gw', 'sensor_detection', 3, '{"profile": "fusion", "profile_version": 1, "level": "DETECTION_LEVEL_CLEAR", "hazard": "HAZARD_MUDFLOW", "torrent_id": 7}');
SELECT public.tell('coes.office', 'flash_report', 4, '{"hazard": "HAZARD_MUDFLOW", "text": "сел"}');
SELECT public.tell('coes.desk', 'incident', 5, jsonb_build_object('incident_id', public.uid(900), 'hazard', 'HAZARD_MUDFLOW', 'name', 'Gusar'),
                   jsonb_build_object('incident_ids', jsonb_build_array(public.uid(900)), 'author', 'coes.rahimov', 'preceding_id', public.uid(4), 'kind', 'KIND_REPORT'));
SELECT public.tell('coes.office', 'situation_report', 6, '{"serial": 1}', jsonb_build_object('incident_ids', jsonb_build_array(public.uid(900))));
SELECT public.tell('coes.office', 'receipt', 7, jsonb_build_object('message_id', public.uid(2), 'level', 'RECEIPT_LEVEL_ACCEPTED', 'by', 'coes.office'));
-- Drafts: one waits, one is approved, one turned down, one turned down by nobody who may.
SELECT public.tell('coes.desk', 'public_alert', 10 + n, public.alert(n, 'DRAFT'), '{"author": "coes.rahimov"}', 3) FROM generate_series(1, 4) AS n;
SELECT public.tell('coes.desk', 'public_alert', 20, public.alert(2, 'ACTUAL'), jsonb_build_object('author', 'coes.nazarova', 'preceding_id', public.uid(12)));
SELECT public.tell('coes.desk', 'receipt', 21, jsonb_build_object('message_id', public.uid(13), 'level', 'RECEIPT_LEVEL_REJECTED', 'by', 'coes.nazarova'), '{"author": "coes.nazarova"}', 3);
SELECT public.tell('coes.depot', 'receipt', 22, jsonb_build_object('message_id', public.uid(14), 'level', 'RECEIPT_LEVEL_REJECTED', 'by', 'coes.depot'), '{}', 3);
-- A request, its answer, and what was sent.
SELECT public.tell('coes.office', 'request_resource', 30, '{"lines": [{"line_id": 1, "resource": {"kind": "tent"}, "assignment": {"quantity": {"value": 12, "unit": "H87"}}}]}',
                   jsonb_build_object('incident_ids', jsonb_build_array(public.uid(900)), 'kind', 'KIND_REQUEST'));
SELECT public.tell('coes.depot', 'commit_resource', 31, '{"lines": [{"line_id": 1, "resource": {"kind": "tent"}, "assignment": {"quantity": {"value": 8, "unit": "H87"}}}]}',
                   jsonb_build_object('preceding_id', public.uid(30), 'originating_id', public.uid(30), 'kind', 'KIND_RESPONSE'));
DROP FUNCTION public.tell, public.uid, public.alert;
DROP SEQUENCE public.told;
