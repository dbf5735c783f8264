-- page: search: what has these words, at most fifty of a kind, most relevant first
-- takes: q lang
SELECT json_build_object('hits', coalesce((SELECT json_agg(x) FROM (
    SELECT s.*, CASE WHEN s.places <> '' THEN eoc.place_name(split_part(s.places, ' ', 1), coalesce($2::text, 'en')) END AS place
      FROM eoc.search(coalesce($1::text, ''), 50) AS s) AS x), '[]'))::text;
