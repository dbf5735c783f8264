-- views_questions: what `eocctl ask` has no other view for; the questions themselves are sql/queries/ask_*.sql.

CREATE VIEW eoc.household_story AS
SELECT h.household_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[h.status] AS status, h.state, h.since, h.affected_at,
       h.places AS pcode, h.incident_id, h.members, h.house, h.harms, e.days_entitled, d.days_delivered, o.offers, o.reasons,
       o.lives_at, m.story, m.moves, h.seq
  FROM bus.household h
 CROSS JOIN LATERAL (SELECT coalesce(sum(x.ration_days), 0)::int4 AS days_entitled FROM bus.entitlement x
                      WHERE x.household_id = h.household_id AND NOT x.is_void) AS e
 CROSS JOIN LATERAL (SELECT coalesce(sum(x.ration_days), 0)::int4 AS days_delivered FROM bus.delivery x
                      WHERE x.household_id = h.household_id) AS d
 CROSS JOIN LATERAL (SELECT count(*)::int4 AS offers,
                            (SELECT array_agg(DISTINCT r ORDER BY r) FROM bus.offer y CROSS JOIN LATERAL unnest(y.reasons) AS r
                              WHERE y.household_id = h.household_id) AS reasons,
                            max(x.site_id) FILTER (WHERE x.holds = 'occupied') AS lives_at
                       FROM bus.offer x WHERE x.household_id = h.household_id) AS o
 CROSS JOIN LATERAL (SELECT string_agg(format('%s %s', to_char(x.at AT TIME ZONE 'UTC-5', 'YYYY-MM-DD'), x.to_state), ', '
                                       ORDER BY x.step) FILTER (WHERE x.to_state <> x.from_state) AS story,
                            count(*)::int4 AS moves
                       FROM bus.moved x WHERE x.cycle = 'household' AND x.entity = h.household_id) AS m;
COMMENT ON VIEW eoc.household_story IS 'what happened to each household: by incident or place, ORDER BY affected_at; a household is a random id';
COMMENT ON COLUMN eoc.household_story.days_delivered IS 'days of rations it got';
COMMENT ON COLUMN eoc.household_story.days_entitled IS 'days of rations it was to get';
COMMENT ON COLUMN eoc.household_story.offers IS 'plots it was offered';
COMMENT ON COLUMN eoc.household_story.reasons IS 'why it declined; null = it did not';
COMMENT ON COLUMN eoc.household_story.lives_at IS 'site of the plot that it moved to';
COMMENT ON COLUMN eoc.household_story.story IS 'states it came to and the days, in the order in which they were decided; days of UTC+5';

GRANT SELECT ON eoc.household_story TO bus_reader, bus_admin;
