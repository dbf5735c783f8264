-- page: families as numbers (rations that run out, offers, why they are declined), plots; one by one for those who may read them
-- takes: lang status
WITH world AS MATERIALIZED (
    SELECT f.* FROM eoc.families(coalesce($2::text, 'ACTUAL')) AS f
), moment AS MATERIALIZED (SELECT w.at FROM world w WHERE w.what = 'clock')
SELECT json_build_object(
    'clock', (SELECT at FROM moment),
    'families', coalesce((SELECT json_agg(x) FROM (SELECT w.*, CASE WHEN w.pcode <> '' THEN eoc.place_name(w.pcode, coalesce($1::text, 'en')) END AS place
                  FROM world w WHERE w.what <> 'clock' ORDER BY w.what, w.families DESC NULLS LAST) AS x), '[]'),
    'rations', coalesce((SELECT json_agg(x) FROM (SELECT h.household_id, h.state, h.pcode, eoc.place_name(h.pcode, coalesce($1::text, 'en')) AS place,
                    h.members, h.fed_until, ceil(extract(epoch FROM h.fed_until - m.at) / 86400)::int4 AS days_left
                   FROM moment m JOIN eoc.household h ON h.status = coalesce($2::text, 'ACTUAL') AND h.fed_until < m.at + interval '7 days'
                    AND h.fed_until > m.at - interval '60 days' AND h.state NOT IN ('CLOSED', 'WITHDRAWN', 'DUPLICATE', 'SETTLED')
                  ORDER BY h.fed_until LIMIT 200) AS x), '[]'),
    'offers', coalesce((SELECT json_agg(x) FROM (SELECT o.household_id, o.offer_id, o.state, o.made_at, o.valid_until, o.site_id, o.plot_id, o.times, o.reasons,
                    o.is_overdue, eoc.place_name(o.to_pcode, coalesce($1::text, 'en')) AS place FROM eoc.offer o
                  WHERE o.status = coalesce($2::text, 'ACTUAL') ORDER BY o.made_at DESC LIMIT 100) AS x), '[]'),
    'sites', coalesce((SELECT json_agg(x) FROM (SELECT s.*, eoc.place_name(s.pcode, coalesce($1::text, 'en')) AS place FROM eoc.site s
                  WHERE s.status = coalesce($2::text, 'ACTUAL') ORDER BY s.name LIMIT 200) AS x), '[]'))::text;
