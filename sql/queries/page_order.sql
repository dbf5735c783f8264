-- page: one order to a machine that was written at a page: what exactly it does, who approved it, and what became of it
-- takes: draft lang person
SELECT json_build_object(
    'draft', (SELECT row_to_json(x) FROM (
        SELECT d.*, eoc.place_name(split_part(d.places, ' ', 1), coalesce($2::text, 'en')) AS place, bus.may_at($3::text, 'approve', d.type, d.machine) AS may,
               m.doc->'sensor_configuration' AS numbers, eoc.at(m.doc->'sensor_configuration'->>'effective_us') AS effective,
               eoc.at(m.doc->'sensor_control'->'span'->>'from_us') AS span_from, eoc.at(m.doc->'sensor_control'->'span'->>'to_us') AS span_to, m.doc->'siren_command'->'recording' AS recording,
               (SELECT json_agg(json_build_object('incident_id', i.id, 'name', n.name)) FROM jsonb_array_elements_text(m.doc->'incident_ids') AS i(id) LEFT JOIN eoc.incident_now n ON n.incident_id = i.id::uuid) AS incidents
          FROM eoc.order_draft d JOIN eoc.document m ON m.seq = d.seq WHERE d.message_id = $1::text::uuid ORDER BY d.seq LIMIT 1) AS x),
    'said', (SELECT row_to_json(o) FROM eoc.order_draft d JOIN eoc.machine_order o ON o.message_id = d.order_id WHERE d.message_id = $1::text::uuid LIMIT 1))::text;
