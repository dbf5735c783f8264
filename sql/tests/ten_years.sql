-- ten_years: a history to ask questions of: 3,200 incidents, 13,500 households with what became of each, 16,000 requests,
-- 111,000 messages. Put straight into the tables, as nobody but their owner can; invented, as even as invented things
-- are. What is open at its end is as much as a bad week leaves. Run by tests/integration/questions_test.c.
SET jit = off;
SET synchronous_commit = off;
SET session_replication_role = replica; -- no triggers, no foreign keys
UPDATE bus.log_head SET seq = 400000;

INSERT INTO bus.principal (name, agency, roles, places)
SELECT 'coes.d' || n, 'coes', 'district', (3505200 + n)::text FROM generate_series(1, 70) AS n;

-- When: incident i of 3200 began so long ago, most of them in spring.
CREATE TEMP TABLE inc AS
SELECT i, md5('i' || i)::uuid AS id, now() - (3200 - i) * interval '27 hours' - interval '1 hour' AS at, (3505200 + 1 + i % 58)::text AS place,
       i > 3190 AS is_open
  FROM generate_series(1, 3200) AS i;
INSERT INTO bus.incident (incident_id, seq, first_seq, since, began_at, last_at, sender_id, status, label, state, hazard, name, places, ended_at, open_during)
SELECT id, i, i, at, at, at, 1 + i % 70, 1, 2, CASE WHEN is_open THEN 'RESPONDING' ELSE 'CLOSED' END, 'MUDFLOW', 'torrent ' || i, place,
       CASE WHEN NOT is_open THEN at + interval '20 days' END, tstzmultirange(tstzrange(at, CASE WHEN NOT is_open THEN at + interval '20 days' END))
  FROM inc;
INSERT INTO bus.incident_report (message_id, incident_id, seq, event_at, sender_id, type, status, label, hazard, places)
SELECT md5('r' || i || ' ' || n)::uuid, CASE WHEN n < 9 THEN id END, 1000 + i * 10 + n, at, 1 + i % 70, 120, 1, 2, 'MUDFLOW', place
  FROM inc, generate_series(5, 9) AS n;
INSERT INTO bus.moved (seq, at, principal_id, type, entity, message_id, cycle, event, from_state, to_state)
SELECT 20000 + i * 6 + n, at + n * interval '1 hour', 1 + i % 70, 141, id, md5('im' || i || ' ' || n)::uuid, 'incident', 'STEP', CASE n WHEN 0 THEN '' ELSE 'VERIFYING' END, 'RESPONDING'
  FROM inc, generate_series(0, 5) AS n;

-- The log: sixteen documents of each incident, of many kinds, and 60,000 messages beside.
INSERT INTO bus.document (seq, received_at, event_at, sender_id, type, status, message_id, doc, places, marks)
SELECT 40000 + i * 16 + n, at + n * interval '1 hour', at + n * interval '1 hour', 1 + i % 70, (ARRAY[120, 121, 122, 141, 160, 163, 201, 181])[1 + n % 8], 1,
       CASE WHEN n % 8 = 3 THEN md5('im' || i || ' ' || n / 8)::uuid ELSE md5('d' || i || ' ' || n)::uuid END,
       jsonb_build_object('incident_ids', jsonb_build_array(id), 'general_message', jsonb_build_object('text', 'torrent ' || i)), place, 32
  FROM inc, generate_series(0, 15) AS n;
INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, log_epoch, sender_id, marks, lane, type, status, message_id, places, content)
SELECT seq, 1, seq, received_at, event_at, 1, sender_id, 32, 4, type, 1, message_id, places, '\x0a0b0c' FROM bus.document ORDER BY seq;
INSERT INTO bus.message (seq, epoch, lane_seq, received_at, event_at, log_epoch, sender_id, marks, lane, type, status, message_id, places, content)
SELECT 200000 + g, 1, 200000 + g, now() - (60000 - g) * interval '88 minutes', now(), 1, 1 + g % 70, 32, 5, 100, 1, md5('m' || g)::uuid, (3505201 + g % 58)::text, '\x0a0b0c'
  FROM generate_series(1, 60000) AS g;
INSERT INTO bus.lane_run SELECT sender_id, epoch, lane, min(lane_seq), max(lane_seq), min(seq), max(seq) FROM bus.message GROUP BY sender_id, epoch, lane, seq / 4096;
INSERT INTO bus.addressed (seq, stored_at, due_at, sender_id, lane, type, status, message_id, places)
SELECT seq, received_at, received_at, sender_id, 4, type, 1, message_id, '' FROM bus.document WHERE seq % 4 = 0;
-- Their senders have been told long ago: a broker that comes up here has nothing to make up for.
INSERT INTO bus.recipient_step (seq, ordinal, level, message_id, at, receipt_seq)
SELECT a.seq, 1, l, a.message_id, a.stored_at, a.seq FROM bus.addressed a, generate_series(2, 4) AS l;
UPDATE bus.projection SET seq = 400000;

-- Four or five households each, some way along: the last two hundred are under way, the others are settled or closed.
CREATE TEMP TABLE hh AS
SELECT x.h, inc.*, 1 + x.h % 9 AS members, x.h > 13300 AS is_going
  FROM (SELECT h, 1 + (h - 1) * 3200 / 13500 AS i FROM generate_series(1, 13500) AS h) AS x JOIN inc USING (i);
INSERT INTO bus.household (household_id, seq, first_seq, since, affected_at, incident_id, sender_id, status, state, places, origin, members, fed_until, offer_id)
SELECT md5('h' || h)::uuid, 200000 + h, 200000 + h, at + interval '9 days', at, md5('i' || i)::uuid, 1 + i % 70, 1,
       CASE WHEN is_going THEN 'ASSISTED' WHEN h % 3 = 0 THEN 'SETTLED' ELSE 'CLOSED' END, place || lpad((h % 12)::text, 2, '0'), place, members,
       CASE WHEN h % 10 < 8 THEN CASE WHEN is_going THEN now() + (h % 9 - 1) * interval '1 day' ELSE at + interval '20 days' END END,
       CASE WHEN h % 3 = 0 THEN md5('o' || h)::uuid END FROM hh;
INSERT INTO bus.moved (seq, at, principal_id, type, entity, message_id, cycle, event, from_state, to_state)
SELECT 210000 + h * 8 + n, at + n * interval '1 day', 1 + i % 70, 220, md5('h' || h)::uuid, md5('hm' || h || ' ' || n)::uuid, 'household',
       (ARRAY['AFFECT', 'ASSESS', 'DELIVER', 'FIND_ELIGIBLE', 'OFFER', 'DECLINE', 'CLOSE', 'DELIVER'])[1 + n],
       coalesce((ARRAY['AFFECTED', 'ASSESSED', 'ASSISTED', 'ELIGIBLE', 'OFFERED', 'DECLINED', 'CLOSED'])[n], ''),
       (ARRAY['AFFECTED', 'ASSESSED', 'ASSISTED', 'ELIGIBLE', 'OFFERED', 'DECLINED', 'CLOSED', 'CLOSED'])[1 + n]
  FROM hh, generate_series(0, 6) AS n;
INSERT INTO bus.entitlement (entitlement_id, household_id, seq, from_at, ration_days, sender_id, status, item, provider, places)
SELECT md5('en' || h)::uuid, md5('h' || h)::uuid, 200000 + h, at, 30, 1, 1, 'ration', 'wfp', place FROM hh;
INSERT INTO bus.delivery (seq, household_id, from_at, ration_days, sender_id, status, item, places)
SELECT 330000 + h * 3 + n, md5('h' || h)::uuid, at + n * interval '10 days', 10, 1, 1, 'ration', place FROM hh, generate_series(0, 2) AS n;
INSERT INTO bus.site (site_id, status, seq, declared_at, sender_id, capacity, is_safe, places, name)
SELECT 'site' || s, 1, s, now(), 1, 100, true, '3505217', 'site ' || s FROM generate_series(1, 60) AS s;
INSERT INTO bus.offer (offer_id, household_id, seq, made_seq, made_at, since, valid_until, sender_id, status, state, site_id, plot_id, places, site_places, holds, reasons)
SELECT md5('o' || h)::uuid, md5('h' || h)::uuid, 200000 + h, 200000 + h, at, least(at + interval '5 days', now() - interval '1 hour'), at + interval '30 days', 1, 1,
       CASE WHEN h % 2 = 0 THEN 'DECLINED' ELSE 'TAKEN' END, 'site' || 1 + h % 60, 'p' || h, place, '3505217', CASE WHEN h % 2 = 1 THEN 'occupied' END,
       CASE WHEN h % 2 = 0 THEN ARRAY[(ARRAY['NO_WORK', 'TOO_FAR', 'NO_WATER', 'NO_SCHOOL', 'GRAVES_OF_FOREFATHERS'])[1 + h % 5]] END
  FROM hh WHERE h % 3 = 0;

-- Five requests each, and a supplier for each.
INSERT INTO bus.request (thread, message_id, incident_id, seq, first_seq, since, asked_at, line_id, sender_id, status, label, priority, is_over, wanted, promised, unit, state, starts_as, agency, kind, places)
SELECT md5('q' || i || ' ' || n)::uuid, md5('q' || i || ' ' || n)::uuid, id, 100000 + i * 10 + n, 100000 + i * 10 + n, at, at, 1, 1 + i % 70, 1, 2, 4,
       NOT is_open OR n > 4, 10, CASE WHEN is_open AND n < 4 THEN 0 ELSE 10 END, 'tents', CASE WHEN NOT is_open THEN 'CLOSED' WHEN n < 4 THEN 'OPEN' ELSE 'MET' END, 'REQUESTED', 'coes', 'tent', place
  FROM inc, generate_series(1, 5) AS n;
INSERT INTO bus.line (strand_id, thread, message_id, incident_id, seq, first_seq, since, said_at, line_id, sender_id, status, label, counts, quantity, state, phase, supplier, agency, kind, places, unit)
SELECT md5('l' || i || ' ' || n)::uuid, md5('q' || i || ' ' || n)::uuid, md5('q' || i || ' ' || n)::uuid, id, 100000 + i * 10 + n, 100000 + i * 10 + n, at, at, 1, 1, 1, 2, true, 10,
       CASE WHEN is_open THEN 'COMMITTED' ELSE 'CLOSED' END, CASE WHEN is_open THEN 'promised' ELSE 'over' END, 'rcst', 'rcst', 'tent', place, 'tents'
  FROM inc, generate_series(1, 5) AS n;
INSERT INTO bus.report (message_id, thread_id, seq, received_at, event_at, about_at, sender_id, type, status, label, is_cancel, agency, version, number, prepared_by, authorised_by, places, incident_ids)
SELECT md5('d' || i || ' ' || 1 + n * 8)::uuid, md5('d' || i || ' ' || 1 + n * 8)::uuid, 40000 + i * 16 + 1 + n * 8, at + n * interval '6 hours', at + n * interval '6 hours', at + n * interval '6 hours',
       1 + i % 70, 121, 1, 2, false, 'coes', 'UPDATE', n::text, 'x', 'y', place, ARRAY[id] FROM inc, generate_series(0, 1) AS n;
INSERT INTO bus.alert (alert_id, seq, moved_seq, began_at, since, event_at, sender_id, torrent_id, type, status, label, acks_needed, is_open, calls, state, level, hazard, identifier, cap_sender, rule_level, rule_hazard, rule_place, incident_ids, places)
SELECT md5('al' || i || ' ' || n)::uuid, 1000 + i * 10 + n, 1000 + i * 10 + n, at, at, at, 1, 0, 101, 1, 2, 1, is_open, is_open, CASE WHEN is_open THEN 'ISSUED' ELSE 'ACKNOWLEDGED' END, 'ALARM', 'MUDFLOW', '', '', '', '', '', '{}', place
  FROM inc, generate_series(0, 4) AS n;
SET session_replication_role = origin;
SELECT bus.summarize();
ANALYZE;
