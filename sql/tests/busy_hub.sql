-- busy_hub: after ten_years, what a hub has open on its worst night: 10,000 things that need a decision, and 50,000
-- alerts that are over. Run by tests/integration/questions_test.c.
INSERT INTO bus.alert (alert_id, seq, moved_seq, began_at, since, asked_at, next_at, over_at, event_at, sender_id, torrent_id, type, status, label, step,
                       acks_needed, is_open, calls, state, level, hazard, identifier, cap_sender, places, rule_level, rule_hazard, rule_place, incident_ids)
SELECT md5('a' || n)::uuid, 500000 + n, 500000 + n, at, at, at, CASE WHEN is_open THEN at + interval '2 days' END, CASE WHEN NOT is_open THEN at END, at,
       1 + n % 70, n % 900, 104, 1, 2, 1, 1, is_open, true, CASE WHEN is_open THEN 'ISSUED' ELSE 'OVER' END, (ARRAY['ALARM', 'WARNING', 'WATCH'])[1 + n % 3],
       'MUDFLOW', '', '', (3505201 + n % 58)::text, '', '', '', '{}'
  FROM (SELECT n, n % 9 = 0 AS is_open, now() - (60000 - n) * interval '1 second' AS at FROM generate_series(1, 58500) AS n) AS x;
INSERT INTO bus.alert_call (alert_id, seq, asked_at, deadline_at, sender_id, step, target, outcome)
SELECT alert_id, seq, began_at, began_at + interval '2 minutes', 0, 1, 'duty@' || places, 'ASKED' FROM bus.alert;
INSERT INTO bus.incident_report (message_id, incident_id, seq, event_at, sender_id, type, status, label, hazard, places)
SELECT md5('open' || n)::uuid, NULL, 600000 + n, now() - n * interval '3 seconds', 1 + n % 70, 120, 1, 2, 'FLOOD', (3505201 + n % 58)::text
  FROM generate_series(1, 3000) AS n;
INSERT INTO bus.incident (incident_id, seq, first_seq, since, began_at, last_at, sender_id, status, label, state, hazard, name, places, open_during)
SELECT md5('hub' || n)::uuid, 700000 + n, 700000 + n, now(), now(), now(), 1 + n % 70, 1, 2, 'REPORTED', 'FLOOD', 'street ' || n, (3505201 + n % 58)::text,
       tstzmultirange(tstzrange(now(), NULL))
  FROM generate_series(1, 500) AS n;
UPDATE bus.log_head SET seq = 1000000; -- for whoever goes on from here
UPDATE bus.projection SET seq = 1000000;
ANALYZE;
