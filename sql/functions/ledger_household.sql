-- ledger_household: the life of a household. Judges HouseholdEvent, AssistanceEntitlement, AssistanceDelivery and
-- MoveEvent; offers and answers come from ledger_offer.sql. An offer goes with its household, or both stay. Almost all
-- of it has happened and is never refused: what contradicts the record is contested, what comes before its predecessor
-- is held.

-- Which event of the cycle a message is; null: it moves nothing (consent, a read identity, an erased one).
CREATE FUNCTION bus.household_event_of(m bus.said) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b jsonb := m.body;
BEGIN
    CASE m.type
    WHEN 222 THEN RETURN 'ENTITLE';
    WHEN 223 THEN RETURN 'DELIVER';
    WHEN 227 THEN
        RETURN CASE b->>'kind' WHEN 'MOVE_KIND_DEPARTED' THEN 'DEPART' WHEN 'MOVE_KIND_ARRIVED' THEN 'ARRIVE'
                               WHEN 'MOVE_KIND_RETURNED' THEN 'RETURN' END;
    ELSE
        RETURN CASE
            WHEN b ? 'affected' THEN 'AFFECT'
            WHEN b ? 'assessed' THEN CASE b->>'to_state' WHEN 'HOUSEHOLD_STATE_ELIGIBLE' THEN 'FIND_ELIGIBLE'
                                                         WHEN 'HOUSEHOLD_STATE_INELIGIBLE' THEN 'FIND_INELIGIBLE'
                                                         ELSE 'ASSESS' END
            WHEN b ? 'preferences' THEN 'PREFER'
            WHEN b ? 'follow_up' THEN CASE WHEN b->'follow_up'->>'still_there' = 'ANSWER_NO' THEN 'RETURN' ELSE 'FOLLOW_UP' END
            WHEN b ? 'closed' THEN CASE b->'closed'->>'reason' WHEN 'CLOSING_REASON_REOPENED' THEN 'REOPEN'
                                                               WHEN 'CLOSING_REASON_WISH' THEN 'WITHDRAW'
                                                               WHEN 'CLOSING_REASON_MOVED_AWAY' THEN 'LEAVE'
                                                               WHEN 'CLOSING_REASON_HOUSE_REPAIRED' THEN 'LEAVE' ELSE 'CLOSE' END
            WHEN b ? 'duplicate' THEN 'MERGE'
            WHEN b->'request'->>'kind' = 'HOUSEHOLD_REQUEST_KIND_APPEAL'
                 AND b->'request'->>'outcome' = 'REQUEST_OUTCOME_GRANTED' THEN 'GRANT_APPEAL' END;
    END CASE;
END
$$;

-- Days handed out on an entitlement, and this delivery: why they are too many, or null. What is handed out before the
-- entitlement is known, or for one that was refused, was handed out all the same.
CREATE FUNCTION bus.too_many_days(m bus.said) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e bus.entitlement;
    given int8;
    days int4 := coalesce((m.body->>'ration_days')::int4, 0);
BEGIN
    SELECT * INTO e FROM bus.entitlement x WHERE x.entitlement_id = (m.body->>'entitlement_id')::uuid;
    IF e.entitlement_id IS NULL THEN
        RETURN NULL;
    ELSIF e.household_id <> (m.body->>'household_id')::uuid THEN
        RETURN 'The entitlement is not of this household.';
    ELSIF e.is_void THEN
        RETURN 'The entitlement was taken back before.';
    END IF;
    SELECT coalesce(sum(d.ration_days), 0) INTO given FROM bus.delivery d
     WHERE d.entitlement_id = e.entitlement_id AND d.household_id = e.household_id;
    IF e.ration_days > 0 AND given + days > e.ration_days THEN
        RETURN format('The entitlement is for %s; handed out before: %s; now: %s.', bus.count_of(e.ration_days, 'ration day'),
                      given, days);
    END IF;
    RETURN NULL;
END
$$;

-- Guards of the household's cycle that are not met. Nothing in the texts is about anybody else.
CREATE FUNCTION bus.household_fails(m bus.said, h bus.household, event text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fails jsonb := '{}';
    said_eligible text := m.body->'assessed'->>'eligible';
BEGIN
    CASE
    WHEN m.body ? 'assessed' THEN
        fails := jsonb_build_object(
            'two_signed', CASE WHEN NOT EXISTS (
                SELECT FROM jsonb_array_elements_text(m.body->'assessed'->'signatories') AS a,
                            jsonb_array_elements_text(m.body->'assessed'->'signatories') AS b WHERE bus.two_distinct(a, b))
                               THEN 'An act has two signatories.' END,
            'agrees', CASE WHEN (event, said_eligible) IN (('FIND_ELIGIBLE', 'ANSWER_NO'), ('FIND_INELIGIBLE', 'ANSWER_YES'))
                           THEN format('The act says eligible %s and to_state %s.', eoc.word(said_eligible, 'ANSWER_'),
                                       eoc.word(m.body->>'to_state', 'HOUSEHOLD_STATE_')) END);
    WHEN event = 'DELIVER' THEN
        fails := jsonb_build_object('within', bus.too_many_days(m));
    WHEN event = 'MERGE' THEN
        fails := jsonb_build_object('other_record', bus.not_the_record(m, h), 'no_offer', bus.holds_plot_text(h));
    WHEN event IN ('DEPART', 'ARRIVE') AND h.state = 'ELIGIBLE' THEN
        fails := jsonb_build_object('said_yes', bus.said_no_yes_text(h));
    WHEN event = 'RETURN' THEN
        fails := jsonb_build_object('lives_there', CASE WHEN NOT EXISTS (
            SELECT FROM bus.offer o WHERE o.offer_id = h.offer_id AND o.holds = 'occupied')
                                                        THEN 'It holds no plot that it moved into.' END);
    WHEN event IN ('PREFER', 'OFFER', 'IMPROVE', 'REOPEN') THEN
        fails := jsonb_build_object(
            'eligible', CASE WHEN h.is_eligible THEN NULL
                             WHEN NOT h.is_eligible THEN 'The commission found it not eligible for a plot.'
                             ELSE 'No commission has found it eligible for a plot yet.' END,
            'no_offer', CASE WHEN event IN ('OFFER', 'IMPROVE') THEN bus.holds_plot_text(h) END);
    ELSE NULL;
    END CASE;
    RETURN jsonb_strip_nulls(fails);
END
$$;
-- What it holds already, in words; null: nothing.
CREATE FUNCTION bus.holds_plot_text(h bus.household) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT CASE o.holds WHEN 'occupied' THEN 'It holds the plot that it moved into; a MoveEvent RETURNED gives it back.'
                                ELSE 'It has an offer that is open or accepted; that one is answered, revoked or over first.' END
              FROM bus.offer o WHERE o.household_id = h.household_id AND o.holds IS NOT NULL);
END
$$;
-- Its newest offer was accepted, and ran out before anybody heard that it was on its way: then null.
CREATE FUNCTION bus.said_no_yes_text(h bus.household) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN CASE WHEN NOT EXISTS (SELECT FROM bus.offer o JOIN bus.moved x ON x.cycle = 'offer' AND x.entity = o.offer_id AND x.part = 0
                                  WHERE o.offer_id = h.offer_id AND o.state = 'EXPIRED' AND x.to_state = 'ACCEPTED')
                THEN 'It has accepted no offer that it could follow.' END;
END
$$;
CREATE FUNCTION bus.not_the_record(m bus.said, h bus.household) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stays uuid := (m.body->'duplicate'->>'duplicate_of')::uuid;
    other bus.household;
BEGIN
    SELECT * INTO other FROM bus.household x WHERE x.household_id = stays;
    RETURN CASE WHEN stays = h.household_id THEN 'A record is no duplicate of itself.'
                WHEN other.household_id IS NULL OR other.status <> h.status THEN 'There is no such record that could stay.'
                WHEN other.state = 'DUPLICATE' THEN 'The record that would stay is itself a duplicate.' END;
END
$$;

CREATE FUNCTION bus.judge_household(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event text := bus.household_event_of(m);
    h bus.household;
    o bus.offer;
    offer_event text;
    offer_to text;
    d bus.decision;
    j bus.judgement;
BEGIN
    IF event IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT * INTO h FROM bus.household x WHERE x.household_id = (m.body->>'household_id')::uuid;
    j := bus.household_waits(m, h, event);
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    END IF;
    d := bus.decide('household', coalesce(h.state, ''), event, bus.household_fails(m, h, event), m.forced);
    IF d.verdict <> 1 THEN
        RETURN bus.household_early(m, h, bus.judgement_of(d, bus.household_path(m.type), h.household_id));
    END IF;
    d.to_state := bus.household_goes_to(h, event, d.to_state);
    -- The offer that it has moves with it, or nothing moves.
    SELECT * INTO o FROM bus.offer x WHERE x.offer_id = h.offer_id;
    offer_event := bus.offer_event_with(h, o, event, d.to_state);
    IF offer_event IS NOT NULL THEN
        SELECT x.verdict, x.to_state, x.code, x.text INTO j.verdict, offer_to, j.code, j.text
          FROM bus.decide('offer', o.state, offer_event, bus.taken_fails(o), m.forced) AS x;
        IF j.verdict <> 1 AND NOT m.forced THEN
            RETURN bus.contest(h.household_id, j.code, bus.household_path(m.type), j.text);
        END IF;
    END IF;
    PERFORM bus.household_apply(m, h, event, d.to_state);
    IF offer_to IS NOT NULL THEN -- else a person says that it moved to where no plot is to be had
        PERFORM bus.offer_state(m, o.offer_id, offer_event, offer_to);
    END IF;
    RETURN bus.apply();
END
$$;

-- Not legal yet, but it may be when what it names or knows of has come: then it waits for that.
CREATE FUNCTION bus.household_early(m bus.said, h bus.household, j bus.judgement) RETURNS bus.judgement
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    follows uuid := (m.body->>'offer_id')::uuid;
BEGIN
    IF m.forced THEN
        RETURN j;
    ELSIF m.type = 227 AND follows IS NOT NULL AND NOT EXISTS (SELECT FROM bus.offer o WHERE o.offer_id = follows) THEN
        RETURN bus.wait_for_offer(m, follows, 'move_event.offer_id');
    ELSIF bus.is_ahead(m, h) THEN
        RETURN bus.hold(h.household_id, 'state', 'household_event.from_state',
                        format('What made the household %s has not come yet. %s', eoc.word(m.body->>'from_state', 'HOUSEHOLD_STATE_'), j.text));
    END IF;
    RETURN j;
END
$$;

-- The state of the row, but for a case that is opened again: what lives on a plot, and what is not eligible, goes on
-- where it stood; so does what was no duplicate after all.
CREATE FUNCTION bus.household_goes_to(h bus.household, event text, to_state text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stood text;
BEGIN
    IF event <> 'REOPEN' OR h.state NOT IN ('DUPLICATE', 'CLOSED', 'WITHDRAWN') THEN
        RETURN to_state;
    END IF;
    SELECT x.from_state INTO stood FROM bus.moved x
     WHERE x.cycle = 'household' AND x.entity = h.household_id AND x.to_state = h.state AND x.from_state <> x.to_state
     ORDER BY x.step DESC LIMIT 1;
    IF h.state = 'DUPLICATE' THEN
        RETURN coalesce(stood, to_state);
    ELSIF EXISTS (SELECT FROM bus.offer o WHERE o.offer_id = h.offer_id AND o.holds = 'occupied') THEN
        RETURN stood;
    END IF;
    RETURN CASE WHEN h.is_eligible THEN 'ELIGIBLE'
                WHEN stood IN ('AFFECTED', 'ASSESSED', 'ASSISTED', 'INELIGIBLE', 'RETURNED') THEN stood ELSE 'ASSESSED' END;
END
$$;

-- What the household's newest offer does when the household moves; null: nothing.
CREATE FUNCTION bus.offer_event_with(h bus.household, o bus.offer, event text, to_state text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN o.offer_id IS NULL THEN NULL
                WHEN event IN ('DEPART', 'ARRIVE')
                -- Who is there without a plot, because a person said so, goes on without one.
                THEN CASE WHEN o.holds IS NOT NULL OR h.state NOT IN ('MOVING', 'MOVED', 'SETTLED') THEN event END
                WHEN event = 'RETURN' THEN CASE WHEN o.holds IS NOT NULL THEN event END
                WHEN event IN ('CLOSE', 'WITHDRAW', 'LEAVE')
                THEN CASE WHEN o.holds IS NOT NULL OR o.state = 'DECLINED'
                          THEN CASE event WHEN 'LEAVE' THEN 'LEAVE' ELSE 'LAPSE' END END
                WHEN to_state <> h.state AND o.holds IN ('reserved', 'allocated') THEN 'LAPSE' END
$$;

CREATE FUNCTION bus.household_path(type int2) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE type WHEN 222 THEN 'assistance_entitlement' WHEN 223 THEN 'assistance_delivery'
                    WHEN 227 THEN 'move_event' ELSE 'household_event' END || '.household_id' $$;

-- What has to be there first, must be of the same status, and of the places of the message: a move has two ends.
CREATE FUNCTION bus.household_waits(m bus.said, h bus.household, event text) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    path text := bus.household_path(m.type);
    j bus.judgement;
BEGIN
    IF h.household_id IS NULL THEN
        RETURN CASE WHEN event <> 'AFFECT' THEN
            bus.hold((m.body->>'household_id')::uuid, 'household_unknown', path,
                     format('Household %s was not listed here yet; it begins with a HouseholdEvent affected.',
                            m.body->>'household_id')) END;
    END IF;
    j := bus.mixed_status(m, h.status, 'household');
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    ELSIF NOT bus.is_place_of(m, bus.household_places(h)) THEN
        RETURN bus.not_yours(m, h.places, path, 'household', h.household_id);
    ELSIF m.type = 222 THEN
        RETURN bus.entitlement_refused(m, h);
    END IF;
    RETURN NULL;
END
$$;
-- Where it was listed, where it lives, and where the land is that it was offered last.
CREATE FUNCTION bus.household_places(h bus.household) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN concat_ws(' ', h.places, nullif(h.origin, h.places),
                     (SELECT o.site_places FROM bus.offer o WHERE o.offer_id = h.offer_id));
END
$$;
-- An entitlement is changed and taken back by the agency that gave it, for the household it was given.
CREATE FUNCTION bus.entitlement_refused(m bus.said, h bus.household) RETURNS bus.judgement
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e bus.entitlement;
    path text := 'assistance_entitlement.entitlement_id';
BEGIN
    SELECT * INTO e FROM bus.entitlement x WHERE x.entitlement_id = (m.body->>'entitlement_id')::uuid;
    RETURN CASE WHEN e.entitlement_id IS NULL AND m.kind = 'CANCEL'
                THEN bus.refuse('entitlement_unknown', path, 'There is no such entitlement that could be taken back.')
                WHEN e.household_id <> h.household_id OR e.status <> m.status
                THEN bus.refuse('entitlement_taken', path, 'That id belongs to another entitlement; a new one has an id of its own.')
                WHEN NOT bus.is_same_agency(m, e.sender_id)
                THEN bus.refuse('agency', path, 'The agency that gave an entitlement changes it or takes it back.') END;
END
$$;
-- Forced, the person who decided stands for every agency.
CREATE FUNCTION bus.is_same_agency(m bus.said, of_sender int4) RETURNS bool
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN m.forced OR m.sender_id IN (0, of_sender)
           OR EXISTS (SELECT FROM bus.principal p WHERE p.principal_id = of_sender
                         AND coalesce(nullif(p.agency, ''), split_part(p.name, '.', 1)) = m.agency);
END
$$;

-- The sender knew a state that this record has not come to: something of it is still on its way. Every move of the
-- household wakes it, for nobody can say which message that will be.
CREATE FUNCTION bus.is_ahead(m bus.said, h bus.household) RETURNS bool
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    knew text := eoc.word(m.body->>'from_state', 'HOUSEHOLD_STATE_');
BEGIN
    RETURN knew <> h.state
           AND NOT EXISTS (SELECT FROM bus.moved x
                            WHERE x.cycle = 'household' AND x.entity = h.household_id AND x.to_state = knew);
END
$$;

CREATE FUNCTION bus.household_apply(m bus.said, h bus.household, event text, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid := (m.body->>'household_id')::uuid;
BEGIN
    IF event = 'AFFECT' THEN
        PERFORM bus.household_affected(m, id, to_state);
    ELSE
        PERFORM bus.household_move(m, id, event, to_state);
    END IF;
    CASE event
    WHEN 'ENTITLE' THEN PERFORM bus.entitle(m);
    WHEN 'DELIVER' THEN PERFORM bus.deliver(m);
    ELSE NULL;
    END CASE;
    PERFORM bus.note_move(m, 'household', id, 0, event, coalesce(h.state, ''), to_state);
    PERFORM bus.wake(id);
END
$$;

CREATE FUNCTION bus.household_affected(m bus.said, id uuid, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO bus.household AS h (household_id, seq, first_seq, since, affected_at, incident_id, sender_id, members,
                                    children, status, state, places, origin)
    VALUES (id, m.seq, m.seq, m.event_at, m.event_at, m.incident_ids[1], m.sender_id,
            (m.body->'affected'->>'members')::int4, (m.body->'affected'->>'children')::int4, m.status, to_state,
            coalesce(m.places[1], ''), coalesce(m.places[1], ''))
        ON CONFLICT (household_id) DO UPDATE
       SET seq = excluded.seq, since = excluded.since, affected_at = greatest(h.affected_at, excluded.affected_at),
           incident_id = coalesce(excluded.incident_id, h.incident_id), harms = h.harms + 1,
           members = coalesce(excluded.members, h.members), children = coalesce(excluded.children, h.children),
           state = excluded.state, places = coalesce(nullif(excluded.places, ''), h.places);
END
$$;

-- All but the first: what the message says of it, and its state.
CREATE FUNCTION bus.household_move(m bus.said, id uuid, event text, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE bus.household h
       SET seq = m.seq, since = CASE WHEN h.state = to_state THEN h.since ELSE m.event_at END, state = to_state,
           is_eligible = CASE event WHEN 'FIND_ELIGIBLE' THEN true WHEN 'FIND_INELIGIBLE' THEN false WHEN 'GRANT_APPEAL' THEN NULL
                              WHEN 'ASSESS' THEN CASE m.body->'assessed'->>'eligible' WHEN 'ANSWER_YES' THEN true
                                                                                      WHEN 'ANSWER_NO' THEN false ELSE h.is_eligible END
                              ELSE h.is_eligible END,
           zone_verdict = coalesce(eoc.word(m.body->'assessed'->>'verdict', 'ZONE_VERDICT_'), h.zone_verdict),
           house = coalesce(eoc.word(m.body->'assessed'->>'house', 'DAMAGE_CLASS_'), h.house),
           duplicate_of = CASE event WHEN 'MERGE' THEN (m.body->'duplicate'->>'duplicate_of')::uuid
                                     WHEN 'REOPEN' THEN NULL ELSE h.duplicate_of END
     WHERE h.household_id = id;
END
$$;

-- Rations ------------------------------------------------------------------------------------------

CREATE FUNCTION bus.entitle(m bus.said) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid := (m.body->>'entitlement_id')::uuid;
BEGIN
    INSERT INTO bus.entitlement (entitlement_id, household_id, seq, from_at, to_at, ration_days, sender_id, status, item,
                                 provider, places, is_void)
    VALUES (id, (m.body->>'household_id')::uuid, m.seq, coalesce(eoc.at(m.body->>'from_us'), m.event_at),
            eoc.at(m.body->>'to_us'), coalesce((m.body->>'ration_days')::int4, 0), m.sender_id, m.status,
            eoc.word(m.body->>'item', 'ASSISTANCE_ITEM_'), coalesce(m.body->>'provider', ''), coalesce(m.places[1], ''),
            coalesce(m.kind = 'CANCEL', false))
        ON CONFLICT (entitlement_id) DO UPDATE
       SET seq = excluded.seq, ration_days = excluded.ration_days, to_at = excluded.to_at, is_void = excluded.is_void;
    PERFORM bus.wake(id);
END
$$;

CREATE FUNCTION bus.deliver(m bus.said) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid := (m.body->>'household_id')::uuid;
    fed timestamptz;
BEGIN
    INSERT INTO bus.delivery (seq, household_id, entitlement_id, from_at, ration_days, sender_id, status, item, places)
    VALUES (m.seq, id, (m.body->>'entitlement_id')::uuid, coalesce(eoc.at(m.body->>'from_us'), m.event_at),
            coalesce((m.body->>'ration_days')::int4, 0), m.sender_id, m.status,
            eoc.word(m.body->>'item', 'ASSISTANCE_ITEM_'), coalesce(m.places[1], ''));
    fed := bus.fed_until(id);
    UPDATE bus.household h SET fed_until = fed WHERE h.household_id = id AND h.fed_until IS DISTINCT FROM fed;
    IF fed IS NOT NULL AND m.status = 1 THEN -- bus.now_of
        PERFORM bus.set_timer('ration', id, fed - interval '3 days');
    END IF;
END
$$;

-- Until when the rations handed out last: days run one after the other, and only from the day they begin.
CREATE FUNCTION bus.fed_until(id uuid) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    d record;
    fed timestamptz;
BEGIN
    FOR d IN SELECT x.from_at, x.ration_days FROM bus.delivery x
              WHERE x.household_id = id AND x.ration_days > 0 ORDER BY x.from_at, x.seq LOOP
        fed := greatest(fed, d.from_at) + d.ration_days * interval '1 day';
    END LOOP;
    RETURN fed;
END
$$;

-- Three days before the rations of a household run out, or as soon as that is known, the office that handed them
-- out hears so.
CREATE FUNCTION bus.ring_ration(t bus.timer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    h bus.household;
    to_name text;
    subject text := 'Rations run out';
    line text;
BEGIN
    SELECT * INTO h FROM bus.household x WHERE x.household_id = t.subject;
    IF h.fed_until IS NULL OR h.state IN ('CLOSED', 'WITHDRAWN', 'DUPLICATE', 'SETTLED') THEN
        RETURN;
    END IF;
    SELECT p.name INTO to_name FROM bus.delivery d JOIN bus.principal p ON p.principal_id = d.sender_id
     WHERE d.household_id = h.household_id AND d.ration_days > 0 ORDER BY d.seq DESC LIMIT 1;
    line := format('The rations of household %s in %s run out on %s. It is %s.', h.household_id, h.places,
                   to_char(h.fed_until AT TIME ZONE 'UTC', 'YYYY-MM-DD'), h.state);
    PERFORM bus.say_later(
        3::int2, h.status, 1, 200::int2, to_name, NULL,
        bus.pb_text(2, 'ledger') || bus.pb_text(3, subject) || bus.pb_text(4, line),
        jsonb_build_object('general_message', jsonb_build_object('from_role', 'ledger', 'subject', subject, 'text', line)),
        4, clock_timestamp(), h.places);
END
$$;

-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_household() RETURNS void LANGUAGE sql AS
$$ DELETE FROM bus.household; DELETE FROM bus.entitlement; DELETE FROM bus.delivery $$;
