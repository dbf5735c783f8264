-- ledger_offer: plots, and who is promised which. Judges PlotOffer and OfferResponse (PlotSite: ledger_site.sql). An offer
-- moves in two life cycles at once, its own and its household's, and is APPLIED only if both let it. A plot is
-- counted at its site as reserved, allocated or occupied (bus.offer.holds), in the transaction of the message.

-- Sites have names; what waits for one waits for this id.
CREATE FUNCTION bus.site_uuid(site_id text, status int2) RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT md5('site ' || status || ' ' || site_id)::uuid $$;

CREATE FUNCTION bus.judge_offer(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    j bus.judgement;
BEGIN
    IF m.type = 224 THEN
        RETURN bus.judge_site(m);
    END IF;
    j := bus.judge_plot_offer(m);
    IF j.verdict = 4 THEN
        PERFORM bus.offer_never_comes(m);
    END IF;
    RETURN j;
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
    -- What gives up an offer that the household does not stand by is about the offer alone.
    IF event NOT IN ('REVOKE', 'EXPIRE', 'DECLINE', 'CHANGE_OF_MIND') OR h.offer_id = o.offer_id
       AND (o.state, h.state) IN (('OPEN', 'OFFERED'), ('ACCEPTED', 'ACCEPTED'), ('DECLINED', 'DECLINED')) THEN
        d := bus.decide('household', h.state, event, bus.household_offer_fails(m, h, o, event), m.forced);
        IF d.verdict <> 1 THEN
            RETURN bus.judgement_of(d, path || '.household_id', h.household_id);
        END IF;
        moved_to := d.to_state;
    END IF;
    d := bus.decide('offer', coalesce(o.state, ''), event, bus.offer_fails(m, o, s), m.forced);
    IF d.verdict <> 1 THEN
        RETURN bus.judgement_of(d, path || '.offer_id', coalesce(o.offer_id, h.household_id));
    END IF;
    PERFORM bus.offer_apply(m, h, o, event, d.to_state);
    IF moved_to IS NOT NULL THEN
        PERFORM bus.household_move(m, h.household_id, event, moved_to);
        PERFORM bus.note_move(m, 'household', h.household_id, 0, event, h.state, moved_to);
    END IF;
    PERFORM bus.wake(h.household_id);
    RETURN bus.apply();
END
$$;

-- What has to be there first, whether all of it is about the same, and whether it lies in the places of the message:
-- those of the household or those of the land.
CREATE FUNCTION bus.offer_waits(m bus.said, path text, event text, h bus.household, o bus.offer, s bus.site)
RETURNS bus.judgement LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    j bus.judgement;
BEGIN
    IF h.household_id IS NULL THEN
        RETURN bus.hold((m.body->>'household_id')::uuid, 'household_unknown', path || '.household_id',
                        format('Household %s was not listed here yet; it begins with a HouseholdEvent affected.',
                               m.body->>'household_id'));
    ELSIF o.offer_id IS NULL AND event <> 'OFFER' THEN
        RETURN bus.wait_for_offer(m, (m.body->>'offer_id')::uuid, path || '.offer_id');
    ELSIF o.household_id <> h.household_id THEN
        RETURN bus.refuse('household', path || '.household_id', 'The offer is not one to this household.');
    ELSIF m.type = 225 AND (m.body->>'site_id' <> o.site_id OR coalesce(m.body->>'plot_id', o.plot_id) <> o.plot_id) THEN
        RETURN bus.refuse('plot', path || '.plot_id', 'The offer is of another plot than this one; another plot is another offer.');
    END IF;
    j := bus.mixed_status(m, h.status, 'household');
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    ELSIF NOT bus.is_place_of(m, concat_ws(' ', bus.household_places(h), s.places)) THEN
        RETURN bus.not_yours(m, h.places, path || '.household_id', 'household', h.household_id);
    ELSIF s.site_id IS NULL THEN
        RETURN bus.hold(bus.site_uuid(m.body->>'site_id', m.status), 'site_unknown', path || '.site_id',
                        format('Nobody has said yet how many plots site %s has; that is a PlotSite.', m.body->>'site_id'));
    END IF;
    RETURN NULL;
END
$$;

-- Offers that never come ----------------------------------------------------------------------------

-- Held until the offer comes; if it is known that it was refused, the bus says later that it never will.
CREATE FUNCTION bus.wait_for_offer(m bus.said, offer_id uuid, path text) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT m.forced AND EXISTS (SELECT FROM bus.refused_offer r WHERE r.offer_id = wait_for_offer.offer_id) THEN
        PERFORM bus.say_in_vain(m);
    END IF;
    RETURN bus.hold(offer_id, 'offer_unknown', path, format('Offer %s has not come yet; it begins with a PlotOffer MAKE.', offer_id));
END
$$;

-- The offer that this message would have made was refused, dismissed, or over when it came.
CREATE FUNCTION bus.offer_never_comes(m bus.said) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid;
    h bus.held;
BEGIN
    IF m.type <> 225 OR m.body->>'action' IS DISTINCT FROM 'OFFER_ACTION_MAKE' THEN
        RETURN;
    END IF;
    id := (m.body->>'offer_id')::uuid;
    IF EXISTS (SELECT FROM bus.offer o WHERE o.offer_id = id) THEN
        RETURN;
    END IF;
    INSERT INTO bus.refused_offer (offer_id, refused_at) VALUES (id, m.received_at)
        ON CONFLICT ON CONSTRAINT refused_offer_pkey DO NOTHING;
    FOR h IN SELECT * FROM bus.held x WHERE x.waits_for = id AND x.settled_as IS NULL ORDER BY x.seq LOOP
        PERFORM bus.say_in_vain(jsonb_populate_record(NULL::bus.said, h.said));
    END LOOP;
END
$$;

-- The bus says in the log that this message waits in vain, so that the same log gives the same tables: what is
-- refused has no number there. A fact goes to a person, a promise is dismissed.
CREATE FUNCTION bus.say_in_vain(m bus.said) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.say_decision(m, ROW(CASE WHEN bus.is_promise(m) THEN 4 ELSE 3 END, 'offer_refused', NULL,
                                    'It is about an offer that was never made: that one was refused.', NULL, NULL)::bus.judgement);
END
$$;

-- What the bus says of a message that is held still settles it, if it is held for the offer that was refused.
CREATE FUNCTION bus.settle_in_vain(m bus.said) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    h bus.held;
    s bus.said;
    why text := m.body->>'text';
BEGIN
    SELECT * INTO h FROM bus.held x
     WHERE x.seq = (m.body->>'seq')::int8 AND x.settled_as IS NULL AND x.code = 'offer_unknown';
    IF FOUND AND m.body->>'code' = 'offer_refused' THEN
        s := jsonb_populate_record(NULL::bus.said, h.said);
        s.received_at := m.received_at;
        PERFORM bus.settle(s, CASE m.body->>'ruling'
                              WHEN 'RULING_CONTESTED' THEN bus.contest((s.body->>'household_id')::uuid, 'offer_refused', '', why)
                              ELSE bus.refuse('offer_refused', '', why) END, m.seq);
        PERFORM bus.wake(s.message_id);
    END IF;
END
$$;

-- Guards -------------------------------------------------------------------------------------------

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
        'maker', CASE WHEN m.type = 225 AND o.offer_id IS NOT NULL AND NOT bus.is_same_agency(m, o.sender_id)
                           AND NOT (m.body->>'action' = 'OFFER_ACTION_REVOKE' AND bus.is_same_agency(m, s.sender_id))
                      THEN 'The agency that made an offer improves and revokes it; the one that gives the land revokes it, too.' END,
        'to_come', CASE WHEN until <= now_at THEN 'An offer is valid until a time that is still to come.' END,
        'in_time', CASE WHEN o.valid_until <= now_at THEN format('The offer was valid until %s.', said) END,
        'over', CASE WHEN o.valid_until > now_at THEN format('The offer is valid until %s.', said) END,
        'site_safe', CASE WHEN s.is_safe IS NOT TRUE
                          THEN format('Site %s was not looked at for mudflow, flood and landslide (PlotSite hazard_checked).', s.site_id) END,
        'site_room', CASE WHEN bus.site_free(s) < 1 THEN bus.site_full_text(s) END)
        || CASE WHEN o.holds IS NULL THEN bus.plot_fails(coalesce(o.plot_id, m.body->>'plot_id', ''), s) ELSE '{}'::jsonb END);
END
$$;
-- Of an offer that is to hold its plot again.
CREATE FUNCTION bus.taken_fails(o bus.offer) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s bus.site;
BEGIN
    IF o.holds IS NOT NULL THEN
        RETURN '{}';
    END IF;
    SELECT * INTO s FROM bus.site x WHERE x.site_id = o.site_id AND x.status = o.status;
    RETURN jsonb_strip_nulls(jsonb_build_object('site_room', CASE WHEN bus.site_free(s) < 1 THEN bus.site_full_text(s) END)
                             || bus.plot_fails(o.plot_id, s));
END
$$;
CREATE FUNCTION bus.site_full_text(s bus.site) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT format('Site %s has no free plot. Of %s: offered %s, accepted %s, lived on %s, given elsewhere %s, blocked %s.', s.site_id,
                  s.capacity, s.reserved, s.allocated, s.occupied, s.elsewhere, s.blocked)
$$;
CREATE FUNCTION bus.plot_fails(wanted text, s bus.site) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p bus.plot;
BEGIN
    IF wanted = '' THEN
        RETURN '{}';
    END IF;
    SELECT * INTO p FROM bus.plot x WHERE (x.site_id, x.status, x.plot_id) = (s.site_id, s.status, wanted);
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'plot_known', CASE WHEN p.plot_id IS NULL AND EXISTS (SELECT FROM bus.plot x
                                                              WHERE (x.site_id, x.status) = (s.site_id, s.status))
                           THEN format('Site %s has no plot %s.', s.site_id, wanted) END,
        'plot_free', CASE WHEN p.is_elsewhere OR p.said_state = 'BLOCKED' OR EXISTS (
                              SELECT FROM bus.offer x WHERE (x.site_id, x.status, x.plot_id) = (s.site_id, s.status, wanted)
                                                        AND x.holds IS NOT NULL AND x.plot_id <> '')
                          THEN format('Plot %s of site %s is not free.', wanted, s.site_id) END));
END
$$;

-- Guards of the household's cycle that are not met.
CREATE FUNCTION bus.household_offer_fails(m bus.said, h bus.household, o bus.offer, event text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN bus.household_fails(m, h, event) || CASE WHEN o.offer_id IS NULL OR h.offer_id IS DISTINCT FROM o.offer_id
        THEN '{"this_offer": "It is not about the offer that the household has."}'::jsonb ELSE '{}' END;
END
$$;

-- Which kind of hold a state of an offer is; null: none.
CREATE FUNCTION bus.holds_of(state text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE state WHEN 'OPEN' THEN 'reserved' WHEN 'ACCEPTED' THEN 'allocated' WHEN 'TAKEN' THEN 'occupied' END $$;

-- The one place that counts plots: exactly once each, because an offer holds at most one.
CREATE FUNCTION bus.hold_plot(at_site text, of_status int2, was text, is_now text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE bus.site s
       SET reserved = reserved + (is_now IS NOT DISTINCT FROM 'reserved')::int4 - (was IS NOT DISTINCT FROM 'reserved')::int4,
           allocated = allocated + (is_now IS NOT DISTINCT FROM 'allocated')::int4 - (was IS NOT DISTINCT FROM 'allocated')::int4,
           occupied = occupied + (is_now IS NOT DISTINCT FROM 'occupied')::int4 - (was IS NOT DISTINCT FROM 'occupied')::int4
     WHERE s.site_id = at_site AND s.status = of_status AND was IS DISTINCT FROM is_now;
END
$$;

CREATE FUNCTION bus.offer_apply(m bus.said, h bus.household, o bus.offer, event text, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid := (m.body->>'offer_id')::uuid;
BEGIN
    IF event = 'OFFER' THEN
        PERFORM bus.offer_lapses(m, h.offer_id);
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

-- A declined one is over with the next.
CREATE FUNCTION bus.offer_lapses(m bus.said, id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    d bus.decision;
BEGIN
    d := bus.decide('offer', (SELECT o.state FROM bus.offer o WHERE o.offer_id = id), 'LAPSE');
    IF d.verdict = 1 THEN
        PERFORM bus.offer_state(m, id, 'LAPSE', d.to_state);
    END IF;
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
        3::int2, o.status, 2, 225::int2, bus.sent_by(225::int2, o.made_seq), NULL,
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
