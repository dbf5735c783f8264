-- page: districts: reports expected and received, silence, links
-- takes: lang
SELECT json_build_object(
    'silence', coalesce((SELECT json_agg(x) FROM (SELECT s.*, eoc.place_name(s.pcode, coalesce($1::text, 'en')) AS place FROM eoc.silence s) AS x), '[]'),
    'reports', coalesce((SELECT json_agg(x) FROM (SELECT r.*, eoc.place_name(r.pcode, coalesce($1::text, 'en')) AS place FROM eoc.report_due r
                  WHERE r.period_to > now() - interval '2 days' ORDER BY r.missing DESC, r.due_at LIMIT 300) AS x), '[]'))::text;
