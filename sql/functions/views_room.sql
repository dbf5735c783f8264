-- What needs a decision, for the dispatchers' queue: one row a thing, whatever it is. The page and `eocctl board`
-- show the same.
--
-- precedence: the lane it would have as a message (1 FLASH .. 5 BULK), so that one order fits all.
-- turn: within a lane alarms come first, and no flood of reports hides one. Orders and drafts wait for a person who is there
-- and take him a minute: they stand with the alarms, but the order of a siren that sounds stands behind what it is about.
CREATE VIEW eoc.queue AS
SELECT q.*, CASE WHEN q.what = 'order' AND q.precedence = 1 THEN 1 WHEN q.what IN ('alert', 'draft', 'order') THEN -1 ELSE 0 END AS turn
  FROM (
SELECT 'alert' AS what, a.alert_id AS id, a.precedence,
       a.began_at AS since, a.status, a.state, a.places, coalesce(a.hazard, '') AS hazard, a.level AS detail, a.sender AS by,
       NULL::uuid AS incident_id, a.next_at AS due_at, array_to_string(a.asked, ', ') AS asked, NULL::numeric AS amount, a.seq
  FROM eoc.alert_open a
UNION ALL
SELECT 'undecided', u.message_id, 3, u.since, u.status, u.verdict, u.places, '', u.type || ': ' || coalesce(u.why, ''), u.sender,
       NULL, NULL, NULL, NULL, u.seq
  FROM eoc.undecided u WHERE u.status IN ('ACTUAL', 'EXERCISE')
UNION ALL
SELECT 'report', p.message_id, p.precedence, p.event_at, p.status,
       CASE WHEN p.proposed_id IS NULL THEN 'NEW' ELSE 'BELONGS' END, p.places, coalesce(p.hazard, ''), coalesce(p.level, p.type), p.sender,
       p.proposed_id, NULL, p.proposed_name, NULL, p.seq
  FROM eoc.incident_proposal p
 WHERE p.status IN ('ACTUAL', 'EXERCISE')
   -- First somebody takes the alarm, then it is said what it belongs to.
   AND NOT EXISTS (SELECT FROM bus.alert a WHERE a.alert_id = p.message_id AND a.is_open AND (a.over_at IS NULL OR a.over_at > now()))
UNION ALL
SELECT 'incident', i.incident_id, 2, i.since, i.status, i.state, i.places, coalesce(i.hazard, ''), i.name, i.opened_by, i.incident_id,
       NULL, NULL, i.reports::numeric, i.seq
  FROM eoc.incident_now i WHERE i.state IN ('REPORTED', 'VERIFYING') AND i.status IN ('ACTUAL', 'EXERCISE')
UNION ALL
SELECT 'request', r.message_id, CASE r.priority WHEN 'FLASH' THEN 1 WHEN 'IMMEDIATE' THEN 2 WHEN 'PRIORITY' THEN 3 ELSE 4 END,
       r.asked_at, r.status, r.state, r.places, '', concat_ws(' ', coalesce(r.missing, r.wanted), nullif(r.unit, 'H87'), r.kind), r.asked_by,
       r.incident_id, r.needed_at, NULL, r.missing, r.seq
  FROM eoc.request_open r WHERE r.status IN ('ACTUAL', 'EXERCISE')
UNION ALL
SELECT 'late', b.thread, 3, b.asked_at, b.status, b.state, b.places, '', concat_ws(' ', b.late, b.kind), array_to_string(b.suppliers, ', '),
       b.incident_id, b.needed_at, NULL, b.late::numeric, NULL
  FROM eoc.board b WHERE b.late > 0
UNION ALL
SELECT 'offer', o.offer_id, 4, o.valid_until, o.status, o.state, o.from_pcode, '', o.site_id::text, o.made_by, NULL, o.valid_until, NULL, NULL, o.seq
  FROM eoc.offer o WHERE o.is_overdue AND o.status IN ('ACTUAL', 'EXERCISE')
UNION ALL
SELECT 'silence', s.incident_id, 3, s.since, 'ACTUAL', 'SILENT', s.pcode, '', array_to_string(s.because, ', '), s.last_sender,
       s.incident_id, NULL, NULL, s.offices::numeric, NULL
  FROM eoc.silence s
UNION ALL
-- An alert that waits for its second person comes with the alarms.
SELECT 'draft', d.message_id, 1, d.since, d.status, d.state, d.places, d.hazard, coalesce(d.headlines->>'tg', (SELECT min(h.value) FROM jsonb_each_text(d.headlines) AS h)), d.author, d.incident_id, d.expires_at,
       NULL, NULL, d.seq
  FROM eoc.alert_draft d WHERE d.state = 'WAITING'
UNION ALL
-- Only what is about a siren that sounds is as urgent as an alarm, and stands behind those.
SELECT 'order', d.message_id, CASE WHEN d.action IN ('SOUND', 'SILENCE') THEN 1 ELSE 3 END, d.since, d.status, d.state, d.places, '', concat_ws(' ', d.machine, nullif(d.action, ''), nullif(d.how, '')), d.author, d.incident_id, d.not_after,
       NULL, (d.needed - cardinality(d.approved_by))::numeric, d.seq
  FROM eoc.order_draft d WHERE d.state = 'WAITING') AS q;
COMMENT ON VIEW eoc.queue IS 'what needs a decision: ORDER BY precedence, turn, since';
COMMENT ON COLUMN eoc.queue.turn IS '-1 before, 1 behind the others of its precedence';
COMMENT ON COLUMN eoc.queue.precedence IS '1 FLASH .. 5 BULK, as the lanes of messages';
COMMENT ON COLUMN eoc.queue.detail IS 'level of an alert or a detection, else what it is about; of a draft its headline in Tajik, or in what it has (eoc.public_alert has all)';
COMMENT ON COLUMN eoc.queue.asked IS 'of an alert whom it asked, of a report the incident it may belong to';
COMMENT ON COLUMN eoc.queue.due_at IS 'when it will be asked further, is needed, or ends; null: no time is set';
COMMENT ON COLUMN eoc.queue.amount IS 'what is missing, late or said, in the thing''s own unit; null: nothing to count';

-- What somebody has taken and is not over: the other dispatchers see by whom.
CREATE VIEW eoc.taken AS
SELECT a.alert_id AS id, a.since, (ARRAY['ACTUAL', 'EXERCISE'])[a.status] AS status, a.level AS detail, a.hazard, a.places, p.name AS by,
       (SELECT string_agg(DISTINCT coalesce(nullif(d.doc->>'author', ''), q.name), ', ')
          FROM bus.alert_answer n LEFT JOIN bus.principal q USING (principal_id)
          LEFT JOIN bus.document d ON d.type = 181 AND d.seq = n.seq
         WHERE n.alert_id = a.alert_id AND n.counts) AS taken_by,
       a.incident_ids[1] AS incident_id, a.seq
  FROM bus.alert a LEFT JOIN bus.principal p ON p.principal_id = a.sender_id
 WHERE a.state = 'ACKNOWLEDGED' AND a.since > now() - interval '1 day' AND (a.over_at IS NULL OR a.over_at > now());
COMMENT ON VIEW eoc.taken IS 'alarms and alerts of the last day that somebody has taken and that go on: ORDER BY since';
COMMENT ON COLUMN eoc.taken.taken_by IS 'the persons, where a page spoke for them';
GRANT SELECT ON eoc.queue, eoc.taken TO bus_reader, bus_admin;
