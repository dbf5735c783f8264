-- page: a general message and what was answered to it, for ICS 213
-- takes: message lang
SELECT json_build_object(
    'as_of', (SELECT json_build_object('seq', m.seq, 'at', now()) FROM eoc.newest m),
    'message', (SELECT row_to_json(x) FROM (SELECT d.event_at, coalesce(nullif(d.doc->>'author', ''), d.sender) AS sender, d.status, d.doc->'to' AS to, d.doc->'general_message' AS said,
                   i.name AS incident, eoc.place_name(d.pcode, coalesce($2::text, 'en')) AS place
                   FROM eoc.document d LEFT JOIN eoc.incident_now i ON i.incident_id = d.incident_id
                  WHERE d.message_id = $1::text::uuid AND d.type = 'general_message') AS x),
    'replies', coalesce((SELECT json_agg(x) FROM (SELECT r.event_at, coalesce(nullif(r.doc->>'author', ''), r.sender) AS sender, r.doc->'general_message' AS said
                   FROM eoc.document d JOIN eoc.document r ON r.incident_id = d.incident_id AND r.type = 'general_message' AND r.doc->'general_message'->>'reply_to' = d.message_id::text
                  WHERE d.message_id = $1::text::uuid ORDER BY r.seq) AS x), '[]'))::text;
