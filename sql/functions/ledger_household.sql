-- ledger_household: the life of a household. Judges HouseholdEvent, AssistanceEntitlement, AssistanceDelivery and
-- MoveEvent; offers and answers come from ledger_offer.sql. Almost all of it has happened and is never refused:
-- what contradicts the record is contested, what comes before its predecessor is held.

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
                                                               WHEN 'CLOSING_REASON_WISH' THEN 'WITHDRAW' ELSE 'CLOSE' END
            WHEN b ? 'duplicate' THEN 'MERGE'
            WHEN b->'request'->>'kind' = 'HOUSEHOLD_REQUEST_KIND_APPEAL'
                 AND b->'request'->>'outcome' = 'REQUEST_OUTCOME_GRANTED' THEN 'GRANT_APPEAL' END;
    END CASE;
END
$$;

-- Days handed out on an entitlement, and this delivery: why they are too many, or null.
CREATE FUNCTION bus.too_many_days(m bus.said) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e bus.entitlement;
    given int8;
    days int4 := coalesce((m.body->>'ration_days')::int4, 0);
BEGIN
    SELECT * INTO e FROM bus.entitlement x WHERE x.entitlement_id = (m.body->>'entitlement_id')::uuid;
    SELECT coalesce(sum(d.ration_days), 0) INTO given FROM bus.delivery d WHERE d.entitlement_id = e.entitlement_id;
    IF e.household_id <> (m.body->>'household_id')::uuid THEN
        RETURN 'The entitlement is of another household.';
    ELSIF e.ration_days > 0 AND given + days > e.ration_days THEN
        RETURN format('The entitlement is for %s ration days, %s were handed out before, and these are %s more.',
                      e.ration_days, given, days);
    END IF;
    RETURN NULL;
END
$$;

-- Guards of the household's cycle that are not met.
CREATE FUNCTION bus.household_fails(m bus.said, h bus.household, event text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'two_signed', CASE WHEN m.body ? 'assessed' AND jsonb_array_length(coalesce(m.body->'assessed'->'signatories', '[]')) < 2
                           THEN 'An act has two signatories.' END,
        'eligible', CASE WHEN h.is_eligible THEN NULL
                         WHEN NOT h.is_eligible THEN 'The commission found it not eligible for a plot.'
                         ELSE 'No commission has found it eligible for a plot yet.' END,
        'within', CASE WHEN event = 'DELIVER' THEN bus.too_many_days(m) END,
        'no_offer', bus.live_offer_text(h),
        'other_record', CASE WHEN event = 'MERGE' THEN bus.not_the_record(m, h) END));
END
$$;
-- The offer that is open or accepted, in words; null: it has none.
CREATE FUNCTION bus.live_offer_text(h bus.household) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('It has offer %s of site %s, which is %s until %s.', o.offer_id, o.site_id, o.state,
                  to_char(o.valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"'))
      FROM bus.offer o WHERE o.household_id = h.household_id AND o.holds IN ('reserved', 'allocated')
$$;
CREATE FUNCTION bus.not_the_record(m bus.said, h bus.household) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stays uuid := (m.body->'duplicate'->>'duplicate_of')::uuid;
    other bus.household;
BEGIN
    SELECT * INTO other FROM bus.household x WHERE x.household_id = stays;
    RETURN CASE WHEN stays = h.household_id THEN 'A record is no duplicate of itself.'
                WHEN other.household_id IS NULL THEN format('There is no household %s.', stays)
                WHEN other.status <> h.status THEN 'One of the two belongs to an exercise.'
                WHEN other.state = 'DUPLICATE' THEN format('Household %s is itself a duplicate of %s.', stays, other.duplicate_of) END;
END
$$;

CREATE FUNCTION bus.judge_household(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event text := bus.household_event_of(m);
    h bus.household;
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
        RETURN CASE WHEN bus.is_ahead(m, h) THEN bus.hold(h.household_id, 'state', 'household_event.from_state', d.text)
                    ELSE bus.judgement_of(d, bus.household_path(m.type), h.household_id) END;
    END IF;
    PERFORM bus.household_apply(m, h, event, d.to_state);
    RETURN bus.apply();
END
$$;

CREATE FUNCTION bus.household_path(type int2) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE type WHEN 222 THEN 'assistance_entitlement' WHEN 223 THEN 'assistance_delivery'
                    WHEN 227 THEN 'move_event' ELSE 'household_event' END || '.household_id' $$;

-- What has to be there first, and must be of the same status.
CREATE FUNCTION bus.household_waits(m bus.said, h bus.household, event text) RETURNS bus.judgement
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entitled uuid := (m.body->>'entitlement_id')::uuid;
BEGIN
    IF h.household_id IS NULL THEN
        RETURN CASE WHEN event <> 'AFFECT' THEN
            bus.hold((m.body->>'household_id')::uuid, 'household_unknown', bus.household_path(m.type),
                     format('Household %s was not listed here yet; it begins with a HouseholdEvent affected.',
                            m.body->>'household_id')) END;
    END IF;
    IF m.type = 223 AND entitled IS NOT NULL AND NOT m.forced
       AND NOT EXISTS (SELECT FROM bus.entitlement e WHERE e.entitlement_id = entitled) THEN
        RETURN bus.hold(entitled, 'entitlement_unknown', 'assistance_delivery.entitlement_id',
                        format('Entitlement %s has not come yet; the AssistanceEntitlement has to be stored first.', entitled));
    END IF;
    IF m.type = 222 AND EXISTS (SELECT FROM bus.entitlement e
                                 WHERE e.entitlement_id = entitled AND e.household_id <> h.household_id) THEN
        RETURN bus.refuse('entitlement_taken', 'assistance_entitlement.entitlement_id',
                          format('Entitlement %s is of another household; a new one has an id of its own.', entitled));
    END IF;
    RETURN bus.mixed_status(m, h.status, 'household');
END
$$;

-- The sender knew a state that this record has not come to: something of it is still on its way.
CREATE FUNCTION bus.is_ahead(m bus.said, h bus.household) RETURNS bool
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    knew text := eoc.word(m.body->>'from_state', 'HOUSEHOLD_STATE_');
BEGIN
    RETURN NOT m.forced AND knew <> h.state
           AND NOT EXISTS (SELECT FROM bus.moved x
                            WHERE x.cycle = 'household' AND x.entity = h.household_id AND x.to_state = knew);
END
$$;

CREATE FUNCTION bus.household_apply(m bus.said, h bus.household, event text, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid := (m.body->>'household_id')::uuid;
BEGIN
    IF event = 'REOPEN' AND h.state = 'DUPLICATE' THEN -- it goes on where it stood
        to_state := coalesce((SELECT x.from_state FROM bus.moved x
                               WHERE x.cycle = 'household' AND x.entity = id AND x.event = 'MERGE'
                               ORDER BY x.step DESC LIMIT 1), to_state);
    END IF;
    IF event = 'AFFECT' THEN
        PERFORM bus.household_affected(m, id, to_state);
    ELSE
        PERFORM bus.household_move(m, id, event, to_state);
    END IF;
    CASE event
    WHEN 'ENTITLE' THEN PERFORM bus.entitle(m);
    WHEN 'DELIVER' THEN PERFORM bus.deliver(m);
    WHEN 'DEPART', 'ARRIVE', 'RETURN' THEN PERFORM bus.offer_follows(m, h.offer_id, event);
    WHEN 'CLOSE', 'WITHDRAW' THEN PERFORM bus.offer_follows(m, h.offer_id, 'LAPSE');
    ELSE NULL;
    END CASE;
    PERFORM bus.note_move(m, 'household', id, 0, event, coalesce(h.state, ''), to_state);
    PERFORM bus.wake(id);
END
$$;

CREATE FUNCTION bus.household_affected(m bus.said, id uuid, to_state text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO bus.household AS h (household_id, seq, first_seq, since, affected_at, incident_id, sender_id, members,
                                    children, status, state, places)
    VALUES (id, m.seq, m.seq, m.event_at, m.event_at, m.incident_ids[1], m.sender_id,
            (m.body->'affected'->>'members')::int4, (m.body->'affected'->>'children')::int4, m.status, to_state,
            coalesce(m.places[1], ''))
        ON CONFLICT (household_id) DO UPDATE
       SET seq = excluded.seq, since = excluded.since, affected_at = greatest(h.affected_at, excluded.affected_at),
           incident_id = coalesce(excluded.incident_id, h.incident_id), harms = h.harms + 1,
           members = coalesce(excluded.members, h.members), children = coalesce(excluded.children, h.children),
           state = excluded.state, places = coalesce(nullif(excluded.places, ''), h.places)
$$;

-- All but the first: what the message says of it, and its state.
CREATE FUNCTION bus.household_move(m bus.said, id uuid, event text, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE bus.household h
       SET seq = m.seq, since = CASE WHEN h.state = to_state THEN h.since ELSE m.event_at END, state = to_state,
           is_eligible = CASE WHEN m.body->'assessed'->>'eligible' = 'ANSWER_YES' OR event = 'FIND_ELIGIBLE' THEN true
                              WHEN m.body->'assessed'->>'eligible' = 'ANSWER_NO' OR event = 'FIND_INELIGIBLE' THEN false
                              WHEN event = 'GRANT_APPEAL' THEN NULL
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
                                 provider, places)
    VALUES (id, (m.body->>'household_id')::uuid, m.seq, coalesce(eoc.at(m.body->>'from_us'), m.event_at),
            eoc.at(m.body->>'to_us'), coalesce((m.body->>'ration_days')::int4, 0), m.sender_id, m.status,
            eoc.word(m.body->>'item', 'ASSISTANCE_ITEM_'), coalesce(m.body->>'provider', ''), coalesce(m.places[1], ''))
        ON CONFLICT (entitlement_id) DO UPDATE
       SET seq = excluded.seq, ration_days = excluded.ration_days, to_at = excluded.to_at;
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
