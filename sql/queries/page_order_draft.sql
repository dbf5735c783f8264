-- page: a draft of an order as it is approved: what it is, a line break, itself with the approvals that it has. Asked by the program, not by pages.
-- takes: draft person
WITH d AS (
    SELECT x.*, m.doc, CASE x.type WHEN 'siren_command' THEN 'siren_command' WHEN 'sensor_control' THEN 'sensor_control' ELSE 'sensor_configuration' END AS body
      FROM eoc.order_draft x JOIN eoc.document m ON m.seq = x.seq WHERE x.message_id = $1::text::uuid ORDER BY x.seq LIMIT 1
), given AS (
    SELECT jsonb_agg(g.a) AS approvals
      FROM (SELECT DISTINCT ON (s->>'principal') s AS a
              FROM d JOIN eoc.document x ON x.type = d.type AND x.sender = d.desk AND x.doc ? 'preceding_id' AND x.doc->>'preceding_id' = d.message_id::text
             CROSS JOIN LATERAL jsonb_array_elements(coalesce(x.doc->d.body->'approvals', '[]')) AS s
             WHERE bus.approval_stands(s, d.type, d.machine)
             ORDER BY s->>'principal', x.seq) AS g
)
SELECT coalesce((SELECT format(E'%s %s %s %s %s %s %s %s ,%s,\n%s', d.state, d.author, d.desk, d.status, d.needed, d.seq,
                               CASE WHEN bus.may_approve($2::text, d.type, d.machine) THEN 'may' ELSE 'may_not' END, bus.sign_keys_of($2::text),
                               (SELECT string_agg(DISTINCT s->>'principal', ',') FROM eoc.document x CROSS JOIN LATERAL jsonb_array_elements(coalesce(x.doc->d.body->'approvals', '[]')) AS s
                                 WHERE x.type = d.type AND x.sender = d.desk AND x.doc ? 'preceding_id' AND x.doc->>'preceding_id' = d.message_id::text), -- all whose approval the record has, whatever it is worth now
                               jsonb_strip_nulls(jsonb_build_object('area', d.doc->'area', 'incident_ids', d.doc->'incident_ids', 'lane', d.doc->'lane', 'kind', d.doc->'kind', 'lang', d.doc->'lang',
                                   'label', d.doc->'label', 'event_time_us', d.doc->'event_time_us', 'sent_time_us', d.doc->'sent_time_us', 'not_after_us', d.doc->'not_after_us',
                                   'author', d.doc->'author', d.body, d.doc->d.body || jsonb_build_object('approvals', coalesce((SELECT g.approvals FROM given AS g), '[]')))))
  FROM d), '');
