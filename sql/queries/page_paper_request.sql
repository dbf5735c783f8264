-- page: a request for resources as it was made, and who promised what of it, for ICS 213RR
-- takes: thread lang
SELECT json_build_object(
    'as_of', (SELECT json_build_object('seq', m.seq, 'at', now()) FROM eoc.newest m),
    'request', (SELECT row_to_json(x) FROM (SELECT d.seq, d.event_at, coalesce(nullif(d.doc->>'author', ''), d.sender) AS sender, d.status, d.doc->>'lane' AS lane, d.doc->'request_resource' AS said,
                   i.name AS incident, d.place_name, eoc.place_name(d.pcode, coalesce($2::text, 'en')) AS place
                   FROM eoc.document d LEFT JOIN eoc.incident_now i ON i.incident_id = d.incident_id
                  WHERE d.message_id = $1::text::uuid AND d.type = 'request_resource') AS x),
    'promises', coalesce((SELECT json_agg(c ORDER BY c.line_id, c.since) FROM (SELECT x.line_id, x.supplier, x.state, x.is_provisional, x.items, x.quantity, x.unit, x.arrives_at, x.arrived_at, x.price,
                   x.order_id, x.funding, x.since FROM eoc.commitment x WHERE x.thread = $1::text::uuid) AS c), '[]'),
    'answers', coalesce((SELECT json_agg(a ORDER BY a.seq) FROM (SELECT x.seq, x.event_at, x.sender, x.type, x.line_id, x.response, x.reason, x.response_text, x.quantity FROM eoc.resource_message x
                   JOIN eoc.document d ON d.type = x.type AND d.seq = x.seq
                  WHERE d.doc ? 'originating_id' AND d.doc->>'originating_id' = $1::text AND x.type IN ('response_to_request_resource', 'commit_resource')) AS a), '[]'))::text;
