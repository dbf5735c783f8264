-- ask: what is promised, under way, on scene, due back, and late
-- takes: [PLACE]
-- $1 text: what P-codes begin with; null: everywhere
SELECT eoc.place_name(left(b.places, 7)) AS place, b.status, b.kind, b.state, b.wanted, b.open, b.promised, b.under_way, b.on_scene,
       b.due_back, b.unit, b.late, array_to_string(b.suppliers, ', ') AS suppliers, b.thread, b.line_id
  FROM eoc.board b
 WHERE $1::text IS NULL OR b.places LIKE $1 || '%'
 ORDER BY b.late DESC, b.status, b.places, b.asked_at;
