-- ask: who runs out of rations in the next days, the first ones first
-- takes: [DAYS=3]
-- $1 text: how many days
SELECT eoc.place_name(r.pcode) AS place, r.household_id, r.days_left, r.fed_until, r.members, r.state, r.days_entitled,
       r.days_delivered, r.incident_id
  FROM eoc.ration r
 WHERE r.fed_until < now() + $1::text::int4 * interval '1 day'
 ORDER BY r.fed_until;
