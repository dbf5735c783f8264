-- ask: what happened to the households of a place, the hundred struck last
-- takes: PLACE
-- $1 text: what P-codes begin with
SELECT h.household_id, h.affected_at::date AS affected, h.status, h.state, h.members, h.house, h.days_entitled, h.days_delivered,
       h.offers, array_to_string(h.reasons, ', ') AS declined_because, h.lives_at, h.story
  FROM (SELECT x.household_id FROM bus.household x
         -- As LIKE, which finds nothing by an index for whoever reads by his rights. No P-code has a ~.
         WHERE x.places >= $1::text AND x.places < $1 || '~' ORDER BY x.affected_at DESC LIMIT 100) AS o
 CROSS JOIN LATERAL (SELECT * FROM eoc.household_story n WHERE n.household_id = o.household_id LIMIT 1) AS h
 ORDER BY h.affected_at DESC, h.household_id;
