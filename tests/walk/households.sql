-- households: what offices say of families, plots and bread, at random, and what must be so of them.
INSERT INTO walk.part VALUES ('households', 92), ('sites', 3), ('decision', 5);

-- So few families and plots that they get into each other's way.
CREATE FUNCTION walk.families() RETURNS int4 LANGUAGE sql IMMUTABLE AS $$ SELECT 500 $$;
CREATE SEQUENCE walk.offers;
CREATE SEQUENCE walk.entitlements;

-- What would come next, mostly; else anything.
CREATE FUNCTION walk.next_of(state text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE
        WHEN state IS NULL THEN CASE WHEN walk.chance(80) THEN 'affected' ELSE walk.one_of('assessed', 'deliver', 'MAKE', 'DEPARTED') END
        WHEN walk.chance(25) THEN walk.one_of('affected', 'assessed', 'eligible', 'ineligible', 'preferences', 'appeal', 'entitle', 'void',
                                              'deliver', 'MAKE', 'IMPROVE', 'REVOKE', 'EXPIRE', 'ACCEPT', 'DECLINE', 'CHANGE_OF_MIND',
                                              'DEPARTED', 'ARRIVED', 'RETURNED', 'follow_up', 'gone', 'close', 'leave', 'wish', 'reopen', 'duplicate')
        WHEN state IN ('AFFECTED', 'ASSESSED', 'ASSISTED') THEN walk.one_of('assessed', 'eligible', 'preferences', 'deliver')
        WHEN state = 'ELIGIBLE' THEN 'MAKE'
        WHEN state = 'INELIGIBLE' THEN walk.one_of('appeal', 'eligible')
        WHEN state = 'OFFERED' THEN walk.one_of('ACCEPT', 'ACCEPT', 'DECLINE', 'IMPROVE')
        WHEN state = 'DECLINED' THEN walk.one_of('MAKE', 'IMPROVE', 'preferences')
        WHEN state = 'ACCEPTED' THEN walk.one_of('DEPARTED', 'ARRIVED', 'CHANGE_OF_MIND', 'affected')
        WHEN state = 'MOVING' THEN walk.one_of('ARRIVED', 'ARRIVED', 'RETURNED')
        WHEN state = 'MOVED' THEN walk.one_of('follow_up', 'RETURNED', 'affected', 'leave')
        WHEN state = 'SETTLED' THEN walk.one_of('close', 'leave', 'RETURNED', 'gone')
        WHEN state = 'RETURNED' THEN walk.one_of('reopen', 'affected', 'close')
        ELSE walk.one_of('reopen', 'affected', 'RETURNED') END;
END
$$;

-- The offer that it has; sometimes an older one, or one that nobody has made yet.
CREATE FUNCTION walk.offer_of(h bus.household) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    last int8 := (SELECT last_value FROM walk.offers);
BEGIN
    RETURN CASE WHEN h.offer_id IS NOT NULL AND walk.chance(93) THEN h.offer_id
                ELSE walk.id('offer', greatest(last + walk.below(6) - 3, 1)) END;
END
$$;

CREATE FUNCTION walk.site() RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT walk.one_of('canal.1', 'canal.2', 'canal.3', 'steppe.1', 'steppe.2', 'steppe.3', 'garden.1', 'garden.2') $$;

CREATE FUNCTION walk.say_households() RETURNS walk.word LANGUAGE plpgsql AS $$
DECLARE
    number int4 := walk.below(walk.families());
    id uuid := walk.id('household', number);
    h bus.household;
    act text;
    w walk.word;
BEGIN
    SELECT * INTO h FROM bus.household x WHERE x.household_id = id;
    act := walk.next_of(h.state);
    w.status := CASE WHEN walk.chance(1) THEN 3 - (1 + (number % 10 = 0)::int4) ELSE 1 + (number % 10 = 0)::int4 END;
    w.kind := CASE WHEN act = 'void' THEN 'CANCEL' ELSE 'REPORT' END;
    w.office := CASE WHEN walk.chance(94) THEN 'coes.ayni.registry'
                     ELSE walk.one_of('coes.zafarobod.registry', 'mercy.ayni', 'coes.kulob.office', 'eoc.duty') END;
    w.event_at := walk.now() - walk.below(48) * interval '1 hour';
    IF act IN ('MAKE', 'IMPROVE', 'REVOKE', 'EXPIRE') THEN
        w.type := 'plot_offer';
        w.body := jsonb_build_object('action', 'OFFER_ACTION_' || act, 'actor', w.office,
            'offer_id', CASE WHEN act = 'MAKE' AND walk.chance(97) THEN walk.id('offer', nextval('walk.offers')) ELSE walk.offer_of(h) END,
            'valid_until_us', bus.us(walk.now() + (walk.below(400) - 10) * interval '1 hour')::text);
        w.body := w.body || (SELECT jsonb_build_object('site_id', o.site_id) FROM bus.offer o
                              WHERE o.offer_id = (w.body->>'offer_id')::uuid AND act <> 'MAKE'
                              UNION ALL SELECT jsonb_build_object('site_id', walk.site()) LIMIT 1);
        IF act = 'MAKE' AND w.body->>'site_id' LIKE 'garden%' AND walk.chance(80) THEN
            w.body := w.body || jsonb_build_object('plot_id', (1 + walk.below(9))::text);
        END IF;
    ELSIF act IN ('ACCEPT', 'DECLINE', 'CHANGE_OF_MIND') THEN
        w.type := 'offer_response';
        w.body := jsonb_build_object('answer', 'OFFER_ANSWER_' || act, 'offer_id', walk.offer_of(h), 'taken_by', w.office,
                                     'reasons', '["OFFER_DECLINE_REASON_DEBT"]'::jsonb);
    ELSIF act IN ('DEPARTED', 'ARRIVED', 'RETURNED') THEN
        w.type := 'move_event';
        w.body := jsonb_strip_nulls(jsonb_build_object('kind', 'MOVE_KIND_' || act, 'actor', w.office,
                                                       'offer_id', CASE WHEN walk.chance(30) THEN walk.offer_of(h) END));
    ELSIF act IN ('entitle', 'void') THEN
        w.type := 'assistance_entitlement';
        w.body := jsonb_build_object('item', 'ASSISTANCE_ITEM_RATION', 'ration_days', 7 + walk.below(10), 'provider', 'rcst', 'entitlement_id',
            walk.id('entitlement', CASE WHEN walk.chance(80) THEN nextval('walk.entitlements')
                                        ELSE greatest((SELECT last_value FROM walk.entitlements) - walk.below(9), 1) END));
    ELSIF act = 'deliver' THEN
        w.type := 'assistance_delivery';
        w.body := jsonb_strip_nulls(jsonb_build_object('item', 'ASSISTANCE_ITEM_RATION', 'ration_days', 1 + walk.below(9), 'distributor', w.office,
            'entitlement_id', CASE WHEN walk.chance(40) THEN coalesce(
                (SELECT e.entitlement_id FROM bus.entitlement e WHERE e.household_id = id ORDER BY e.seq DESC LIMIT 1),
                walk.id('entitlement', (SELECT last_value FROM walk.entitlements) + 1)) END));
    ELSE
        w.type := 'household_event';
        w.body := jsonb_strip_nulls(jsonb_build_object('actor', w.office, 'from_state', 'HOUSEHOLD_STATE_' || CASE WHEN walk.chance(5)
            THEN walk.one_of('ASSISTED', 'ELIGIBLE', 'MOVED') WHEN walk.chance(50) THEN h.state END)) || CASE
            WHEN act = 'affected' THEN jsonb_build_object('affected', jsonb_build_object('members', 1 + number % 9))
            WHEN act IN ('assessed', 'eligible', 'ineligible') THEN jsonb_build_object(
                'to_state', 'HOUSEHOLD_STATE_' || upper(act), 'assessed', jsonb_build_object(
                    'eligible', CASE act WHEN 'ineligible' THEN 'ANSWER_NO' WHEN 'eligible' THEN 'ANSWER_YES'
                                         ELSE walk.one_of('ANSWER_YES', 'ANSWER_YES', 'ANSWER_NO') END,
                    'signatories', CASE WHEN walk.chance(95) THEN '["a", "b"]'::jsonb ELSE '["a", "A "]' END))
            WHEN act = 'preferences' THEN '{"preferences": {"movers": 5}}'
            WHEN act = 'appeal' THEN '{"request": {"kind": "HOUSEHOLD_REQUEST_KIND_APPEAL", "outcome": "REQUEST_OUTCOME_GRANTED"}}'
            WHEN act IN ('follow_up', 'gone') THEN jsonb_build_object('follow_up', jsonb_build_object(
                'still_there', CASE act WHEN 'gone' THEN 'ANSWER_NO' ELSE 'ANSWER_YES' END))
            WHEN act = 'duplicate' THEN jsonb_build_object('duplicate', jsonb_build_object(
                'duplicate_of', walk.id('household', (number + 10 * walk.below(3)) % walk.families())))
            ELSE jsonb_build_object('closed', jsonb_build_object('reason', 'CLOSING_REASON_' || CASE act
                WHEN 'wish' THEN 'WISH' WHEN 'reopen' THEN 'REOPENED' WHEN 'leave' THEN walk.one_of('MOVED_AWAY', 'HOUSE_REPAIRED')
                ELSE walk.one_of('SETTLED', 'OTHER') END)) END;
    END IF;
    w.body := w.body || jsonb_build_object('household_id', CASE WHEN walk.chance(99) THEN id
                                                                ELSE walk.id('household', walk.below(walk.families())) END);
    RETURN w;
END
$$;

-- Owners of land count as owners do: with our plots or without, late, and sometimes wrong.
CREATE FUNCTION walk.say_sites() RETURNS walk.word LANGUAGE plpgsql AS $$
DECLARE
    site_name text := walk.site();
    s bus.site;
    w walk.word;
    with_ours int4 := walk.chance(60)::int4;
BEGIN
    w.office := CASE WHEN walk.chance(90) THEN 'coes.zafarobod.registry' ELSE walk.one_of('mercy.ayni', 'eoc.duty', 'coes.kulob.office') END;
    w.type := 'plot_site';
    w.kind := 'REPORT';
    w.status := 1 + walk.chance(15)::int4;
    w.event_at := walk.now() - CASE WHEN walk.chance(20) THEN walk.below(200) ELSE 0 END * interval '1 hour';
    SELECT * INTO s FROM bus.site x WHERE x.site_id = site_name AND x.status = w.status;
    w.body := jsonb_build_object('site_id', site_name, 'pcode', '3505217', 'name', site_name,
        'capacity_total', CASE WHEN site_name LIKE 'garden%' THEN 9 + walk.below(3) ELSE 20 + walk.below(20) END,
        'hazard_checked', CASE WHEN walk.chance(97) THEN 'ANSWER_YES' ELSE 'ANSWER_NO' END,
        'blocked', walk.below(4), 'reserved', coalesce(s.reserved, 0) * with_ours + walk.chance(10)::int4,
        'allocated', coalesce(s.allocated, 0) * with_ours + walk.below(2),
        'occupied', coalesce(s.occupied, 0) * with_ours + walk.below(3));
    IF site_name LIKE 'garden%' THEN
        w.body := w.body || jsonb_build_object('plots', (SELECT jsonb_agg(jsonb_build_object('plot_id', n::text, 'area_m2', 800, 'state', 'PLOT_STATE_'
                || walk.one_of('FREE', 'FREE', 'FREE', 'FREE', 'FREE', 'FREE', 'RESERVED', 'ALLOCATED', 'OCCUPIED', 'BLOCKED')))
            FROM generate_series(1, 9) AS n));
    END IF;
    RETURN w;
END
$$;

CREATE FUNCTION walk.wrong_households(after_step int8) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT format('site %s: %s + %s + %s + %s + %s > %s', s.site_id, s.reserved, s.allocated, s.occupied, s.blocked, s.elsewhere, s.capacity)
      FROM bus.site s
     WHERE s.reserved + s.allocated + s.occupied + s.blocked + s.elsewhere > s.capacity
        OR least(s.reserved, s.allocated, s.occupied, s.blocked, s.elsewhere) < 0;
    RETURN QUERY SELECT format('site %s counts %s, %s, %s and offers hold %s, %s, %s', s.site_id, s.reserved, s.allocated, s.occupied, o.r, o.a, o.o)
      FROM bus.site s CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE x.holds = 'reserved') AS r, count(*) FILTER (WHERE x.holds = 'allocated') AS a,
                  count(*) FILTER (WHERE x.holds = 'occupied') AS o
             FROM bus.offer x WHERE (x.site_id, x.status) = (s.site_id, s.status) AND x.holds IS NOT NULL) AS o
     WHERE (s.reserved, s.allocated, s.occupied) <> (o.r, o.a, o.o);
    RETURN QUERY SELECT format('household %s holds %s plots', o.household_id, count(*))
      FROM bus.offer o WHERE o.holds IS NOT NULL GROUP BY o.household_id HAVING count(*) > 1;
    RETURN QUERY SELECT format('plot %s of %s is held %s times', o.plot_id, o.site_id, count(*))
      FROM bus.offer o WHERE o.holds IS NOT NULL AND o.plot_id <> '' GROUP BY o.site_id, o.status, o.plot_id HAVING count(*) > 1;
    -- What a household is, and what its newest offer is.
    RETURN QUERY SELECT format('household %s is %s and its offer %s %s', h.household_id, h.state, o.offer_id, o.state)
      FROM bus.household h LEFT JOIN bus.offer o ON o.offer_id = h.offer_id
     WHERE NOT coalesce(CASE
           WHEN h.state = 'OFFERED' THEN o.state = 'OPEN'
           WHEN h.state = 'ACCEPTED' THEN o.state = 'ACCEPTED'
           WHEN h.state = 'DECLINED' THEN o.state IN ('DECLINED', 'REVOKED')
           WHEN h.state IN ('MOVING', 'MOVED', 'SETTLED') THEN o.state IS NULL OR o.state NOT IN ('OPEN', 'ACCEPTED')
           WHEN h.state = 'RETURNED' THEN o.holds IS NULL
           WHEN h.state = 'DUPLICATE' THEN o.holds IS NULL
           ELSE o.holds IS NULL OR o.holds = 'occupied' END, false);
    RETURN QUERY SELECT format('offer %s holds a plot of household %s, which has another', o.offer_id, o.household_id)
      FROM bus.offer o JOIN bus.household h USING (household_id) WHERE o.holds IS NOT NULL AND h.offer_id <> o.offer_id;
    RETURN QUERY SELECT format('offer %s is %s and holds %s', o.offer_id, o.state, o.holds)
      FROM bus.offer o WHERE o.offer_id IN (SELECT m.entity FROM bus.moved m WHERE m.cycle = 'offer' AND m.step > after_step)
       AND o.holds IS DISTINCT FROM bus.holds_of(o.state);
    RETURN QUERY SELECT format('household %s is %s and nothing is legal', h.household_id, h.state)
      FROM (SELECT DISTINCT ON (x.state) x.* FROM bus.household x OFFSET 0) AS h JOIN bus.cycle_state s ON s.cycle = 'household' AND s.state = h.state
     WHERE s.is_open AND bus.legal_next('household', h.state) = 'nothing';
    RETURN QUERY SELECT format('%s %s is %s and its history ends in %s', m.cycle, m.entity, coalesce(h.state, o.state), m.to_state)
      FROM (SELECT DISTINCT ON (x.cycle, x.entity) x.* FROM bus.moved x WHERE x.cycle IN ('household', 'offer') AND x.step > after_step
             ORDER BY x.cycle, x.entity, x.step DESC) AS m
      LEFT JOIN bus.household h ON m.cycle = 'household' AND h.household_id = m.entity
      LEFT JOIN bus.offer o ON m.cycle = 'offer' AND o.offer_id = m.entity
     WHERE m.to_state IS DISTINCT FROM coalesce(h.state, o.state);
    RETURN QUERY SELECT format('household %s is fed until %s, by its deliveries %s', h.household_id, h.fed_until, bus.fed_until(h.household_id))
      FROM bus.household h WHERE h.household_id IN (SELECT m.entity FROM bus.moved m WHERE m.cycle = 'household' AND m.event = 'DELIVER' AND m.step > after_step)
       AND h.fed_until IS DISTINCT FROM bus.fed_until(h.household_id);
    RETURN QUERY SELECT format('offer %s of what is real is open and no clock runs', o.offer_id)
      FROM bus.offer o WHERE o.status = 1 AND o.holds IN ('reserved', 'allocated') AND o.valid_until > walk.now()
       AND NOT EXISTS (SELECT FROM bus.timer t WHERE t.kind = 'offer' AND t.subject = o.offer_id);
END
$$;

CREATE FUNCTION walk.table_households() RETURNS TABLE (name text, digest text) LANGUAGE sql AS $$
    SELECT 'household', md5(string_agg(x::text, ' ' ORDER BY x.household_id)) FROM bus.household x
    UNION ALL SELECT 'offer', md5(string_agg(x::text, ' ' ORDER BY x.offer_id)) FROM bus.offer x
    UNION ALL SELECT 'site', md5(string_agg(x::text, ' ' ORDER BY x.site_id, x.status)) FROM bus.site x
    UNION ALL SELECT 'plot', md5(string_agg(x::text, ' ' ORDER BY x.site_id, x.status, x.plot_id)) FROM bus.plot x
    UNION ALL SELECT 'entitlement', md5(string_agg(x::text, ' ' ORDER BY x.entitlement_id)) FROM bus.entitlement x
    UNION ALL SELECT 'delivery', md5(string_agg(x::text, ' ' ORDER BY x.seq)) FROM bus.delivery x
$$;
