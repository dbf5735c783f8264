-- ledger_offer: sites, plots, and who is promised which. Judges PlotSite, PlotOffer and OfferResponse. An offer
-- moves in two life cycles at once, its own and its household's, and is APPLIED only if both let it. A plot is
-- counted at its site as reserved, allocated or occupied (bus.offer.holds), in the transaction of the message.

-- Sites have names; what waits for one waits for this id.
CREATE FUNCTION bus.site_uuid(site_id text, status int2) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT md5('site ' || status || ' ' || site_id)::uuid $$;

CREATE FUNCTION bus.judge_offer(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN CASE WHEN m.type = 224 THEN bus.judge_site(m) ELSE bus.judge_plot_offer(m) END;
END
$$;

-- Sites --------------------------------------------------------------------------------------------

-- What the owner of the land says. Never less than what is promised and lived on.
CREATE FUNCTION bus.judge_site(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    site_name text := m.body->>'site_id';
    total int4 := (m.body->>'capacity_total')::int4;
    shut int4 := coalesce((m.body->>'blocked')::int4, 0);
    given int4;
    s bus.site;
    ours int4;
BEGIN
    SELECT * INTO s FROM bus.site x WHERE x.site_id = site_name AND x.status = m.status;
    ours := coalesce(s.reserved + s.allocated + s.occupied, 0);
    given := bus.given_elsewhere(m, s);
    IF given::int8 + ours + shut > total THEN
        RETURN bus.site_too_small(m, s, format(
            '%s plots are not enough: %s are promised or lived on by messages here, %s are given elsewhere, %s are blocked.',
            total, ours, given, shut));
    END IF;
    INSERT INTO bus.site AS x (site_id, status, seq, declared_at, sender_id, capacity, blocked, elsewhere, is_safe, places, name)
    VALUES (site_name, m.status, m.seq, m.event_at, m.sender_id, total, shut, given,
            m.body->>'hazard_checked' = 'ANSWER_YES', coalesce(m.body->>'pcode', m.places[1], ''), coalesce(m.body->>'name', site_name))
        ON CONFLICT ON CONSTRAINT site_pkey DO UPDATE
       SET seq = excluded.seq, declared_at = excluded.declared_at, sender_id = excluded.sender_id,
           capacity = excluded.capacity, blocked = excluded.blocked, elsewhere = excluded.elsewhere,
           is_safe = excluded.is_safe, places = excluded.places, name = excluded.name;
    INSERT INTO bus.plot (site_id, status, plot_id, area_m2, said_state)
    -- One that stands twice in a message counts as it stands there last.
    SELECT DISTINCT ON (p->>'plot_id') site_name, m.status, p->>'plot_id', (p->>'area_m2')::int4,
           eoc.word(p->>'state', 'PLOT_STATE_')
      FROM jsonb_array_elements(coalesce(m.body->'plots', '[]')) WITH ORDINALITY AS x(p, n)
     ORDER BY p->>'plot_id', n DESC
        ON CONFLICT ON CONSTRAINT plot_pkey DO UPDATE SET area_m2 = excluded.area_m2, said_state = excluded.said_state;
    PERFORM bus.wake(bus.site_uuid(site_name, m.status));
    RETURN bus.apply();
END
$$;

-- Plots that the owner gave away without this log. His numbers may hold ours or not: kind by kind what is more than
-- ours is his, and what was his stays so as long as his numbers hold it.
CREATE FUNCTION bus.given_elsewhere(m bus.said, s bus.site) RETURNS int4
LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(greatest(x.reserved - coalesce(s.reserved, 0), 0) + greatest(x.allocated - coalesce(s.allocated, 0), 0)
                        + greatest(x.occupied - coalesce(s.occupied, 0), 0),
                    least(coalesce(s.elsewhere, 0), x.reserved + x.allocated + x.occupied))
      FROM (SELECT coalesce((m.body->>'reserved')::int4, 0) AS reserved, coalesce((m.body->>'allocated')::int4, 0) AS allocated,
                   coalesce((m.body->>'occupied')::int4, 0) AS occupied) AS x
$$;

-- An owner cannot take back what is promised; but that the place is not safe, or plots are lost, is a fact: nothing
-- more is offered there, and a person sees to those who hold a promise.
CREATE FUNCTION bus.site_too_small(m bus.said, s bus.site, text text) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_bad bool := m.body->>'hazard_checked' = 'ANSWER_NO';
    shut int4 := coalesce((m.body->>'blocked')::int4, 0);
BEGIN
    IF s.site_id IS NULL OR NOT (coalesce(is_bad, false) OR shut > s.blocked) THEN
        RETURN bus.refuse('capacity', 'plot_site.capacity_total', text);
    END IF;
    UPDATE bus.site x
       SET is_safe = x.is_safe AND NOT coalesce(is_bad, false),
           blocked = greatest(x.blocked, least(shut, x.capacity - x.elsewhere - x.reserved - x.allocated - x.occupied))
     WHERE x.site_id = s.site_id AND x.status = s.status;
    RETURN bus.contest(bus.site_uuid(s.site_id, s.status), 'capacity', 'plot_site.capacity_total', text);
END
$$;

-- Offers and answers -------------------------------------------------------------------------------

CREATE FUNCTION bus.offer_event_of(m bus.said) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE m.type
           WHEN 225 THEN CASE m.body->>'action' WHEN 'OFFER_ACTION_MAKE' THEN 'OFFER' WHEN 'OFFER_ACTION_IMPROVE' THEN 'IMPROVE'
                                                WHEN 'OFFER_ACTION_REVOKE' THEN 'REVOKE' WHEN 'OFFER_ACTION_EXPIRE' THEN 'EXPIRE' END
           ELSE CASE m.body->>'answer' WHEN 'OFFER_ANSWER_ACCEPT' THEN 'ACCEPT' WHEN 'OFFER_ANSWER_DECLINE' THEN 'DECLINE'
                                       WHEN 'OFFER_ANSWER_CHANGE_OF_MIND' THEN 'CHANGE_OF_MIND' END END
$$;

CREATE FUNCTION bus.judge_plot_offer(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event text := bus.offer_event_of(m);
    path text := CASE m.type WHEN 225 THEN 'plot_offer' ELSE 'offer_response' END;
    h bus.household;
    o bus.offer;
    s bus.site;
    d bus.decision;
    moved_to text;
    j bus.judgement;
BEGIN
    SELECT * INTO h FROM bus.household x WHERE x.household_id = (m.body->>'household_id')::uuid;
    SELECT * INTO o FROM bus.offer x WHERE x.offer_id = (m.body->>'offer_id')::uuid;
    SELECT * INTO s FROM bus.site x WHERE x.site_id = coalesce(o.site_id, m.body->>'site_id') AND x.status = m.status;
    j := bus.offer_waits(m, path, event, h, o, s);
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    END IF;
    d := bus.decide('household', h.state, event, bus.household_offer_fails(m, h, o), m.forced);
    IF d.verdict <> 1 THEN
        RETURN bus.judgement_of(d, path || '.household_id', h.household_id);
    END IF;
    moved_to := d.to_state;
    d := bus.decide('offer', coalesce(o.state, ''), event, bus.offer_fails(m, o, s), m.forced);
    IF d.verdict <> 1 THEN
        RETURN bus.judgement_of(d, path || '.offer_id', o.offer_id);
    ELSIF o.holds IS NULL AND bus.holds_of(d.to_state) IS NOT NULL
       AND (bus.site_free(s) < 1 OR bus.plot_fails(coalesce(o.plot_id, m.body->>'plot_id', ''), s) ? 'plot_free') THEN
        -- Not even a person who forces it makes more plots than there are.
        RETURN bus.contest(o.offer_id, 'site_full', path || '.offer_id', bus.site_full_text(s));
    END IF;
    PERFORM bus.offer_apply(m, h, o, event, d.to_state);
    PERFORM bus.household_move(m, h.household_id, event, moved_to);
    PERFORM bus.note_move(m, 'household', h.household_id, 0, event, h.state, moved_to);
    PERFORM bus.wake(h.household_id);
    RETURN bus.apply();
END
$$;

-- What has to be there first, and whether all of it is about the same.
CREATE FUNCTION bus.offer_waits(m bus.said, path text, event text, h bus.household, o bus.offer, s bus.site)
RETURNS bus.judgement LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    j bus.judgement;
BEGIN
    IF h.household_id IS NULL THEN
        RETURN bus.hold((m.body->>'household_id')::uuid, 'household_unknown', path || '.household_id',
                        format('Household %s was not listed here yet; it begins with a HouseholdEvent affected.',
                               m.body->>'household_id'));
    ELSIF o.offer_id IS NULL AND event <> 'OFFER' THEN
        RETURN bus.hold((m.body->>'offer_id')::uuid, 'offer_unknown', path || '.offer_id',
                        format('Offer %s has not come yet; it begins with a PlotOffer MAKE.', m.body->>'offer_id'));
    ELSIF o.household_id <> h.household_id THEN
        RETURN bus.refuse('household', path || '.household_id', 'The offer was made to another household.');
    ELSIF m.type = 225 AND (m.body->>'site_id' <> o.site_id OR coalesce(m.body->>'plot_id', o.plot_id) <> o.plot_id) THEN
        RETURN bus.refuse('plot', path || '.plot_id',
                          format('The offer is of site %s%s; another plot is another offer.', o.site_id,
                                 CASE WHEN o.plot_id <> '' THEN ', plot ' || o.plot_id ELSE '' END));
    END IF;
    j := bus.mixed_status(m, h.status, 'household');
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    ELSIF s.site_id IS NULL THEN
        RETURN bus.hold(bus.site_uuid(m.body->>'site_id', m.status), 'site_unknown', path || '.site_id',
                        format('Nobody has said yet how many plots site %s has; that is a PlotSite.', m.body->>'site_id'));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION bus.site_free(s bus.site) RETURNS int4 LANGUAGE sql IMMUTABLE AS
$$ SELECT s.capacity - s.blocked - s.elsewhere - s.reserved - s.allocated - s.occupied $$;

-- Guards of the offer's cycle that are not met.
CREATE FUNCTION bus.offer_fails(m bus.said, o bus.offer, s bus.site) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    until timestamptz := eoc.at(m.body->>'valid_until_us');
    now_at timestamptz := bus.now_of(m);
    said text := to_char(coalesce(o.valid_until, until) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"');
BEGIN
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'to_come', CASE WHEN until <= now_at THEN 'An offer is valid until a time that is still to come.' END,
        'in_time', CASE WHEN o.valid_until <= now_at THEN format('The offer was valid until %s.', said) END,
        'over', CASE WHEN o.valid_until > now_at THEN format('The offer is valid until %s.', said) END,
        'site_safe', CASE WHEN s.is_safe IS NOT TRUE
                          THEN format('Site %s was not looked at for mudflow, flood and landslide (PlotSite hazard_checked).', s.site_id) END,
        'site_room', CASE WHEN bus.site_free(s) < 1 THEN bus.site_full_text(s) END)
        || bus.plot_fails(coalesce(o.plot_id, m.body->>'plot_id', ''), s));
END
$$;
CREATE FUNCTION bus.site_full_text(s bus.site) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('None of the %s plots of site %s is free: %s are offered, %s accepted, %s lived on, %s given elsewhere, %s blocked.',
                  s.capacity, s.site_id, s.reserved, s.allocated, s.occupied, s.elsewhere, s.blocked)
$$;
CREATE FUNCTION bus.plot_fails(wanted text, s bus.site) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p bus.plot;
    held_by bus.offer;
BEGIN
    IF wanted = '' THEN
        RETURN '{}';
    END IF;
    SELECT * INTO p FROM bus.plot x WHERE (x.site_id, x.status, x.plot_id) = (s.site_id, s.status, wanted);
    SELECT * INTO held_by FROM bus.offer x
     WHERE (x.site_id, x.status, x.plot_id) = (s.site_id, s.status, wanted) AND x.holds IS NOT NULL;
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'plot_known', CASE WHEN p.plot_id IS NULL AND EXISTS (SELECT FROM bus.plot x
                                                              WHERE (x.site_id, x.status) = (s.site_id, s.status))
                           THEN format('Site %s has no plot %s.', s.site_id, wanted) END,
        'plot_free', CASE WHEN held_by.offer_id IS NOT NULL
                          THEN format('Plot %s of site %s is %s by offer %s.', wanted, s.site_id, held_by.holds, held_by.offer_id)
                          WHEN p.said_state IN ('OCCUPIED', 'BLOCKED', 'ALLOCATED')
                          THEN format('The owner of the land says that plot %s of site %s is %s.', wanted, s.site_id, p.said_state) END));
END
$$;

-- Guards of the household's cycle that are not met.
CREATE FUNCTION bus.household_offer_fails(m bus.said, h bus.household, o bus.offer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN bus.household_fails(m, h, '') || jsonb_strip_nulls(jsonb_build_object(
        'this_offer', CASE WHEN o.offer_id IS NULL OR h.offer_id IS DISTINCT FROM o.offer_id
                           THEN format('Its offer is %s.', coalesce(h.offer_id::text, 'none')) END));
END
$$;

-- Which kind of hold a state of an offer is; null: none.
CREATE FUNCTION bus.holds_of(state text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE state WHEN 'OPEN' THEN 'reserved' WHEN 'ACCEPTED' THEN 'allocated' WHEN 'TAKEN' THEN 'occupied' END $$;

-- The one place that counts plots: exactly once each, because an offer holds at most one.
CREATE FUNCTION bus.hold_plot(at_site text, of_status int2, was text, is_now text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE bus.site s
       SET reserved = reserved + (is_now IS NOT DISTINCT FROM 'reserved')::int4 - (was IS NOT DISTINCT FROM 'reserved')::int4,
           allocated = allocated + (is_now IS NOT DISTINCT FROM 'allocated')::int4 - (was IS NOT DISTINCT FROM 'allocated')::int4,
           occupied = occupied + (is_now IS NOT DISTINCT FROM 'occupied')::int4 - (was IS NOT DISTINCT FROM 'occupied')::int4
     WHERE s.site_id = at_site AND s.status = of_status AND was IS DISTINCT FROM is_now
$$;

CREATE FUNCTION bus.offer_apply(m bus.said, h bus.household, o bus.offer, event text, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid := (m.body->>'offer_id')::uuid;
BEGIN
    IF event = 'OFFER' THEN
        PERFORM bus.offer_follows(m, h.offer_id, 'LAPSE'); -- a declined one is over with the next
        INSERT INTO bus.offer (offer_id, household_id, seq, made_seq, made_at, since, valid_until, sender_id, area_m2, status,
                               state, site_id, plot_id, places, site_places)
        SELECT id, h.household_id, m.seq, m.seq, m.event_at, m.event_at, eoc.at(m.body->>'valid_until_us'), m.sender_id,
               (m.body->>'area_m2')::int4, m.status, to_state, s.site_id, coalesce(m.body->>'plot_id', ''), h.places, s.places
          FROM bus.site s WHERE s.site_id = m.body->>'site_id' AND s.status = m.status;
        UPDATE bus.household x SET offer_id = id WHERE x.household_id = h.household_id;
    ELSIF event = 'IMPROVE' THEN
        UPDATE bus.offer x SET valid_until = eoc.at(m.body->>'valid_until_us'), times = x.times + 1 WHERE x.offer_id = id;
        UPDATE bus.household x SET offer_id = id WHERE x.household_id = h.household_id;
    ELSIF event IN ('DECLINE', 'CHANGE_OF_MIND') THEN
        UPDATE bus.offer x SET reasons = eoc.words(m.body->'reasons', 'OFFER_DECLINE_REASON_') WHERE x.offer_id = id;
    END IF;
    PERFORM bus.offer_state(m, id, event, to_state);
END
$$;

-- Moves an offer: its hold, its timer, its history.
CREATE FUNCTION bus.offer_state(m bus.said, id uuid, event text, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o bus.offer;
    holds_now text := bus.holds_of(to_state);
BEGIN
    SELECT * INTO o FROM bus.offer x WHERE x.offer_id = id;
    PERFORM bus.hold_plot(o.site_id, o.status, o.holds, holds_now);
    UPDATE bus.offer x SET state = to_state, holds = holds_now, seq = m.seq, since = m.event_at WHERE x.offer_id = id;
    IF to_state IN ('OPEN', 'ACCEPTED') AND o.status = 1 THEN
        PERFORM bus.set_timer('offer', id, o.valid_until);
    ELSE
        PERFORM bus.stop_timer('offer', id);
    END IF;
    PERFORM bus.note_move(m, 'offer', id, 0, event, CASE event WHEN 'OFFER' THEN '' ELSE o.state END, to_state);
    PERFORM bus.wake(id);
END
$$;

-- The household moved, or its case ended: its offer goes with it, if there is a rule for that. One that holds no
-- plot any more is not brought back to life by it, and nobody is put on a plot that another one holds.
CREATE FUNCTION bus.offer_follows(m bus.said, id uuid, event text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o bus.offer;
    d bus.decision;
BEGIN
    SELECT * INTO o FROM bus.offer x WHERE x.offer_id = id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    d := bus.decide('offer', o.state, event);
    IF d.verdict = 1 THEN
        PERFORM bus.offer_state(m, id, event, d.to_state);
    END IF;
END
$$;

-- valid_until is over: the bus says so, once, and the judge frees the plot.
CREATE FUNCTION bus.ring_offer(t bus.timer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o bus.offer;
    why text := 'valid_until is over';
BEGIN
    SELECT * INTO o FROM bus.offer x WHERE x.offer_id = t.subject;
    IF o.state IS NULL OR o.state NOT IN ('OPEN', 'ACCEPTED') THEN
        RETURN;
    END IF;
    PERFORM bus.say_later(
        3::int2, o.status, 2, 225::int2, (SELECT p.name FROM bus.principal p WHERE p.principal_id = o.sender_id AND p.principal_id > 0), NULL,
        bus.pb_bytes(1, uuid_send(o.offer_id)) || bus.pb_bytes(2, uuid_send(o.household_id)) || bus.pb_number(3, 4)
            || bus.pb_text(4, o.site_id) || bus.pb_text(5, o.plot_id) || bus.pb_number(9, bus.us(o.valid_until))
            || bus.pb_text(10, 'bus') || bus.pb_text(11, why),
        jsonb_build_object('plot_offer', jsonb_strip_nulls(jsonb_build_object(
            'offer_id', o.offer_id, 'household_id', o.household_id, 'action', 'OFFER_ACTION_EXPIRE', 'site_id', o.site_id,
            'plot_id', nullif(o.plot_id, ''), 'valid_until_us', bus.us(o.valid_until)::text, 'actor', 'bus', 'authority', why))),
        4, clock_timestamp(), o.places);
END
$$;

-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_offer() RETURNS void LANGUAGE sql AS
$$ DELETE FROM bus.offer; DELETE FROM bus.plot; DELETE FROM bus.site $$;
