-- page: what needs a decision, most urgent and oldest first; names of places in the reader's language
-- takes: lang status
-- The view is looked through once: on a night with 10,000 open things three times would be two thirds of the answer.
WITH q AS MATERIALIZED (SELECT * FROM eoc.queue),
     s AS (SELECT * FROM q WHERE $2::text IS NULL OR q.status = $2::text)
SELECT json_build_object(
    'as_of', (SELECT max(seq) FROM s),
    'total', (SELECT count(*) FROM s),
    'items', coalesce((SELECT json_agg(x) FROM (
        SELECT s.*, eoc.place_name(split_part(s.places, ' ', 1), coalesce($1::text, 'en')) AS place
          FROM s ORDER BY s.precedence, s.since LIMIT 300) AS x), '[]'))::text;
