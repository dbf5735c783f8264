-- page: search: what has these words, at most fifty of a kind, most relevant first
-- takes: q lang
SELECT json_build_object('hits', coalesce((SELECT json_agg(x) FROM (
    SELECT s.*, CASE s.type WHEN 'sensor_detection' THEN (SELECT row_to_json(y) FROM (SELECT z.level, z.profile, z.evidence, z.front_speed_m_s, z.text FROM eoc.sensor_detection z WHERE z.seq = s.seq LIMIT 1) AS y) END AS detection,
           CASE WHEN s.places <> '' THEN eoc.place_name(split_part(s.places, ' ', 1), coalesce($2::text, 'en')) END AS place
      FROM eoc.search(coalesce($1::text, ''), 50) AS s) AS x), '[]'))::text;
