-- page: one public alert or draft of one: its text, who wrote and approved it, who took it when, how far it got in each place
-- takes: alert
SELECT json_build_object(
    'alert', (SELECT json_build_object('message_id', m.message_id, 'status', m.status, 'at', m.received_at, 'author', coalesce(m.doc->>'author', m.sender),
                     'places', (SELECT json_agg(w) FROM jsonb_array_elements_text(m.doc->'area'->'pcodes') AS w), 'incident_id', m.incident_id,
                     'draft_id', m.preceding_id, 'cap', m.doc->'public_alert')
                FROM eoc.document m WHERE m.message_id = $1::text::uuid AND m.type = 'public_alert' LIMIT 1),
    'draft', (SELECT row_to_json(d) FROM eoc.alert_draft d
               WHERE d.message_id = $1::text::uuid OR d.alert_id = $1::text::uuid LIMIT 1),
    'incident_name', (SELECT i.name FROM eoc.incident_now i WHERE i.incident_id = (SELECT d.incident_id FROM eoc.document d WHERE d.message_id = $1::text::uuid AND d.type = 'public_alert' LIMIT 1)),
    'in_force', EXISTS (SELECT FROM eoc.alert_in_force f WHERE f.message_id = $1::text::uuid),
    'verdict', (SELECT json_build_object('code', u.code, 'text', coalesce(u.why, '')) FROM eoc.undecided u WHERE u.message_id = $1::text::uuid LIMIT 1),
    'taken', coalesce((SELECT json_agg(json_build_object('by', coalesce(nullif(d.doc->>'author', ''), s.sender), 'at', s.received_at) ORDER BY s.seq)
                         FROM eoc.receipt s JOIN eoc.document d ON d.seq = s.seq WHERE s.about_id = $1::text::uuid AND s.level = 'ACCEPTED'), '[]'),
    'receipts', coalesce((SELECT json_agg(r ORDER BY r.place) FROM eoc.alert_receipts r WHERE r.alert_id = $1::text::uuid), '[]'))::text;
