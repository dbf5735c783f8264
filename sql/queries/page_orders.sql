-- page: orders to machines: those that wait for somebody, and what became of the newest; machines that can be ordered something
-- takes: lang status
SELECT json_build_object(
    'waiting', coalesce((SELECT json_agg(x ORDER BY x.state <> 'WAITING', x.since DESC) FROM (
        SELECT d.*, eoc.place_name(split_part(d.places, ' ', 1), coalesce($1::text, 'en')) AS place FROM eoc.order_draft d
         WHERE ($2::text IS NULL OR d.status = $2::text) AND d.state <> 'SAID' ORDER BY d.state <> 'WAITING', d.since DESC LIMIT 30) AS x), '[]'),
    'said', coalesce((SELECT json_agg(x) FROM (
        SELECT o.message_id, o.event_at, o.sender, o.type, o.machine, o.what, o.reason, o.approved_by, o.not_after, o.answer, o.code, o.answered_at, o.status,
               nullif(m.doc->>'author', '') AS author, m.doc->>'preceding_id' AS draft_id
          FROM (SELECT y.* FROM eoc.machine_order y WHERE $2::text IS NULL OR y.status = $2::text ORDER BY y.seq DESC LIMIT 30) AS o JOIN eoc.document m ON m.seq = o.seq ORDER BY o.seq DESC) AS x), '[]'),
    'machines', coalesce((SELECT json_agg(x) FROM (
        SELECT l.principal, l.pcode, eoc.place_name(l.pcode, coalesce($1::text, 'en')) AS place FROM eoc.links() AS l
         WHERE 'gateway' = ANY (string_to_array(l.roles, ' ')) ORDER BY l.principal) AS x), '[]'))::text;
