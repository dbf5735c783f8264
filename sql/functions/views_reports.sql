-- views_reports: what districts report, which version stands, what is due, and who is silent.

CREATE VIEW eoc.report AS
SELECT r.message_id, t.name AS type, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[r.status] AS status, p.name AS sender,
       r.places, nullif(r.number, '') AS number, nullif(r.version, '') AS version, r.period_from, r.period_to, r.event_at,
       r.received_at, nullif(r.prepared_by, '') AS prepared_by, nullif(r.authorised_by, '') AS authorised_by,
       r.authorised_at, r.next_contact_at, r.incident_ids, r.stands_id IS NULL AND NOT r.is_withdrawn AS is_current,
       c.message_id AS superseded_by, CASE WHEN r.stands_id IS NULL THEN r.is_withdrawn ELSE coalesce(c.is_withdrawn, false) END AS is_withdrawn,
       r.thread_id, r.seq
  FROM bus.report r
  LEFT JOIN LATERAL (SELECT s.message_id, s.is_withdrawn FROM bus.report s WHERE s.thread_id = r.thread_id AND s.stands_id IS NULL) AS c
         ON r.stands_id IS NOT NULL
  LEFT JOIN bus.principal p ON p.principal_id = r.sender_id
  LEFT JOIN bus.type t ON t.number = r.type;
COMMENT ON VIEW eoc.report IS 'every version of every report: situation reports, assessments, casualty summaries, resource totals';
COMMENT ON COLUMN eoc.report.number IS 'report number of the office for the incident, or number of the act';
COMMENT ON COLUMN eoc.report.version IS 'INITIAL, UPDATE, FINAL, as the report says';
COMMENT ON COLUMN eoc.report.prepared_by IS 'official who wrote it; of an assessment the first who signed';
COMMENT ON COLUMN eoc.report.authorised_by IS 'official who answers for it; of an assessment the second who signed';
COMMENT ON COLUMN eoc.report.next_contact_at IS 'when the office will speak again';
COMMENT ON COLUMN eoc.report.is_current IS 'no version stands in its place, and it was not withdrawn';
COMMENT ON COLUMN eoc.report.superseded_by IS 'message that stands in its place; null = this one does';
COMMENT ON COLUMN eoc.report.is_withdrawn IS 'it was cancelled and nothing stands in its place';
COMMENT ON COLUMN eoc.report.thread_id IS 'the same for all versions of one report';

CREATE VIEW eoc.report_current AS
SELECT r.*, v.versions, v.supersedes
  FROM eoc.report r
 CROSS JOIN LATERAL (SELECT count(*)::int4 AS versions,
                            array_agg(o.message_id ORDER BY o.seq) FILTER (WHERE o.message_id <> r.message_id) AS supersedes
                       FROM bus.report o WHERE o.thread_id = r.thread_id) AS v
 WHERE r.is_current;
COMMENT ON VIEW eoc.report_current IS 'of every report the version that stands; eoc.report has the others';
COMMENT ON COLUMN eoc.report_current.versions IS 'how many there are, with this one';
COMMENT ON COLUMN eoc.report_current.supersedes IS 'versions in whose place it stands, as they came; null = none';

-- One row for each district of an incident and each period that began in [since, until) and at whose end the incident
-- was open, no FINAL report of its own before it. Exercises have their own time: theirs are in time by when they were said,
-- and missing by `until`; one of another day (nothing was said in it in the day before `until`, or it began a month before) owes
-- nothing. (To compile it takes seconds, to run it some milliseconds.)
CREATE FUNCTION eoc.reports_expected(since timestamptz, until timestamptz, as_status int4 DEFAULT 1)
RETURNS TABLE (pcode text, type text, incident_id uuid, incident_name text, period_from timestamptz, period_to timestamptz,
               due_at timestamptz, first_received_at timestamptz, is_received bool, is_on_time bool, state text,
               message_id uuid)
LANGUAGE sql STABLE ROWS 500 SET search_path = pg_catalog, pg_temp SET jit = off AS $$
    WITH affected AS MATERIALIZED (
        SELECT i.incident_id, i.name, i.open_during, greatest(i.surge_at, i.began_at) AS began_at, d.pcode
          FROM (SELECT * FROM bus.incident a WHERE a.ended_at IS NULL AND a.began_at < $2
                UNION ALL
                SELECT * FROM bus.incident b WHERE b.ended_at > $1 AND b.began_at < $2) AS i
         CROSS JOIN LATERAL (SELECT DISTINCT bus.district_of(w) AS pcode
                               FROM unnest(string_to_array(i.places, ' ')) AS w WHERE w <> '') AS d
         WHERE i.status = $3 AND ($3 = 1 OR i.last_at > $2 - interval '1 day' AND i.began_at > $2 - interval '30 days')
    ), ruled AS MATERIALIZED (
        SELECT DISTINCT ON (d.pcode, r.type) d.pcode, t.number AS type_number, r.*
          FROM (SELECT DISTINCT a.pcode FROM affected a) AS d
          JOIN bus.report_rule r ON r.place = ANY (bus.codes_over(d.pcode) || ''::text)
          JOIN bus.type t ON t.name = r.type
         ORDER BY d.pcode, r.type, rtrim(r.place, '0') DESC
    ), said AS MATERIALIZED (
        SELECT u.pcode, u.type, date_bin(u.every, r.about_at, u.begins_at) AS period_from, r.incident_ids,
               CASE $3 WHEN 1 THEN r.received_at ELSE r.event_at END AS received_at, r.message_id, r.version, r.about_at, r.seq
          FROM bus.report r
         CROSS JOIN LATERAL (SELECT DISTINCT c FROM unnest(string_to_array(r.places, ' ')) AS w, unnest(bus.codes_over(w)) AS c) AS x
          JOIN ruled u ON u.pcode = x.c AND u.type_number = r.type
         WHERE r.type BETWEEN 121 AND 124 AND r.about_at >= $1 AND r.about_at < $2 + interval '31 days'
           AND r.status = $3 AND NOT r.is_withdrawn
    ), owes AS MATERIALIZED (
        SELECT a.*, u.type, u.every, u.due_after, u.begins_at,
               (SELECT max(r.about_at) FROM bus.incident_filed f JOIN bus.report r ON r.message_id = f.message_id
                 WHERE f.incident_id = a.incident_id AND f.type = u.type_number AND r.version = 'FINAL' AND r.status = $3
                   AND NOT r.is_withdrawn AND r.event_at >= a.began_at
                   AND EXISTS (SELECT FROM unnest(string_to_array(r.places, ' ')) AS w
                                WHERE a.pcode = ANY (bus.codes_over(w)))) AS final_at
          FROM affected a JOIN ruled u USING (pcode) WHERE u.every IS NOT NULL
    ), due AS (
        SELECT o.incident_id, o.name, o.pcode, o.type, g.at AS period_from, g.at + o.every AS period_to,
               g.at + o.every + o.due_after AS due_at
          FROM owes o
         CROSS JOIN LATERAL generate_series(date_bin(o.every, greatest(lower(o.open_during), $1), o.begins_at), $2, o.every) AS g(at)
         -- In a CASE the planner does not take it for one row, which it would compare with all that was said.
         WHERE CASE WHEN g.at >= date_bin(o.every, $1 - interval '1 microsecond', o.begins_at) + o.every
                     AND g.at < $2 AND o.open_during @> g.at + o.every THEN o.final_at IS NULL OR o.final_at >= g.at ELSE false END
    )
    SELECT d.pcode, d.type, d.incident_id, d.name, d.period_from, d.period_to, d.due_at, min(s.received_at),
           count(s.seq) > 0, coalesce(min(s.received_at) <= d.due_at, false),
           CASE WHEN min(s.received_at) <= d.due_at THEN 'ON_TIME' WHEN count(s.seq) > 0 THEN 'LATE'
                WHEN d.due_at <= CASE $3 WHEN 1 THEN now() ELSE $2 END THEN 'MISSING' ELSE 'NOT_DUE' END,
           (array_agg(s.message_id ORDER BY s.seq DESC) FILTER (WHERE s.seq IS NOT NULL))[1]
      FROM due d
      LEFT JOIN said s ON s.pcode = d.pcode AND s.type = d.type AND s.period_from = d.period_from
                      AND (s.incident_ids = '{}' OR d.incident_id = ANY (s.incident_ids))
     GROUP BY d.pcode, d.type, d.incident_id, d.name, d.period_from, d.period_to, d.due_at
$$;
COMMENT ON FUNCTION eoc.reports_expected IS 'which reports were expected for periods that began in a span of time, and when they came';
GRANT EXECUTE ON FUNCTION eoc.reports_expected TO bus_reader, bus_admin, bus_audit;

CREATE VIEW eoc.report_expected AS
SELECT * FROM eoc.reports_expected(now() - interval '30 days', now());
COMMENT ON VIEW eoc.report_expected IS 'reports of the last thirty days that districts with an open incident owed: ON_TIME, LATE, MISSING or NOT_DUE; eoc.reports_expected(since, until) answers for other times';
COMMENT ON COLUMN eoc.report_expected.pcode IS 'district';
COMMENT ON COLUMN eoc.report_expected.due_at IS 'end of the period and what bus.report_rule gives beyond it';
COMMENT ON COLUMN eoc.report_expected.first_received_at IS 'when the first that speaks of the end of this period came; one that names no incident counts for all of its place';
COMMENT ON COLUMN eoc.report_expected.message_id IS 'newest of them';

CREATE VIEW eoc.report_due AS
SELECT e.pcode, e.type, e.period_from, e.period_to, max(e.due_at) AS due_at, count(*)::int4 AS expected,
       count(*) FILTER (WHERE e.is_received)::int4 AS received, count(*) FILTER (WHERE e.is_on_time)::int4 AS on_time,
       count(*) FILTER (WHERE e.state = 'MISSING')::int4 AS missing,
       round(count(*) FILTER (WHERE e.is_received)::numeric / count(*), 3) AS received_share,
       round(count(*) FILTER (WHERE e.is_on_time)::numeric / count(*), 3) AS on_time_share
  FROM eoc.report_expected e
 GROUP BY e.pcode, e.type, e.period_from, e.period_to;
COMMENT ON VIEW eoc.report_due IS 'for each district and period of the last thirty days: how many reports it owed (one an incident), how many came, how many in time';
COMMENT ON COLUMN eoc.report_due.pcode IS 'district';
COMMENT ON COLUMN eoc.report_due.missing IS 'did not come, and their time is over';
COMMENT ON COLUMN eoc.report_due.received_share IS '0 to 1 of expected';
COMMENT ON COLUMN eoc.report_due.on_time_share IS '0 to 1 of expected';

-- Alerts in force, of a month: a public alert is over in hours. Those of the month are all looked at, since a count
-- before what is a draft or over is left out would let others' drafts hide an alert.
CREATE VIEW eoc.alert_in_force AS
WITH recent AS MATERIALIZED (
    SELECT n.seq, n.message_id, n.event_at, n.status, n.places, n.doc->'public_alert' AS a, n.doc->'incident_ids'->>0 AS incident
      FROM bus.document n
     WHERE n.type = 180 AND n.received_at > now() - interval '31 days' AND n.event_at > now() - interval '31 days'
)
SELECT r.message_id, r.a->>'identifier' AS identifier, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[r.status] AS status,
       r.event_at, e.expires_at, r.places, r.incident::uuid AS incident_id, r.seq
  FROM recent r
 CROSS JOIN LATERAL (SELECT max(eoc.at(i->>'expires_us')) AS expires_at
                       FROM jsonb_array_elements(coalesce(r.a->'infos', '[]')) AS i) AS e
 WHERE r.a->>'msg_type' IN ('CAP_MSG_TYPE_ALERT', 'CAP_MSG_TYPE_UPDATE') AND r.a->>'status' IS DISTINCT FROM 'CAP_STATUS_DRAFT'
   AND coalesce(e.expires_at, r.event_at + interval '7 days') > now()
   AND NOT EXISTS (SELECT FROM bus.alert_ended x WHERE x.alert_id = r.message_id)
   AND NOT EXISTS (SELECT FROM bus.contested c WHERE c.seq = r.seq AND c.settled_as IS DISTINCT FROM 1);
COMMENT ON VIEW eoc.alert_in_force IS 'public alerts that are neither over, nor cancelled, nor replaced, nor contested';
COMMENT ON COLUMN eoc.alert_in_force.expires_at IS 'null: it names no end; it counts for seven days';

CREATE VIEW eoc.silence AS
WITH affected AS MATERIALIZED (
    SELECT 'INCIDENT' AS because, i.incident_id, i.began_at AS at, i.places FROM bus.incident i
     WHERE i.ended_at IS NULL AND i.status = 1
    UNION ALL
    SELECT 'ALERT', a.incident_id, a.event_at, a.places FROM eoc.alert_in_force a WHERE a.status = 'ACTUAL'
    UNION ALL
    SELECT 'REPORT', r.incident_id, r.event_at, r.places FROM bus.incident_report r
     WHERE r.event_at > now() - interval '12 hours' AND r.status = 1
), kinds AS ( -- a thousand reports from one street are one reason
    SELECT a.because, a.incident_id, a.places, min(a.at) AS at, max(a.at) AS last_at FROM affected a GROUP BY 1, 2, 3
), placed AS MATERIALIZED (
    SELECT bus.district_of(w) AS pcode, min(a.at) AS affected_since, array_agg(DISTINCT a.because) AS because,
           (array_agg(a.incident_id ORDER BY a.because = 'INCIDENT' DESC, a.last_at DESC) FILTER (WHERE a.incident_id IS NOT NULL))[1] AS incident_id
      FROM kinds a CROSS JOIN LATERAL unnest(string_to_array(a.places, ' ')) AS w
     WHERE w <> '' GROUP BY 1
), quiet AS MATERIALIZED (
    SELECT d.*, h.offices, h.last_seq, h.last_at, r.every, coalesce(h.last_at, d.affected_since) AS since
      FROM placed d
     CROSS JOIN LATERAL (SELECT x.every FROM bus.report_rule x WHERE x.type = '*' AND x.place = ANY (bus.codes_over(d.pcode) || ''::text)
                          ORDER BY rtrim(x.place, '0') DESC LIMIT 1) AS r
      JOIN bus.places_heard(ARRAY(SELECT pcode FROM placed)) AS h ON h.place = d.pcode
     WHERE now() - coalesce(h.last_at, d.affected_since) > r.every
)
SELECT q.pcode, q.since, now() - q.since AS silent_for, q.every AS allowed, q.offices, q.last_at, p.name AS last_sender,
       t.name AS last_type, m.message_id AS last_message_id, q.because, q.affected_since, q.incident_id,
       i.name AS incident_name, i.state AS incident_state
  FROM quiet q
  LEFT JOIN bus.incident i ON i.incident_id = q.incident_id
  LEFT JOIN bus.words_at(ARRAY(SELECT last_seq FROM quiet)) AS m ON m.seq = q.last_seq
  LEFT JOIN bus.principal p ON p.principal_id = m.sender_id
  LEFT JOIN bus.type t ON t.number = m.type;
COMMENT ON VIEW eoc.silence IS 'affected districts of whose own offices no person has been heard for longer than bus.report_rule allows: somebody has to ask';
COMMENT ON COLUMN eoc.silence.pcode IS 'district';
COMMENT ON COLUMN eoc.silence.since IS 'when a broker had the last message that no machine says by itself; if there is none, since when it is affected';
COMMENT ON COLUMN eoc.silence.offices IS 'how many principals it has that are people; 0: nobody can speak from there';
COMMENT ON COLUMN eoc.silence.last_type IS 'null: there is none, or the reader has no right to it';
COMMENT ON COLUMN eoc.silence.because IS 'INCIDENT: an open one; ALERT: a public alert in force; REPORT: a detection of WARNING or above, or a flash report, of the last twelve hours';
COMMENT ON COLUMN eoc.silence.incident_id IS 'newest open one; null: none';

CREATE VIEW eoc.report_rule AS
SELECT nullif(r.place, '') AS place, r.type, t.family, r.every, r.due_after, r.begins_at, r.note
  FROM bus.report_rule r LEFT JOIN bus.type t ON t.name = r.type;
COMMENT ON VIEW eoc.report_rule IS 'what an affected district is expected to report; for each type the row of the nearest place counts';
COMMENT ON COLUMN eoc.report_rule.place IS 'null = everywhere';
COMMENT ON COLUMN eoc.report_rule.type IS '* = any message at all';

GRANT SELECT ON bus.alert_ended, eoc.report, eoc.report_current, eoc.report_expected, eoc.report_due, eoc.alert_in_force, eoc.silence,
    eoc.report_rule TO bus_reader, bus_admin;
