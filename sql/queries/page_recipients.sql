-- page: to whom one can write: whom all the words name, in any letters, the nearest first; with `kind` who could supply that there, and why
-- takes: text places lang kind
SELECT json_build_object('items', coalesce((SELECT json_agg(x ORDER BY x.nth, x.rank, x.recipient) FROM (
    SELECT r.*, s.why, CASE WHEN $4::text IS NULL OR coalesce($1::text, '') <> '' THEN 0 ELSE coalesce(s.rank, 1000) END AS nth
      FROM eoc.recipients($1::text, split_part(coalesce($2::text, ''), ' ', 1), coalesce($3::text, 'en')) AS r
      LEFT JOIN eoc.suppliers(coalesce($4::text, ''), split_part(coalesce($2::text, ''), ' ', 1)) AS s ON $4::text IS NOT NULL AND s.recipient = r.recipient
     ORDER BY 12, r.rank, r.recipient LIMIT 12) AS x), '[]'))::text;
