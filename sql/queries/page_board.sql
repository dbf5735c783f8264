-- page: resources: what is open, promised, under way, on scene, due back, and late; an exercise is late by the clock of its incident
-- takes: lang status
WITH row AS MATERIALIZED (
    SELECT b.*, CASE b.status WHEN 'ACTUAL' THEN now() ELSE i.last_at END AS clock, i.name AS incident
      FROM eoc.board b LEFT JOIN eoc.incident_now i ON i.incident_id = b.incident_id
     WHERE b.status = coalesce($2::text, b.status) ORDER BY b.late DESC NULLS LAST, b.asked_at LIMIT 500
), called AS MATERIALIZED (
    SELECT k.kind, k.id AS kind_id, CASE $1::text WHEN 'tg' THEN k.tg WHEN 'ru' THEN k.ru ELSE k.en END AS kind_name FROM eoc.kinds_of(ARRAY(SELECT DISTINCT r.kind FROM row r)) AS k
), part AS MATERIALIZED (
    SELECT c.thread, c.line_id, c.supplier, c.state, c.quantity, c.arrived, c.arrives_at, c.arrived_at, c.until_at, c.is_provisional,
           c.state IN ('COMMITTED', 'COMMITTED_PROVISIONAL', 'EN_ROUTE') AND c.arrives_at < r.clock
           OR c.state IN ('ON_SCENE', 'EXTENSION_REQUESTED', 'RETURN_REQUESTED', 'RELEASING', 'RELEASED', 'RETURNING') AND c.until_at < r.clock AS is_late
      FROM row r JOIN eoc.commitment c ON c.thread = r.thread AND c.line_id = r.line_id
)
SELECT json_build_object('items', coalesce((SELECT json_agg(x) FROM (
    SELECT r.*, k.kind_id, k.kind_name, eoc.place_name(split_part(r.places, ' ', 1), coalesce($1::text, 'en')) AS place,
           r.state IN ('OPEN', 'PARTLY') AND r.needed_at < r.clock AS need_late,
           greatest(r.late, (SELECT count(*) FROM part p WHERE p.thread = r.thread AND p.line_id = r.line_id AND p.is_late)
                            + (r.state IN ('OPEN', 'PARTLY') AND coalesce(r.needed_at < r.clock, false))::int4) AS late_now,
           (SELECT json_agg(p) FROM part p WHERE p.thread = r.thread AND p.line_id = r.line_id) AS parts
      FROM row r LEFT JOIN called k USING (kind) ORDER BY late_now DESC, coalesce(k.kind_name, r.kind), r.asked_at) AS x), '[]'))::text;
