-- page: what needs a decision, most urgent and oldest first; names of places in the reader's language
-- takes: lang status
SELECT json_build_object(
    'as_of', (SELECT max(seq) FROM eoc.queue),
    'total', (SELECT count(*) FROM eoc.queue q WHERE q.status = coalesce($2::text, q.status)),
    'items', coalesce((SELECT json_agg(x) FROM (
        SELECT q.*, eoc.place_name(split_part(q.places, ' ', 1), coalesce($1::text, 'en')) AS place
          FROM eoc.queue q WHERE q.status = coalesce($2::text, q.status)
         ORDER BY q.precedence, q.since LIMIT 300) AS x), '[]'))::text;
