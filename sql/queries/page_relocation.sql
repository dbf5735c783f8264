-- page: families: rations that run out, offers, why they are declined, plots
-- takes: lang
SELECT json_build_object(
    'rations', coalesce((SELECT json_agg(x) FROM (SELECT r.household_id, r.state, r.pcode, eoc.place_name(r.pcode, coalesce($1::text, 'en')) AS place,
                    r.members, r.fed_until, r.days_left, r.days_entitled, r.days_delivered FROM eoc.ration r
                  WHERE r.days_left <= 7 ORDER BY r.fed_until LIMIT 200) AS x), '[]'),
    'offers', coalesce((SELECT json_agg(x) FROM (SELECT o.*, eoc.place_name(o.to_pcode, coalesce($1::text, 'en')) AS place FROM eoc.offer o
                  ORDER BY o.made_at DESC LIMIT 200) AS x), '[]'),
    'declines', coalesce((SELECT json_agg(x) FROM (SELECT d.reason, sum(d.offers)::int4 AS offers FROM eoc.decline d GROUP BY 1 ORDER BY 2 DESC) AS x), '[]'),
    'sites', coalesce((SELECT json_agg(x) FROM (SELECT s.*, eoc.place_name(s.pcode, coalesce($1::text, 'en')) AS place FROM eoc.site s
                  ORDER BY s.name) AS x), '[]'))::text;
