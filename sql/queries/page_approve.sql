-- page: a draft of a public alert as it is approved: its state, who wrote it, a line break, itself. Asked by the program, not by pages.
-- takes: draft
SELECT coalesce((SELECT format(E'%s %s\n%s', d.state, d.author, jsonb_strip_nulls(jsonb_build_object(
            'area', m.doc->'area', 'incident_ids', m.doc->'incident_ids', 'public_alert', m.doc->'public_alert')))
  FROM eoc.alert_draft d JOIN eoc.document m USING (message_id)
 WHERE d.message_id = $1::text::uuid AND m.type = 'public_alert' LIMIT 1), '');
