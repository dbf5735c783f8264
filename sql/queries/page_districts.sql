-- page: districts: who is silent, reports expected and received, links
-- takes: lang status
WITH world AS MATERIALIZED (
    SELECT coalesce($1::text, 'en') AS lang, coalesce($2::text, 'ACTUAL') AS status,
           CASE coalesce($2::text, 'ACTUAL') WHEN 'ACTUAL' THEN now()
                ELSE coalesce((SELECT max(i.last_at) FROM eoc.incident_now i WHERE i.status = $2::text), now()) END AS clock
), owed AS MATERIALIZED (
    SELECT e.* FROM world w CROSS JOIN LATERAL eoc.reports_expected(w.clock - interval '30 days', w.clock,
               array_position(ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'], w.status)) AS e
)
SELECT json_build_object(
    'clock', (SELECT clock FROM world),
    'silence', coalesce((SELECT json_agg(x) FROM (SELECT s.*, eoc.place_name(s.pcode, w.lang) AS place FROM world w JOIN eoc.silence s ON w.status = 'ACTUAL') AS x), '[]'),
    'reports', coalesce((SELECT json_agg(x) FROM (
        SELECT o.pcode, o.type, eoc.place_name(o.pcode, (SELECT lang FROM world)) AS place, o.incident_id, o.incident_name, count(*) FILTER (WHERE o.state <> 'NOT_DUE') AS expected,
               count(*) FILTER (WHERE o.is_received) AS received, count(*) FILTER (WHERE o.is_on_time) AS on_time,
               count(*) FILTER (WHERE o.state = 'MISSING') AS missing, max(o.first_received_at) AS newest_at, min(o.due_at) FILTER (WHERE o.state = 'NOT_DUE') AS next_due,
               (array_agg(o.state ORDER BY o.period_from DESC))[1:14] AS strip
          FROM owed o GROUP BY o.pcode, o.type, o.incident_id, o.incident_name
         ORDER BY count(*) FILTER (WHERE o.state = 'MISSING') DESC, o.pcode LIMIT 200) AS x), '[]'),
    'said', coalesce((SELECT json_agg(x) FROM (
        SELECT r.type, r.sender, r.number, r.version, r.event_at, r.next_contact_at, r.versions, r.prepared_by, coalesce(r.next_contact_at < w.clock, false) AS is_late, r.incident_ids[1] AS incident_id,
               eoc.place_name(split_part(r.places, ' ', 1), w.lang) AS place
          FROM world w JOIN eoc.report_current r ON r.status = w.status AND r.event_at > w.clock - interval '30 days'
         ORDER BY r.event_at DESC LIMIT 100) AS x), '[]'),
    'links', coalesce((SELECT json_agg(x) FROM (SELECT l.*, eoc.place_name(l.pcode, (SELECT lang FROM world)) AS place FROM eoc.links() AS l
                  ORDER BY l.served_by IS NOT NULL, l.heard_at NULLS FIRST LIMIT 300) AS x), '[]'))::text;
