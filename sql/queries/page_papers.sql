-- page: which papers there are: incidents, open ones first, with the periods that were reported, their messages and requests
-- takes: lang status
WITH i AS MATERIALIZED (SELECT * FROM eoc.incident_now n WHERE n.status = coalesce($2::text, n.status)
                         ORDER BY n.state IN ('CLOSED', 'MERGED', 'FALSE_ALARM'), n.last_at DESC NULLS LAST LIMIT 30),
     -- Of all of them at once: there is no way by an index from one incident to its reports.
     period AS MATERIALIZED (SELECT DISTINCT w.incident_id, s.period_from, s.period_to FROM eoc.report s CROSS JOIN LATERAL unnest(s.incident_ids) AS w(incident_id)
                              WHERE s.type = 'situation_report' AND s.is_current AND s.received_at >= (SELECT min(i.began_at) - interval '1 day' FROM i))
SELECT json_build_object('items', coalesce((SELECT json_agg(x) FROM (
    SELECT i.incident_id, i.name, i.hazard, i.state, i.status, i.began_at, i.last_at, eoc.place_name(split_part(i.places, ' ', 1), coalesce($1::text, 'en')) AS place,
           (SELECT json_agg(p) FROM (SELECT s.period_from, s.period_to FROM period s WHERE s.incident_id = i.incident_id ORDER BY 1 DESC LIMIT 20) AS p) AS periods,
           (SELECT json_agg(m) FROM (SELECT d.message_id, d.event_at, d.doc->'general_message'->>'subject' AS subject FROM eoc.document d
             WHERE d.incident_id = i.incident_id AND d.type = 'general_message' ORDER BY d.seq DESC LIMIT 20) AS m) AS messages,
           (SELECT json_agg(r) FROM (SELECT d.message_id AS thread, d.event_at, d.doc->'request_resource'->'lines'->0->'resource'->>'kind' AS kind FROM eoc.document d
             WHERE d.incident_id = i.incident_id AND d.type = 'request_resource' ORDER BY d.seq DESC LIMIT 20) AS r) AS requests
      FROM i ORDER BY i.state IN ('CLOSED', 'MERGED', 'FALSE_ALARM'), i.last_at DESC NULLS LAST) AS x), '[]'))::text;
