-- page: one incident: where it stands, what happened, what is asked for, who was harmed
-- takes: incident lang
SELECT json_build_object(
    'incident', (SELECT row_to_json(x) FROM (SELECT i.*, eoc.place_name(split_part(i.places, ' ', 1), coalesce($2::text, 'en')) AS place
                   FROM eoc.incident_now i WHERE i.incident_id = $1::text::uuid) AS x),
    'timeline', coalesce((SELECT json_agg(t) FROM (SELECT * FROM eoc.incident_timeline t WHERE t.incident_id = $1::text::uuid
                   ORDER BY t.at DESC, t.seq DESC LIMIT 300) AS t), '[]'),
    'requests', coalesce((SELECT json_agg(b) FROM (SELECT * FROM eoc.board b WHERE b.incident_id = $1::text::uuid ORDER BY b.asked_at) AS b), '[]'),
    'moves', coalesce((SELECT json_agg(m) FROM (SELECT DISTINCT m.event, m.to_state FROM eoc.transition m
                   JOIN eoc.incident_now i ON i.incident_id = $1::text::uuid AND i.state = m.from_state
                  WHERE m.cycle = 'incident') AS m), '[]'))::text;
