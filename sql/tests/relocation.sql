-- relocation: the story of a family in Ayni, told to the log, and everything that must not happen to it.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

\ir lib/relocation.sql

-- The story ----------------------------------------------------------------------------------------
SELECT is(pg_temp.affect(1), 'APPLIED', 'a family in Ayni is listed');
SELECT is(pg_temp.assess(1), 'APPLIED', 'two sign the act: half of the plot is gone');
SELECT is(pg_temp.tell('assistance_entitlement', jsonb_build_object('entitlement_id', pg_temp.uid(900), 'household_id', pg_temp.uid(1),
          'item', 'ASSISTANCE_ITEM_RATION', 'ration_days', 14, 'provider', 'rcst')), 'APPLIED', 'it is to get 14 ration days');
SELECT is(pg_temp.tell('assistance_delivery', jsonb_build_object('entitlement_id', pg_temp.uid(900), 'household_id', pg_temp.uid(1),
          'item', 'ASSISTANCE_ITEM_RATION', 'ration_days', 14, 'distributor', 'rcst.ayni.team2'), who => 'rcst.ayni.team2'), 'APPLIED', 'and gets them');
SELECT is(pg_temp.state(1), 'ASSISTED', 'it is assisted');
SELECT is((SELECT days_left FROM eoc.ration WHERE household_id = pg_temp.uid(1)), 14, 'for two weeks');
SELECT is(pg_temp.prefer(1), 'APPLIED', 'it says what would suit it');
SELECT is(pg_temp.offer(101, 1), 'HELD', 'an offer waits until somebody says how many plots there are');
SELECT is(pg_temp.site(2), 'APPLIED', 'two');
SELECT is(pg_temp.state(1), 'OFFERED', 'then it is made');
SELECT is(pg_temp.free(), 1, 'and holds one of them');
SELECT is(pg_temp.answer(101, 1, 'DECLINE'), 'APPLIED', 'the family has no means to move');
SELECT is(pg_temp.state(1), 'DECLINED', 'it declined');
SELECT is(pg_temp.free(), 2, 'the plot is free again');
SELECT is(pg_temp.offer(101, 1, 'IMPROVE'), 'APPLIED', 'a better package for the same plot: a decline does not end eligibility');
SELECT is(pg_temp.answer(101, 1, 'ACCEPT'), 'APPLIED', 'it says yes');
SELECT is(pg_temp.move(1, 'DEPARTED'), 'APPLIED', 'it goes');
SELECT is(pg_temp.move(1, 'ARRIVED'), 'APPLIED', 'it arrives');
SELECT is(pg_temp.state(1), 'MOVED', 'it moved');
SELECT is(pg_temp.move(1, 'RETURNED'), 'APPLIED', 'and goes back');
SELECT is(pg_temp.free(), 2, 'which frees the plot');
SELECT is((SELECT array_agg(from_state || '>' || to_state ORDER BY seq) FROM bus.moved WHERE cycle = 'offer' AND entity = pg_temp.uid(101)),
          ARRAY['>OPEN', 'OPEN>DECLINED', 'DECLINED>OPEN', 'OPEN>ACCEPTED', 'ACCEPTED>TAKEN', 'TAKEN>TAKEN', 'TAKEN>GIVEN_BACK'],
          'every move of the offer is in its history');
SELECT results_eq($$SELECT reason, offers FROM eoc.decline ORDER BY reason$$,
                  $$VALUES ('FOOD_INSECURE_NOW', 1), ('NO_MEANS_TO_MOVE', 1)$$, 'why offers fail is counted');

-- No plot twice ------------------------------------------------------------------------------------
SELECT pg_temp.ready(n) FROM generate_series(11, 14) AS n \g /dev/null
SELECT is(pg_temp.offer(111, 11), 'APPLIED', 'the first of two plots');
SELECT is(pg_temp.offer(112, 12), 'APPLIED', 'the second');
SELECT is(pg_temp.offer(113, 13), 'REFUSED site_full', 'there is no third');
SELECT matches((SELECT text FROM bus.quarantine WHERE code = 'site_full'), 'Site zafarobod.4 has no free plot. Of 2: offered 2, accepted 0',
               'and the loser is told why');
SELECT is(pg_temp.offer(114, 12), 'REFUSED state', 'one offer for each household at a time');
SELECT is(pg_temp.site(1), 'REFUSED capacity', 'an owner cannot take back what is promised');
SELECT is(pg_temp.site(3, 1), 'APPLIED', 'it can have one more that is blocked');
SELECT is(pg_temp.offer(113, 13), 'REFUSED site_full', 'which is not to be had');
SELECT is(pg_temp.offer(111, 11, 'REVOKE'), 'APPLIED', 'one is revoked');
SELECT is(pg_temp.state(11), 'ELIGIBLE', 'its household is eligible again');
SELECT is(pg_temp.offer(111, 11, 'REVOKE'), 'REFUSED state', 'only once');
SELECT is(pg_temp.offer(113, 13), 'APPLIED', 'and its plot promised to another');
SELECT is(pg_temp.answer(111, 11, 'ACCEPT'), 'REFUSED state', 'the first cannot say yes any more');
SELECT is(pg_temp.answer(111, 11, 'DECLINE'), 'CONTESTED', 'that it says no is a fact all the same');
SELECT is(pg_temp.answer(113, 12, 'ACCEPT'), 'REFUSED household', 'nobody answers for another');
SELECT is(pg_temp.site(5, 0, 'ANSWER_NO', 'qumsangir.1'), 'APPLIED', 'a site that nobody looked at');
SELECT is(pg_temp.offer(115, 14, site => 'qumsangir.1'), 'REFUSED hazard_unchecked', 'is not offered');
SELECT is(pg_temp.offer(116, 14, days => -1), 'REFUSED valid_until', 'nor anything until yesterday');
SELECT is(pg_temp.tell('plot_site', jsonb_build_object('site_id', 'numbered', 'pcode', '3508000', 'name', 'N', 'capacity_total', 2, 'hazard_checked',
          'ANSWER_YES', 'plots', '[{"plot_id": "7", "area_m2": 800, "state": "PLOT_STATE_FREE"}, {"plot_id": "8", "area_m2": 800, "state": "PLOT_STATE_BLOCKED"}]'::jsonb), who => 'land.zafarobod', pcode => '3508000'),
          'APPLIED', 'a site with numbers');
SELECT is(pg_temp.offer(117, 14, site => 'numbered', plot => '9'), 'REFUSED plot_unknown', 'there is no 9');
SELECT is(pg_temp.offer(117, 14, site => 'numbered', plot => '8'), 'REFUSED plot_taken', '8 is blocked');
SELECT is(pg_temp.offer(117, 14, site => 'numbered', plot => '7'), 'APPLIED', '7 is free');
SELECT is(pg_temp.offer(118, 11, site => 'numbered', plot => '7'), 'REFUSED plot_taken', 'once');

-- What the owner of the land says again frees nothing.
CREATE FUNCTION pg_temp.owner(more jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('plot_site', '{"site_id": "lived", "pcode": "3508000", "name": "L", "capacity_total": 5, "hazard_checked": "ANSWER_YES"}'::jsonb || more,
                       who => 'land.zafarobod', pcode => '3508000') $$;
SELECT pg_temp.ready(n) FROM generate_series(71, 74) AS n \g /dev/null
SELECT is(pg_temp.owner('{"occupied": 3}'), 'APPLIED', 'three families live there already');
SELECT is(pg_temp.offer(171, 71, site => 'lived'), 'APPLIED', 'the fourth plot');
SELECT is(pg_temp.offer(172, 72, site => 'lived'), 'APPLIED', 'the fifth');
SELECT is(pg_temp.owner('{"occupied": 3}'), 'APPLIED', 'said again without ours');
SELECT is(pg_temp.owner('{"occupied": 3, "reserved": 2}'), 'APPLIED', 'and with them');
SELECT is(pg_temp.free('lived'), 0, 'none is free');
SELECT is(pg_temp.offer(173, 73, site => 'lived'), 'REFUSED site_full', 'five plots, five families');
SELECT is(pg_temp.answer(171, 71, 'ACCEPT') || pg_temp.move(71, 'ARRIVED') || pg_temp.owner('{"occupied": 3}'), 'APPLIEDAPPLIEDAPPLIED', 'one moves in, and the owner counts the old ones');
SELECT is(pg_temp.free('lived'), 0, 'still none');
SELECT is(pg_temp.owner('{"occupied": 2}'), 'APPLIED', 'one of the old ones left');
SELECT is(pg_temp.free('lived'), 1, 'now one is');
SELECT is(pg_temp.offer(172, 72, 'IMPROVE', site => 'zafarobod.4'), 'REFUSED plot', 'an improved offer is of the same plot');
SELECT is(pg_temp.owner('{"occupied": 2, "blocked": 4, "hazard_checked": "ANSWER_NO"}'), 'CONTESTED', 'a mudflow there: a person sees to those who were promised');
SELECT is(pg_temp.offer(173, 73, site => 'lived'), 'REFUSED hazard_unchecked', 'and nothing more is promised');

-- Time ---------------------------------------------------------------------------------------------
SELECT is(pg_temp.offer(112, 12, 'EXPIRE'), 'REFUSED not_yet', 'nobody makes an offer expire before its time');
UPDATE bus.offer SET valid_until = now() - interval '1 second' WHERE offer_id = pg_temp.uid(112);
SELECT is(pg_temp.answer(112, 12, 'ACCEPT'), 'REFUSED offer_over', 'after it, it counts as expired');
SELECT bus.ring_offer(t) FROM bus.timer t WHERE t.kind = 'offer' AND t.subject = pg_temp.uid(112) \g /dev/null
SELECT is((SELECT count(*) FROM bus.to_say WHERE type = 225), 1::int8, 'the bus will say so');
SELECT is(pg_temp.offer(112, 12, 'EXPIRE'), 'APPLIED', 'it expires');
SELECT is(pg_temp.offer(112, 12, 'EXPIRE'), 'REFUSED state', 'and frees its plot exactly once');
SELECT is((SELECT reserved FROM bus.site WHERE site_id = 'zafarobod.4'), 1, 'one is still promised');
SELECT is(pg_temp.state(12), 'ELIGIBLE', 'its household can be offered another');

-- Facts --------------------------------------------------------------------------------------------
SELECT is(pg_temp.assess(21), 'HELD', 'the act came before the list');
SELECT is(pg_temp.tell('assistance_delivery', jsonb_build_object('household_id', pg_temp.uid(21), 'item', 'ASSISTANCE_ITEM_RATION', 'ration_days', 3,
          'distributor', 'rcst.ayni.team2')), 'HELD', 'and so did bread');
SELECT is(pg_temp.affect(21), 'APPLIED', 'the list');
SELECT is(pg_temp.state(21), 'ASSISTED', 'and both find their place');
SELECT is(pg_temp.tell('assistance_delivery', jsonb_build_object('entitlement_id', pg_temp.uid(900), 'household_id', pg_temp.uid(1),
          'item', 'ASSISTANCE_ITEM_RATION', 'ration_days', 1, 'distributor', 'rcst.ayni.team2')), 'CONTESTED', 'more than it is to get: shown to a person');
SELECT is((SELECT days_delivered FROM eoc.ration WHERE household_id = pg_temp.uid(1)), 14, 'and not counted until one has decided');
SELECT is(pg_temp.affect(21), 'APPLIED', 'struck again');
SELECT is((SELECT harms || ' ' || state FROM eoc.household WHERE household_id = pg_temp.uid(21)), '2 AFFECTED', 'one household, one case, two harms');
SELECT is(pg_temp.move(13, 'ARRIVED'), 'CONTESTED', 'nobody arrives who has not said yes');

-- Rations ------------------------------------------------------------------------------------------
SELECT pg_temp.affect(31) \g /dev/null
SELECT pg_temp.tell('assistance_delivery', jsonb_build_object('household_id', pg_temp.uid(31), 'item', 'ASSISTANCE_ITEM_RATION', 'ration_days', days,
       'from_us', pg_temp.us(now() + at * interval '1 day'), 'distributor', 'rcst.ayni.team2'), who => 'rcst.ayni.team2')
  FROM (VALUES (2, 0), (3, 1), (4, 10)) AS v(days, at) \g /dev/null
SELECT is((SELECT fed_until FROM bus.household WHERE household_id = pg_temp.uid(31)), now() + interval '14 days',
          'days run one after the other, and only from the day they begin');
SELECT is((SELECT due_at FROM bus.timer WHERE kind = 'ration' AND subject = pg_temp.uid(31)), now() + interval '11 days', 'three days before that');
SELECT bus.ring_ration(t) FROM bus.timer t WHERE t.kind = 'ration' AND t.subject = pg_temp.uid(31) \g /dev/null
SELECT is((SELECT entries || ' ' || label FROM bus.to_say WHERE type = 200 ORDER BY say_id DESC LIMIT 1), 'rcst.ayni.team2 4',
          'who handed them out hears that they run out, and nobody else');

-- Duplicates, ends, exercises ----------------------------------------------------------------------
SELECT pg_temp.ready(41) \g /dev/null
SELECT pg_temp.tell('household_event', pg_temp.event(42, '{"affected": {"members": 7, "children": 4}}'), who => 'rcst.ayni.team2') \g /dev/null
SELECT is((SELECT count(*) FROM eoc.household_twin WHERE pg_temp.uid(42) IN (household_id, other_id) AND pg_temp.uid(41) IN (household_id, other_id)), 1::int8,
          'two records that may be one are proposed');
SELECT is(pg_temp.tell('household_event', pg_temp.event(41, jsonb_build_object('duplicate', jsonb_build_object('duplicate_of', pg_temp.uid(41))))),
          'REFUSED duplicate_of', 'nothing is a duplicate of itself');
SELECT is(pg_temp.tell('household_event', pg_temp.event(41, jsonb_build_object('duplicate', jsonb_build_object('duplicate_of', pg_temp.uid(42))))),
          'APPLIED', 'a person decides');
SELECT is(pg_temp.offer(141, 41), 'REFUSED state', 'a duplicate is offered nothing');
SELECT is(pg_temp.tell('household_event', pg_temp.event(41, '{"closed": {"reason": "CLOSING_REASON_REOPENED"}}')), 'APPLIED', 'it was not one after all');
SELECT is(pg_temp.state(41), 'ELIGIBLE', 'it stands where it stood');
SELECT is(pg_temp.site(9), 'APPLIED', 'more plots');
SELECT is(pg_temp.offer(141, 41), 'APPLIED', 'an offer');
SELECT is(pg_temp.tell('household_event', pg_temp.event(41, '{"closed": {"reason": "CLOSING_REASON_MOVED_AWAY"}}')), 'APPLIED', 'it moved away by itself');
SELECT is((SELECT state || ' ' || coalesce(holds, 'nothing') FROM bus.offer WHERE offer_id = pg_temp.uid(141)), 'LAPSED nothing', 'its plot is free');
SELECT is(pg_temp.offer(142, 12, status => 2), 'REFUSED status', 'an exercise offers no real family anything');
SELECT is(pg_temp.assess(51, 'ANSWER_NO'), 'HELD', 'x');
SELECT is(pg_temp.affect(51), 'APPLIED', 'x');
SELECT is(pg_temp.prefer(51), 'CONTESTED', 'who was found not eligible is not');
SELECT is(pg_temp.tell('household_event', pg_temp.event(51, jsonb_build_object('assessed', '{"signatories": ["one"]}'::jsonb))), 'CONTESTED', 'an act has two signatories');

-- An exercise of another year.
SELECT is(pg_temp.tell('plot_site', '{"site_id": "zafarobod.4", "pcode": "3508000", "name": "x", "capacity_total": 1, "hazard_checked": "ANSWER_YES"}', 2,
                       who => 'land.zafarobod', pcode => '3508000'), 'APPLIED', 'an exercise has sites of its own');
SELECT pg_temp.tell('household_event', pg_temp.event(61, '{"affected": {"members": 3}}'), 2, '2010-08-08'),
       pg_temp.tell('household_event', pg_temp.event(61, '{"to_state": "HOUSEHOLD_STATE_ELIGIBLE", "assessed": {"eligible": "ANSWER_YES", "signatories": ["a", "b"]}}'), 2, '2010-08-09') \g /dev/null
SELECT is(pg_temp.tell('plot_offer', jsonb_build_object('offer_id', pg_temp.uid(161), 'household_id', pg_temp.uid(61), 'action', 'OFFER_ACTION_MAKE',
          'site_id', 'zafarobod.4', 'valid_until_us', pg_temp.us('2010-09-30')), 2, '2010-08-26'), 'APPLIED', 'in which an offer of 2010 is still open');
SELECT is((SELECT count(*) FROM bus.timer WHERE subject = pg_temp.uid(161)), 0::int8, 'and nothing rings');

-- What is contested destroys no names.
SELECT is(pg_temp.tell('household_event', pg_temp.event(41, '{"closed": {"reason": "CLOSING_REASON_OTHER"}}')), 'CONTESTED', 'a case that is closed is closed again');
SELECT is((SELECT closed_seq FROM bus.household_clock WHERE household_id = pg_temp.uid(41)),
          (SELECT min(seq) FROM bus.moved WHERE entity = pg_temp.uid(41) AND event = 'LEAVE'), 'the clock of its names runs from the first time');

-- Totals, and the rules themselves -----------------------------------------------------------------
SELECT is_empty($$SELECT s.site_id FROM bus.site s
                   LEFT JOIN bus.offer o ON o.site_id = s.site_id AND o.status = s.status GROUP BY s.site_id, s.status
                  HAVING s.reserved <> count(*) FILTER (WHERE o.holds = 'reserved') OR s.allocated <> count(*) FILTER (WHERE o.holds = 'allocated')
                      OR s.occupied <> count(*) FILTER (WHERE o.holds = 'occupied')$$, 'plots add up');
SELECT is_empty($$WITH RECURSIVE ends AS (
                      SELECT cycle, state FROM bus.cycle_state WHERE NOT is_open
                      UNION SELECT t.cycle, t.from_state FROM bus.transition t JOIN ends e ON e.cycle = t.cycle AND e.state = t.to_state)
                  SELECT cycle, state FROM bus.cycle_state WHERE is_open AND cycle IN ('household', 'offer') EXCEPT SELECT * FROM ends$$,
                'every open state reaches an end');
SELECT is_empty($$WITH RECURSIVE seen AS (
                      SELECT cycle, to_state AS state FROM bus.transition WHERE from_state = ''
                      UNION SELECT t.cycle, t.to_state FROM bus.transition t JOIN seen s ON s.cycle = t.cycle AND s.state = t.from_state)
                  SELECT cycle, state FROM bus.cycle_state WHERE cycle IN ('household', 'offer') EXCEPT SELECT * FROM seen$$, 'every state is reached');
SELECT is_empty($$SELECT t.cycle, g FROM bus.transition t, unnest(t.guards) AS g WHERE t.cycle IN ('household', 'offer')
                  EXCEPT SELECT cycle, guard FROM bus.cycle_guard$$, 'every guard has a meaning');

SELECT * FROM finish();
ROLLBACK;
