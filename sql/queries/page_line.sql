-- page: the lines of a thread of the board, by the thread or by a request in it: what is wanted, and each supplier's part
-- takes: id line lang
SELECT json_build_object('lines', coalesce((SELECT json_agg(x ORDER BY x.line_id) FROM (
    SELECT b.*, r.message_id, (SELECT CASE $3::text WHEN 'tg' THEN k.tg WHEN 'ru' THEN k.ru ELSE k.en END FROM eoc.kinds_of(ARRAY[b.kind]) AS k) AS kind_name,
           coalesce((SELECT json_agg(p ORDER BY p.seq) FROM eoc.line_part p WHERE p.thread = b.thread AND p.line_id = b.line_id), '[]') AS parts
      FROM eoc.board b LEFT JOIN eoc.request_open r USING (thread, line_id)
     WHERE b.line_id = coalesce($2::text::int4, b.line_id)
       AND (b.thread = $1::text::uuid OR b.thread IN (SELECT o.thread FROM eoc.request_open o WHERE o.message_id = $1::text::uuid))) AS x), '[]'))::text;
