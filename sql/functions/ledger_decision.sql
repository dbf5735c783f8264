-- ledger_decision: messages `decision`. The bus tells with one what became of a message that was held; a person
-- settles with one what is held or contested.

-- A Decision of the bus, as bytes and as document.
CREATE FUNCTION bus.decision_body(m bus.said, ruling int4, code text, why text) RETURNS bytea
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN bus.pb_bytes(1, uuid_send(m.message_id)) || bus.pb_number(2, ruling) || bus.pb_text(3, coalesce(code, ''))
        || bus.pb_text(4, coalesce(why, '')) || bus.pb_text(5, 'bus') || bus.pb_number(6, m.seq);
END
$$;
CREATE FUNCTION bus.decision_doc(m bus.said, ruling int4, code text, why text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('decision', jsonb_strip_nulls(jsonb_build_object(
        'message_id', m.message_id, 'ruling', 'RULING_' || (ARRAY['APPLIED', 'DISMISSED', 'CONTESTED'])[ruling],
        'code', nullif(code, ''), 'text', nullif(why, ''), 'decided_by', 'bus', 'seq', m.seq::text)));
END
$$;

-- Who sent it: of what an exercise plays not the first sender, of what a person says the desk where he sits.
CREATE FUNCTION bus.signer_of(m bus.said) RETURNS text
LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT p.name FROM bus.principal p WHERE p.principal_id = coalesce(m.carried_by, m.sender_id)); END $$;

-- Tells the sender of a held message what became of it.
CREATE FUNCTION bus.say_decision(m bus.said, j bus.judgement) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    ruling int4 := CASE j.verdict WHEN 3 THEN 3 WHEN 4 THEN 2 ELSE 1 END;
    why text := bus.cut(coalesce(j.text, ''), 2000);
BEGIN
    IF m.sender_id > 0 THEN -- not the bus itself
        PERFORM bus.say_later(greatest(m.lane, 2::int2), m.status, 5, 204::int2, bus.signer_of(m), m.message_id,
                              bus.decision_body(m, ruling, j.code, why), bus.decision_doc(m, ruling, j.code, why), m.label,
                              clock_timestamp(), array_to_string(m.places, ' '));
    END IF;
END
$$;

-- What a held message waits for has not come: said at once, since it settles it.
CREATE FUNCTION bus.say_never_came(m bus.said, h bus.held) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    ruling int4 := CASE WHEN bus.is_promise(m) THEN 2 ELSE 3 END;
    why text := bus.cut(format('What it waits for has not come by %s. %s',
                               to_char(h.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"'), h.text), 2000);
BEGIN
    PERFORM bus.say(greatest(m.lane, 2::int2), m.status, 5, 204::int2, CASE WHEN m.sender_id > 0 THEN bus.signer_of(m) END,
                    m.message_id, bus.decision_body(m, ruling, 'never_came', why),
                    bus.decision_doc(m, ruling, 'never_came', why), m.label, clock_timestamp(),
                    array_to_string(m.places, ' '));
END
$$;

CREATE FUNCTION bus.judge_decision(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
BEGIN
    IF m.sender_id > 0 AND NOT m.expired THEN
        RETURN bus.person_decides(m);
    ELSIF m.sender_id = 0 THEN
        PERFORM bus.never_came(m);
        PERFORM bus.settle_in_vain(m);
    END IF;
    RETURN NULL; -- what the bus says of its other decisions has moved what it moves
END
$$;

CREATE FUNCTION bus.never_came(m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    h bus.held;
    s bus.said;
    why text := m.body->>'text';
BEGIN
    SELECT * INTO h FROM bus.held x WHERE x.seq = (m.body->>'seq')::int8 AND coalesce(x.settled_as, 0) = 0;
    IF FOUND AND m.body->>'code' = 'never_came' THEN
        s := jsonb_populate_record(NULL::bus.said, h.said);
        s.received_at := m.received_at;
        PERFORM bus.settle(s, CASE m.body->>'ruling' WHEN 'RULING_DISMISSED' THEN bus.refuse('never_came', '', why)
                                                     ELSE bus.contest(h.waits_for, 'never_came', '', why) END, m.seq);
        IF s.type = 225 THEN
            PERFORM bus.offer_never_comes(s);
        END IF;
        PERFORM bus.wake(s.message_id);
    END IF;
END
$$;

-- A person decides -----------------------------------------------------------------------------------

CREATE FUNCTION bus.person_decides(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    about uuid := (m.body->>'message_id')::uuid;
    number int8 := nullif((m.body->>'seq')::int8, 0);
    open jsonb[];
    s bus.said;
    j bus.judgement;
BEGIN
    -- By the id. In a plan that was made while the tables were small, `settled_as IS NULL` would be found by an index
    -- of all that are open.
    SELECT array_agg(x.said ORDER BY x.seq) INTO open FROM (
        SELECT h.seq, h.said FROM bus.held h WHERE h.message_id = about AND coalesce(h.settled_as, 0) = 0
        UNION ALL
        SELECT c.seq, c.said FROM bus.contested c WHERE c.message_id = about AND coalesce(c.settled_as, 0) = 0) AS x
     WHERE number IS NULL OR x.seq = number;
    IF open IS NULL THEN
        RETURN bus.report_dismissed(m, about, number);
    ELSIF cardinality(open) > 1 THEN
        RETURN bus.refuse('ambiguous', 'decision.seq',
                          format('Several senders gave this id to a message: they are numbers %s. Say which one in decision.seq.',
                                 (SELECT string_agg(o->>'seq', ' and ' ORDER BY n)
                                    FROM unnest(open) WITH ORDINALITY AS u(o, n))));
    END IF;
    s := jsonb_populate_record(NULL::bus.said, open[1]);
    j := bus.may_decide(m, s);
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    ELSIF m.body->>'ruling' = 'RULING_DISMISSED' THEN
        PERFORM bus.settle_by_person(s, 4::int2, m);
        RETURN bus.apply();
    END IF;
    RETURN bus.force(s, m);
END
$$;

-- A report that belongs to nothing yet needs no decision any more: somebody has seen that it is no incident. Why is
-- said; of an exercise everybody knows. Who names it as cause or evidence later takes it back.
CREATE FUNCTION bus.report_dismissed(m bus.said, about uuid, number int8) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    r bus.incident_report;
    s bus.said;
    j bus.judgement;
BEGIN
    SELECT * INTO r FROM bus.incident_report x
     WHERE x.message_id = about AND x.incident_id IS NULL AND x.over_seq IS NULL AND x.seq = coalesce(number, x.seq);
    IF NOT FOUND OR m.body->>'ruling' IS DISTINCT FROM 'RULING_DISMISSED' THEN
        RETURN bus.refuse('not_undecided', 'decision.message_id',
                          'No message with this id is held or contested; what is shows `eocctl undecided`.');
    END IF;
    s.status := r.status;
    s.label := r.label;
    s.places := string_to_array(r.places, ' ');
    s.sender_id := r.sender_id;
    j := bus.may_decide(m, s);
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    ELSIF coalesce(current_setting('bus.rejudging', true), '') = '' AND NOT bus.may_dismiss(m.sender, r) THEN
        RETURN bus.refuse('rights', 'decision.message_id', format('%s may not say of a report of that place that it is no incident.', m.sender));
    ELSIF r.status = 1 AND coalesce(trim(m.body->>'text'), '') = '' THEN
        RETURN bus.refuse('reason', 'decision.text', 'Why a report needs no decision is said with it.');
    END IF;
    UPDATE bus.incident_report x SET over_seq = m.seq WHERE x.message_id = about;
    RETURN bus.apply();
END
$$;

-- Offices decide about families too: of a report only those who may speak of incidents there, and may hear it.
CREATE FUNCTION bus.may_dismiss(person text, r bus.incident_report) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
DECLARE
    word text := (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[r.label];
    said_by text := (SELECT p.name FROM bus.principal p WHERE p.principal_id = r.sender_id);
    reach text := (SELECT string_agg(DISTINCT p.name, ' ') FROM bus.recipient_reach x JOIN bus.principal p USING (principal_id) WHERE x.seq = r.seq);
BEGIN
    RETURN (bus.may(person, 'say', 'incident', r.places, word) OR bus.may(person, 'say', 'incident_transition', r.places, word))
       AND bus.may(person, 'hear', (SELECT t.name FROM bus.type t WHERE t.number = r.type), r.places, word, said_by, coalesce(reach, ''));
END
$$;

-- Applied all the same, as of the moment of the decision, for the places and with the rights of who decided.
CREATE FUNCTION bus.force(s bus.said, m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    j bus.judgement;
BEGIN
    s.received_at := greatest(s.received_at, m.received_at);
    s.expired := s.expired OR s.status = 1 AND coalesce(s.not_after <= s.received_at, false);
    s.forced := true;
    s.forced_seq := m.seq;
    s.forced_by := m.sender;
    s.forced_places := m.places;
    IF bus.is_over(s) THEN
        RETURN bus.refuse('expired', 'decision.message_id', 'The time of what it promises is over; it can only be dismissed.');
    END IF;
    j := bus.judge_one(s);
    IF j.verdict > 1 THEN
        RETURN bus.refuse(j.code, 'decision.message_id', 'It cannot be applied all the same: ' || j.text);
    END IF;
    PERFORM bus.settle_by_person(s, 1::int2, m);
    RETURN bus.apply();
END
$$;

-- Verdict null: this person may. Nobody settles what he said himself. When the log is judged again, who may now is
-- no matter: it was decided.
CREATE FUNCTION bus.may_decide(m bus.said, about bus.said) RETURNS bus.judgement
LANGUAGE plpgsql STABLE AS $$
DECLARE
    words text[] := ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'];
    j bus.judgement := bus.mixed_status(m, about.status, 'message that is decided');
BEGIN
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    ELSIF coalesce(m.body->>'ruling', '') NOT IN ('RULING_APPLIED', 'RULING_DISMISSED') THEN
        RETURN bus.refuse('enum', 'decision.ruling', 'A person applies it or dismisses it.');
    ELSIF coalesce(current_setting('bus.rejudging', true), '') = ''
          AND NOT bus.may(m.sender, 'say', 'decision', array_to_string(about.places, ' '), words[about.label]) THEN
        RETURN bus.refuse('rights', 'decision.message_id',
                          format('%s may not decide about a message of that place and label.', m.sender));
    ELSIF m.sender_id = about.sender_id THEN
        RETURN bus.refuse('own_message', 'decision.message_id', 'Nobody settles a message of his own; another principal decides.');
    ELSIF m.label < about.label THEN
        RETURN bus.refuse('label', 'label', format('The message that is decided is %s; what is decided about it is no less.',
                                                   words[about.label]));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION bus.settle_by_person(about bus.said, ruling int2, m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE bus.held h SET settled_at = m.received_at, settled_seq = m.seq, settled_as = ruling, is_woken = false,
                          due_at = NULL, said = NULL
     WHERE h.seq = about.seq AND coalesce(h.settled_as, 0) = 0;
    UPDATE bus.contested c SET settled_at = m.received_at, settled_seq = m.seq, settled_as = ruling, said = NULL
     WHERE c.seq = about.seq AND coalesce(c.settled_as, 0) = 0;
    IF ruling = 1 THEN
        PERFORM bus.names_follow(about);
    ELSIF about.type = 225 THEN
        PERFORM bus.offer_never_comes(about);
    END IF;
    PERFORM bus.wake(about.message_id);
END
$$;
