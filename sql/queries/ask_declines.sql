-- ask: why offers of plots are declined, by reason
-- takes: [DAYS=365]
-- $1 text: of how many days
SELECT r.reason, o.status, count(*) AS offers, count(DISTINCT o.household_id) AS households, count(DISTINCT o.from_pcode) AS places,
       count(DISTINCT o.site_id) AS sites, min(o.since)::date AS first_on, max(o.since)::date AS last_on
  FROM eoc.offer o CROSS JOIN LATERAL unnest(o.reasons) AS r(reason)
 WHERE o.reasons IS NOT NULL AND o.since >= now() - $1::text::int4 * interval '1 day'
 GROUP BY r.reason, o.status
 ORDER BY 3 DESC, 1, 2;
