-- whose_plot: nobody decides for another's household or land, a household has one plot at most and gives it back when
-- it leaves, what waits in vain is told so, and every fact finds a way.
--
-- Run by tests/integration/pgtap_test.c as superuser on a fresh database with extension pgtap in schema tap.
\ir lib/begin.sql

\ir lib/relocation.sql
INSERT INTO bus.principal (name, agency, roles, places) VALUES
    ('coes.kulob.office', 'coes', 'district', '3510203'), ('mercy.ayni', 'mercy', 'district', '3505203'),
    ('mercy.zafarobod', 'mercy', 'district', '3508000');
SELECT is(pg_temp.site(40), 'APPLIED', 'plots enough');
SELECT pg_temp.ready(n) FROM generate_series(1, 9) AS n \g /dev/null

-- Whose it is ----------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.ration(e int, n int, days int, who text, pcode text DEFAULT '3505203', kind text DEFAULT 'DISPATCH') RETURNS text
LANGUAGE sql AS $$ SELECT pg_temp.tell('assistance_entitlement', jsonb_build_object('entitlement_id', pg_temp.uid(e), 'household_id', pg_temp.uid(n),
       'item', 'ASSISTANCE_ITEM_RATION', 'ration_days', days, 'provider', 'rcst'), who => who, pcode => pcode, kind => kind) $$;
CREATE FUNCTION pg_temp.bread(e int, n int, days int, pcode text DEFAULT '3505203') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.tell('assistance_delivery', jsonb_strip_nulls(jsonb_build_object('entitlement_id', pg_temp.uid(e), 'household_id', pg_temp.uid(n),
       'item', 'ASSISTANCE_ITEM_RATION', 'ration_days', days, 'distributor', 'rcst.ayni.team2')), who => 'rcst.ayni.team2', pcode => pcode) $$;
SELECT is(pg_temp.ration(901, 1, 14, 'coes.kulob.office', '3510203'), 'REFUSED place', 'Kulob gives nothing to a family of Ayni');
SELECT unalike(pg_temp.why(), '%ASSESSED%', 'nor does it hear how that stands');
SELECT is(pg_temp.tell('household_event', pg_temp.event(1, '{"closed": {"reason": "CLOSING_REASON_OTHER"}}'), who => 'coes.kulob.office', pcode => '3510203'),
          'CONTESTED', 'and closes no case of it');
SELECT is(pg_temp.state(1), 'ELIGIBLE', 'it stands where it stood');
SELECT is(pg_temp.settle('DISMISSED'), 'APPLIED', 'dismissed');
SELECT is(pg_temp.tell('plot_offer', jsonb_build_object('offer_id', pg_temp.uid(101), 'household_id', pg_temp.uid(1), 'action', 'OFFER_ACTION_MAKE',
          'site_id', 'zafarobod.4', 'valid_until_us', pg_temp.us(clock_timestamp() + interval '9 days')), who => 'coes.kulob.office', pcode => '3510203'),
          'REFUSED place', 'Kulob offers no land of Zafarobod');
SELECT is(pg_temp.tell('plot_site', '{"site_id": "zafarobod.4", "pcode": "3510203", "name": "x", "capacity_total": 900, "hazard_checked": "ANSWER_YES"}',
          who => 'coes.kulob.office', pcode => '3510203'), 'REFUSED place', 'nor takes it for its own');
SELECT is(pg_temp.tell('plot_site', '{"site_id": "zafarobod.5", "pcode": "3508000", "name": "x", "capacity_total": 9, "hazard_checked": "ANSWER_YES"}',
          who => 'coes.kulob.office', pcode => '3510203'), 'REFUSED place', 'nor declares any there');
CREATE FUNCTION pg_temp.mercy_site(total int) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.tell('plot_site', jsonb_build_object('site_id', 'zafarobod.4',
    'pcode', '3508000', 'name', 'x', 'capacity_total', total, 'hazard_checked', 'ANSWER_YES'), who => 'mercy.zafarobod', pcode => '3508000') $$;
SELECT is(pg_temp.mercy_site(900), 'CONTESTED', 'another agency there does not change its numbers');
SELECT is(pg_temp.settle('DISMISSED'), 'APPLIED', 'unless a person says so');
SELECT is(pg_temp.offer(101, 1), 'APPLIED', 'an offer');
SELECT is(pg_temp.tell('plot_offer', jsonb_build_object('offer_id', pg_temp.uid(101), 'household_id', pg_temp.uid(1), 'action', 'OFFER_ACTION_REVOKE',
          'site_id', 'zafarobod.4', 'valid_until_us', pg_temp.us(now())), who => 'mercy.ayni'), 'REFUSED agency', 'another agency does not revoke it');
SELECT is(pg_temp.tell('plot_offer', jsonb_build_object('offer_id', pg_temp.uid(101), 'household_id', pg_temp.uid(1), 'action', 'OFFER_ACTION_REVOKE',
          'site_id', 'zafarobod.4', 'valid_until_us', pg_temp.us(now())), who => 'land.zafarobod', pcode => '3508000'), 'APPLIED', 'who gives the land does');
SELECT is(pg_temp.ration(901, 1, 14, 'rcst.ayni.team2'), 'APPLIED', 'rations');
SELECT is(pg_temp.ration(901, 1, 900, 'mercy.ayni'), 'REFUSED agency', 'another agency does not change them');
SELECT is(pg_temp.ration(901, 2, 14, 'rcst.ayni.team2'), 'REFUSED entitlement_taken', 'nor are they somebody else''s');
SELECT is(pg_temp.ration(901, 1, 14, 'mercy.ayni', kind => 'CANCEL'), 'REFUSED agency', 'nor does it take them back');
SELECT is(pg_temp.ration(901, 1, 14, 'rcst.ayni.team2', kind => 'CANCEL'), 'APPLIED', 'their own does');
SELECT is(pg_temp.ration(999, 1, 14, 'rcst.ayni.team2', kind => 'CANCEL'), 'REFUSED entitlement_unknown', 'what there is');
SELECT is(pg_temp.bread(901, 1, 14), 'CONTESTED', 'then what is handed out on them is for a person to see');
SELECT is(pg_temp.settle(), 'APPLIED', 'who applies it');
SELECT is((SELECT (days_entitled, days_delivered)::text FROM eoc.ration WHERE household_id = pg_temp.uid(1)), '(0,14)', 'it was handed out');

-- Waiting in vain -------------------------------------------------------------------------------------
SELECT is(pg_temp.bread(902, 2, 7), 'APPLIED', 'bread on an entitlement that never came is bread all the same');
SELECT isnt((SELECT fed_until FROM bus.household WHERE household_id = pg_temp.uid(2)), NULL, 'and feeds');
CREATE FUNCTION pg_temp.last_undecided() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s', (ARRAY['APPLIED', 'HELD', 'CONTESTED', 'DISMISSED'])[bus.verdict_now(b.seq, b.verdict)], coalesce(u.code, '')), ', ' ORDER BY b.seq)
      FROM bus.message b LEFT JOIN bus.contested u ON u.seq = b.seq AND u.settled_as IS NULL
     WHERE b.type = 226 AND b.seq > (SELECT max(seq) - 40 FROM bus.message) $$;
SELECT is(pg_temp.answer(103, 3, 'ACCEPT') || pg_temp.answer(103, 3, 'DECLINE'), 'HELDHELD', 'answers to an offer that is on its way');
SELECT is(pg_temp.offer(103, 3, days => -1), 'REFUSED valid_until', 'which is refused');
SELECT cmp_ok((bus.tick(100)).said, '>=', 2, 'the bus says that they wait in vain');
SELECT is(pg_temp.last_undecided(), 'DISMISSED , CONTESTED offer_refused', 'the promise is dismissed, the fact goes to a person');
SELECT is(pg_temp.settle('DISMISSED'), 'APPLIED', 'who sees to it');
SELECT is(pg_temp.answer(103, 3, 'DECLINE'), 'HELD', 'one that comes after the refusal');
SELECT cmp_ok((bus.tick(100)).said, '>=', 1, 'does not wait for ever');
SELECT is(right(pg_temp.last_undecided(), 23), 'CONTESTED offer_refused', 'either');
SELECT is(pg_temp.settle('DISMISSED'), 'APPLIED', 'x');
SELECT is(pg_temp.offer(104, 4, site => 'nowhere') || pg_temp.answer(104, 4, 'DECLINE'), 'HELDHELD', 'an offer that waits, and its answer');
SELECT is(pg_temp.tell('decision', jsonb_build_object('message_id', (SELECT message_id FROM bus.held WHERE type = 225 AND settled_as IS NULL),
          'ruling', 'RULING_DISMISSED'), who => 'coes.duty'), 'APPLIED', 'the offer is dismissed');
SELECT cmp_ok((bus.tick(100)).said, '>=', 1, 'and so');
SELECT is(right(pg_temp.last_undecided(), 23), 'CONTESTED offer_refused', 'its answer goes to a person');
SELECT is(pg_temp.settle('DISMISSED'), 'APPLIED', 'x');
SELECT is(pg_temp.move(4, 'DEPARTED'), 'CONTESTED', 'who accepted nothing does not depart');
SELECT is(pg_temp.settle('DISMISSED'), 'APPLIED', 'x');
SELECT is(pg_temp.tell('move_event', jsonb_build_object('household_id', pg_temp.uid(4), 'offer_id', pg_temp.uid(105), 'kind', 'MOVE_KIND_DEPARTED', 'actor', 'r')),
          'HELD', 'but it may wait for the offer that it names');
SELECT is((SELECT waits_for FROM bus.held WHERE settled_as IS NULL), pg_temp.uid(105), 'for that one');
SELECT is(pg_temp.settle('DISMISSED'), 'APPLIED', 'x');

-- An offer and its household go together ---------------------------------------------------------------
-- Makes the offer run out, as the bus does when its time is over.
CREATE FUNCTION pg_temp.runs_out(o int, n int) RETURNS text LANGUAGE sql AS $$
    UPDATE bus.offer SET valid_until = now() - interval '1 second' WHERE offer_id = pg_temp.uid(o);
    SELECT pg_temp.offer(o, n, 'EXPIRE') $$;
SELECT is(pg_temp.offer(115, 5, plot => '7') || pg_temp.answer(115, 5, 'ACCEPT') || pg_temp.runs_out(115, 5), 'APPLIEDAPPLIEDAPPLIED', 'accepted, and over');
SELECT is(pg_temp.state(5) || ' ' || pg_temp.held(115), 'ELIGIBLE EXPIRED nothing', 'its plot is free');
SELECT is(pg_temp.move(5, 'DEPARTED'), 'APPLIED', 'then it is heard that the family left in time');
SELECT is(pg_temp.state(5) || ' ' || pg_temp.held(115), 'MOVING TAKEN occupied', 'the plot is taken again');
SELECT is(pg_temp.offer(116, 6, plot => '8') || pg_temp.answer(116, 6, 'ACCEPT') || pg_temp.runs_out(116, 6), 'APPLIEDAPPLIEDAPPLIED', 'another one');
SELECT is(pg_temp.offer(117, 7, plot => '8'), 'APPLIED', 'whose plot is promised on');
SELECT is(pg_temp.move(6, 'ARRIVED'), 'CONTESTED', 'comes to a plot that is not free');
SELECT is(pg_temp.why(), 'Plot 8 of site zafarobod.4 is not free. The offer is EXPIRED; legal now: ARRIVE (MoveEvent ARRIVED), DEPART (MoveEvent DEPARTED).',
          'the text names no other family');
SELECT is(pg_temp.state(6) || ' ' || pg_temp.held(116), 'ELIGIBLE EXPIRED nothing', 'nothing has moved');
SELECT is(pg_temp.settle(), 'APPLIED', 'a person knows that it is there');
SELECT is(pg_temp.state(6) || ' ' || pg_temp.held(116) || ' ' || pg_temp.held(117), 'MOVED EXPIRED nothing OPEN reserved', 'it is there, without that plot');
SELECT is(pg_temp.move(6, 'ARRIVED'), 'APPLIED', 'who comes later is there, too');
SELECT is(pg_temp.move(7, 'DEPARTED'), 'CONTESTED', 'one that had not answered');
SELECT is(pg_temp.settle(), 'APPLIED', 'left all the same');
SELECT is(pg_temp.state(7) || ' ' || pg_temp.held(117), 'MOVING TAKEN occupied', 'and its offer with it');
SELECT is(pg_temp.offer(118, 8) || pg_temp.answer(118, 8, 'DECLINE') || pg_temp.prefer(8), 'APPLIEDAPPLIEDAPPLIED', 'declined, and eligible again');
SELECT is(pg_temp.offer(118, 8, 'REVOKE'), 'APPLIED', 'what it declined is revoked');
SELECT is(pg_temp.state(8) || ' ' || pg_temp.held(118), 'ELIGIBLE REVOKED nothing', 'and nothing else');
SELECT is(pg_temp.offer(119, 8) || pg_temp.answer(118, 8, 'DECLINE'), 'APPLIEDCONTESTED', 'a no to the old offer');
SELECT is(pg_temp.settle(), 'APPLIED', 'applied');
SELECT is(pg_temp.state(8) || ' ' || pg_temp.held(119), 'OFFERED OPEN reserved', 'leaves the new one alone');
SELECT is(pg_temp.tell('household_event', pg_temp.event(8, '{"to_state": "HOUSEHOLD_STATE_INELIGIBLE", "assessed": {"eligible": "ANSWER_NO", "signatories": ["a", "b"]}}')),
          'CONTESTED', 'a commission finds that it may have none');
SELECT is(pg_temp.settle(), 'APPLIED', 'a person applies that');
SELECT is(pg_temp.state(8) || ' ' || pg_temp.held(119), 'INELIGIBLE LAPSED nothing', 'and its plot is free');
SELECT is(pg_temp.offer(120, 9) || pg_temp.answer(120, 9, 'DECLINE') || pg_temp.prefer(9) || pg_temp.offer(120, 9, 'IMPROVE'),
          'APPLIEDAPPLIEDAPPLIEDAPPLIED', 'what was declined can be improved later, too');

-- One plot, given back ----------------------------------------------------------------------------------
SELECT pg_temp.ready(n) FROM generate_series(20, 27) AS n \g /dev/null
CREATE FUNCTION pg_temp.moves_in(o int, n int) RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.offer(o, n) || pg_temp.answer(o, n, 'ACCEPT') || pg_temp.move(n, 'ARRIVED') $$;
SELECT is(pg_temp.moves_in(200 + n, n), 'APPLIEDAPPLIEDAPPLIED', 'one moves in') FROM generate_series(20, 24) AS n;
SELECT is(pg_temp.close(20, 'MOVED_AWAY'), 'APPLIED', 'it moves away');
SELECT is(pg_temp.held(220), 'GIVEN_BACK nothing', 'its plot is free');
SELECT is(pg_temp.close(21, 'SETTLED'), 'APPLIED', 'one settles');
SELECT is(pg_temp.held(221), 'TAKEN occupied', 'and keeps its plot');
SELECT is(pg_temp.close(21, 'REOPENED'), 'APPLIED', 'its case is opened again');
SELECT is(pg_temp.state(21), 'MOVED', 'it stands where it stood');
SELECT is(pg_temp.offer(321, 21), 'REFUSED state', 'and is offered no second plot');
SELECT is(pg_temp.affect(22) || pg_temp.assess(22) || pg_temp.prefer(22), 'APPLIEDAPPLIEDAPPLIED', 'one is struck at the new place');
SELECT is(pg_temp.offer(322, 22), 'REFUSED offer_open', 'it holds a plot');
SELECT is(pg_temp.move(22, 'RETURNED'), 'APPLIED', 'until it goes back');
SELECT is(pg_temp.state(22) || ' ' || pg_temp.held(222), 'ELIGIBLE GIVEN_BACK nothing', 'it is eligible still');
SELECT is(pg_temp.offer(322, 22), 'APPLIED', 'and is offered another');
SELECT is(pg_temp.close(23, 'SETTLED') || pg_temp.move(23, 'RETURNED'), 'APPLIEDAPPLIED', 'one goes back when its case is closed');
SELECT is(pg_temp.state(23) || ' ' || pg_temp.held(223), 'RETURNED GIVEN_BACK nothing', 'its plot is free, its case open');
SELECT is(pg_temp.tell('household_event', pg_temp.event(24, jsonb_build_object('duplicate', jsonb_build_object('duplicate_of', pg_temp.uid(25))))),
          'REFUSED offer_open', 'a record with a plot is not the one that goes');
SELECT throws_ok($$UPDATE bus.offer SET holds = 'reserved' WHERE offer_id = pg_temp.uid(222)$$, '23505', NULL, 'the table itself knows of one plot');

-- Numbers of the owner ------------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.owner(more jsonb, at timestamptz DEFAULT now(), site text DEFAULT 'nums') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.tell('plot_site', jsonb_build_object('site_id', site, 'pcode', '3508000', 'name', 'N', 'capacity_total', 6, 'hazard_checked', 'ANSWER_YES') || more,
                       at => at, who => 'land.zafarobod', pcode => '3508000') $$;
CREATE FUNCTION pg_temp.plots(states text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('plots', jsonb_agg(jsonb_build_object('plot_id', ord::text, 'area_m2', 800, 'state', 'PLOT_STATE_' || s) ORDER BY ord))
      FROM unnest(string_to_array(states, ' ')) WITH ORDINALITY AS u(s, ord) $$;
SELECT is(pg_temp.owner(pg_temp.plots('FREE FREE BLOCKED BLOCKED OCCUPIED FREE')), 'APPLIED', 'six with numbers');
SELECT is((SELECT (free, blocked, elsewhere)::text FROM eoc.site WHERE site_id = 'nums'), '(3,2,1)', 'count as they are named');
SELECT is(pg_temp.owner(pg_temp.plots('FREE FREE FREE FREE FREE FREE FREE')), 'REFUSED capacity', 'no more can be named than there are');
SELECT is(pg_temp.why(), '6 plots cannot be where 7 are named.', 'in so many words');
SELECT is(pg_temp.offer(125, 25, site => 'nums', plot => '5'), 'REFUSED plot_taken', 'one that is lived on is not offered');
SELECT is(pg_temp.why(), 'Plot 5 of site nums is not free. The offer is not there yet; legal now: OFFER (PlotOffer MAKE).', 'the text says which');
SELECT is(pg_temp.offer(125, 25, site => 'nums', plot => '1') || pg_temp.answer(125, 25, 'ACCEPT'), 'APPLIEDAPPLIED', 'the first is');
SELECT is(pg_temp.owner('{"allocated": 1, "occupied": 1, "blocked": 2}' || pg_temp.plots('ALLOCATED FREE BLOCKED BLOCKED OCCUPIED FREE')), 'APPLIED',
          'the owner says it after us');
SELECT is((SELECT (free, allocated, elsewhere)::text FROM eoc.site WHERE site_id = 'nums'), '(2,1,1)', 'it is not counted twice');
SELECT is(pg_temp.move(25, 'ARRIVED') || pg_temp.owner('{"allocated": 1, "occupied": 1, "blocked": 2}'), 'APPLIEDAPPLIED', 'nor when the family has moved in meanwhile');
SELECT is((SELECT (free, occupied, elsewhere)::text FROM eoc.site WHERE site_id = 'nums'), '(2,1,1)', 'still');
SELECT is(pg_temp.move(25, 'RETURNED') || pg_temp.offer(126, 26, site => 'nums', plot => '1'), 'APPLIEDAPPLIED', 'given back, it is free for the next');
SELECT is(pg_temp.owner(pg_temp.plots('BLOCKED FREE BLOCKED BLOCKED OCCUPIED FREE')), 'CONTESTED', 'blocked under a promise');
SELECT is(pg_temp.why(), '1 plot that messages here promised would be blocked.', 'which is one');
SELECT is(pg_temp.settle(), 'APPLIED', 'a person applies it');
SELECT is((SELECT (free, blocked, reserved)::text FROM eoc.site WHERE site_id = 'nums'), '(2,2,1)', 'the promise stands');
SELECT is(pg_temp.owner('{}', site => 'echo') || pg_temp.offer(127, 27, site => 'echo') || pg_temp.answer(127, 27, 'ACCEPT')
          || pg_temp.owner('{"allocated": 1}', site => 'echo') || pg_temp.move(27, 'ARRIVED') || pg_temp.owner('{"allocated": 1}', site => 'echo'),
          repeat('APPLIED', 6), 'without numbers: the owner says it after us, the family moves in, he says it again');
SELECT is((SELECT (free, occupied, elsewhere)::text FROM eoc.site WHERE site_id = 'echo'), '(5,1,0)', 'it is one plot');
SELECT is(pg_temp.owner('{"blocked": 1}', site => 'late', at => now() + interval '1 hour'), 'APPLIED', 'the newer word');
SELECT is(pg_temp.owner('{"blocked": 6}', site => 'late'), 'APPLIED', 'the older one, heard late');
SELECT is((SELECT blocked FROM eoc.site WHERE site_id = 'late'), 1, 'counts nothing');

-- Facts that contradict -----------------------------------------------------------------------------------
SELECT pg_temp.affect(n) FROM generate_series(30, 32) AS n \g /dev/null
SELECT is(pg_temp.tell('household_event', pg_temp.event(30, '{"to_state": "HOUSEHOLD_STATE_INELIGIBLE", "assessed": {"eligible": "ANSWER_YES", "signatories": ["a", "b"]}}')),
          'CONTESTED', 'an act that says two things');
SELECT alike(pg_temp.why(), 'The act says eligible YES and to_state INELIGIBLE.%', 'is told so');
SELECT is(pg_temp.settle(), 'APPLIED', 'a person decides');
SELECT is((SELECT state || ' ' || is_eligible FROM bus.household WHERE household_id = pg_temp.uid(30)), 'INELIGIBLE false', 'and it says one');
SELECT is(pg_temp.tell('household_event', pg_temp.event(31, '{"assessed": {"signatories": ["Azimov", " AZIMOV "]}}')), 'CONTESTED', 'one who signs twice is one');
SELECT is(pg_temp.close(31, 'OTHER') || pg_temp.bread(903, 31, 3), 'APPLIEDCONTESTED', 'bread to a closed case');
SELECT is(pg_temp.settle(), 'APPLIED', 'is bread');
SELECT is(pg_temp.state(31) || ' ' || (SELECT sum(ration_days) FROM bus.delivery WHERE household_id = pg_temp.uid(31)), 'CLOSED 3', 'and the case stays closed');
SELECT is(pg_temp.close(31, 'REOPENED'), 'APPLIED', 'which was a mistake');
SELECT is(pg_temp.state(31), 'AFFECTED', 'it stands where it stood');
SELECT is(pg_temp.tell('household_event', pg_temp.event(32, jsonb_build_object('duplicate', jsonb_build_object('duplicate_of', pg_temp.uid(31))))) || pg_temp.affect(32),
          'APPLIEDCONTESTED', 'a duplicate is struck');
SELECT is(pg_temp.settle(), 'APPLIED', 'it can be applied');
SELECT is((SELECT state || ' ' || harms FROM bus.household WHERE household_id = pg_temp.uid(32)), 'DUPLICATE 2', 'and is kept');
SELECT is(pg_temp.tell('household_event', pg_temp.event(31, jsonb_build_object('duplicate', jsonb_build_object('duplicate_of', pg_temp.uid(32))))), 'REFUSED duplicate_of', 'x');
SELECT unalike(pg_temp.why(), '%0000-7000%', 'no record is told of another');

-- Every open state has a way on, and every fact one that a person can apply -----------------------------------
SELECT is_empty($$SELECT s.cycle, s.state FROM bus.cycle_state s WHERE s.is_open AND s.cycle IN ('household', 'offer')
                     AND bus.legal_next(s.cycle, s.state) = 'nothing'$$, 'something is legal in every open state');
SELECT is_empty($$SELECT s.state, e.event FROM bus.cycle_state s JOIN bus.cycle_event e USING (cycle)
                   WHERE s.cycle = 'household' AND e.nature = 'fact' AND (bus.decide(s.cycle, s.state, e.event, '{}', true)).verdict <> 1$$,
                'every fact can be applied in every state');
SELECT is_empty($$SELECT cycle, event, forced_to FROM bus.cycle_event e WHERE forced_to <> ''
                     AND NOT EXISTS (SELECT FROM bus.cycle_state s WHERE s.cycle = e.cycle AND s.state = e.forced_to)$$, 'where they lead is a state');

SELECT * FROM finish();
ROLLBACK;
