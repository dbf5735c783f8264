-- views_alert: alarms and alerts that wait for somebody, who was asked, and what they answered.

CREATE VIEW eoc.escalation AS
SELECT x.alert_id, x.at, x.step, x.what, x.target, x.by, x.after, x.deadline_at, x.code, x.note, x.seq
  FROM (SELECT c.alert_id, c.asked_at AS at, c.step, c.outcome AS what, c.target,
               CASE WHEN c.sender_id > 0 THEN p.name END AS by, c.asked_at - a.began_at AS after, c.deadline_at, '' AS code,
               '' AS note, c.seq
          FROM bus.alert_call c JOIN bus.alert a USING (alert_id) LEFT JOIN bus.principal p ON p.principal_id = c.sender_id
        UNION ALL
        SELECT n.alert_id, n.at, n.steps[1], n.answer, NULL, p.name,
               n.at - coalesce((SELECT max(c.asked_at) FROM bus.alert_call c
                                 WHERE c.alert_id = n.alert_id AND c.step = ANY (n.steps) AND c.outcome = 'ASKED'
                                   AND c.asked_at <= n.at), a.began_at),
               NULL, n.code, n.note, n.seq
          FROM bus.alert_answer n JOIN bus.alert a USING (alert_id) LEFT JOIN bus.principal p USING (principal_id)) AS x
 ORDER BY x.alert_id, x.at, x.seq, x.step;
COMMENT ON VIEW eoc.escalation IS 'who was asked to take an alert, when nobody was on duty, and every answer, in the order of time';
COMMENT ON COLUMN eoc.escalation.step IS 'step of the ladder; of an answer the first one whose role it had; null: none';
COMMENT ON COLUMN eoc.escalation.what IS 'ASKED, NOBODY (on duty), ACCEPTED, REJECTED, or what was done about its incident: OPENED ...';
COMMENT ON COLUMN eoc.escalation.by IS 'who answered, or asked out of turn; null: the bus asked';
COMMENT ON COLUMN eoc.escalation.after IS 'of a step: since the alert began; of an answer: since that role was asked';
COMMENT ON COLUMN eoc.escalation.note IS 'why an answer does not count: not_asked, own, status, same_role, counted_before, taken_back, over';

CREATE VIEW eoc.alert_open AS
SELECT a.alert_id, t.name AS type, (ARRAY['ACTUAL', 'EXERCISE'])[a.status] AS status, a.state, a.level, a.hazard, a.places, p.name AS sender,
       a.began_at, now() - a.began_at AS age, a.step, a.asked_at, now() - a.asked_at AS waiting, a.acks, a.acks_needed, a.next_at,
       (SELECT string_agg(r.role || '@' || r.at_place, ' ' ORDER BY r.step) FROM bus.escalation_rule r
         WHERE (r.type, r.level, r.hazard, r.place) = (a.type, a.rule_level, a.rule_hazard, a.rule_place)
           AND r.step = (SELECT min(n.step) FROM bus.escalation_rule n
                          WHERE (n.type, n.level, n.hazard, n.place) = (a.type, a.rule_level, a.rule_hazard, a.rule_place)
                            AND n.step > a.step)) AS next_asks,
       (SELECT array_agg(c.target ORDER BY c.step, c.seq) FROM bus.alert_call c WHERE c.alert_id = a.alert_id AND c.outcome = 'ASKED') AS asked,
       (SELECT array_agg(c.target ORDER BY c.step) FROM bus.alert_call c WHERE c.alert_id = a.alert_id AND c.outcome = 'NOBODY') AS nobody_on_duty,
       (SELECT array_agg(format('%s %s', q.name, n.answer) ORDER BY n.seq) FROM bus.alert_answer n JOIN bus.principal q USING (principal_id)
         WHERE n.alert_id = a.alert_id) AS answers,
       a.repeats, a.over_at, a.seq, CASE WHEN a.level = 'ALARM' OR a.type = 180 THEN 1 WHEN a.level = 'WARNING' THEN 2 ELSE 3 END AS precedence
  FROM bus.alert a LEFT JOIN bus.type t ON t.number = a.type LEFT JOIN bus.principal p ON p.principal_id = a.sender_id
 WHERE a.is_open AND (a.calls OR a.status = 1) AND (a.over_at IS NULL OR a.over_at > now());
COMMENT ON VIEW eoc.alert_open IS 'alarms and alerts that nobody, or not enough people, have taken yet: ORDER BY state = ''UNANSWERED'' DESC, began_at has those first for which nobody is left to ask';
COMMENT ON COLUMN eoc.alert_open.began_at IS 'when a broker had it';
COMMENT ON COLUMN eoc.alert_open.step IS 'last step of the ladder that was asked; 0 = none yet';
COMMENT ON COLUMN eoc.alert_open.waiting IS 'since that step was asked';
COMMENT ON COLUMN eoc.alert_open.next_at IS 'when the next step is due, or the alert over; null = it waits for a person';
COMMENT ON COLUMN eoc.alert_open.next_asks IS 'role of the next step, and where: a place, or "district" or "region" of the alert';
COMMENT ON COLUMN eoc.alert_open.nobody_on_duty IS 'would have been asked, if anybody had been on duty';
COMMENT ON COLUMN eoc.alert_open.precedence IS 'as in eoc.queue: 1 FLASH .. 5 BULK';
COMMENT ON COLUMN eoc.alert_open.repeats IS 'how often its sender said the same again';

CREATE VIEW eoc.escalation_rule AS
SELECT t.name AS type, r.level, r.hazard, r.place, r.step, r.after,
       sum(r.after) OVER (PARTITION BY r.type, r.level, r.hazard, r.place ORDER BY r.step) AS since_beginning,
       r.answer_within, r.role, r.at_place, max(r.acks_needed) OVER (PARTITION BY r.type, r.level, r.hazard, r.place) AS acks_needed,
       r.channel, r.lane
  FROM bus.escalation_rule r LEFT JOIN bus.type t ON t.number = r.type;
COMMENT ON VIEW eoc.escalation_rule IS 'who is asked to take an alarm or an alert, one after the other: ORDER BY type, level, hazard, place, step';
COMMENT ON COLUMN eoc.escalation_rule.level IS 'of a detection its level; of a public alert EVACUATE or its urgency; empty = any other';
COMMENT ON COLUMN eoc.escalation_rule.after IS 'after the step before; at once if that refused or nobody was on duty';
COMMENT ON COLUMN eoc.escalation_rule.since_beginning IS 'if everybody is on duty and nobody answers';
COMMENT ON COLUMN eoc.escalation_rule.lane IS '2 IMMEDIATE .. 5 BULK';

GRANT SELECT ON eoc.escalation, eoc.alert_open, eoc.escalation_rule, bus.alert, bus.alert_call, bus.alert_answer, bus.escalation_rule TO bus_reader, bus_admin;
