-- ledger_alert_said: EscalationEvents, which the bus says when a timer rings, and what their judge makes of them.

CREATE FUNCTION bus.say_escalation(a bus.alert, step int2, target text, channel text, lane int2, deadline timestamptz, outcome text,
                                   entries text, receipt uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    channels text[] := ARRAY['CONSOLE', 'SMS', 'PHONE', 'RADIO', 'SIREN', 'SATELLITE', 'RUNNER'];
    outcomes text[] := ARRAY['STARTED', 'ANSWERED', 'OVERDUE', 'EXHAUSTED', 'OVER'];
BEGIN
    PERFORM bus.say_later(
        lane, a.status, CASE outcome WHEN 'STARTED' THEN 4 ELSE 1 END, 182::int2, entries, a.alert_id,
        bus.pb_bytes(1, uuid_send(a.alert_id)) || bus.pb_number(2, step) || bus.pb_text(3, target)
            || bus.pb_number(4, array_position(channels, channel)) || bus.pb_number(5, bus.us(deadline))
            || bus.pb_number(6, array_position(outcomes, outcome)) || coalesce(bus.pb_bytes(7, uuid_send(receipt)), ''),
        jsonb_build_object('escalation_event', jsonb_strip_nulls(jsonb_build_object(
            'alert_id', a.alert_id, 'step', step, 'target_role', target, 'channel', 'CHANNEL_' || channel,
            'deadline_us', bus.us(deadline)::text, 'outcome', 'ESCALATION_OUTCOME_' || outcome, 'receipt_id', receipt))),
        greatest(a.label, 2::int2)::int4, clock_timestamp(), a.places);
END
$$;

-- Those who were asked and have not answered need not any more.
CREATE FUNCTION bus.say_answered(m bus.said, a bus.alert) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    taken text[] := (SELECT array_agg(t) FROM bus.alert_answer x, unnest(x.targets) AS t WHERE x.alert_id = a.alert_id AND x.counts);
    others text := (SELECT string_agg(DISTINCT c.target, ' ') FROM bus.alert_call c
                     WHERE c.alert_id = a.alert_id AND c.outcome = 'ASKED' AND c.target <> ALL (coalesce(taken, '{}')));
    by_step int2 := (SELECT min(s) FROM bus.alert_answer x, unnest(x.steps) AS s WHERE x.alert_id = a.alert_id AND x.seq = m.seq);
BEGIN
    IF others IS NOT NULL THEN
        PERFORM bus.say_escalation(a, greatest(coalesce(by_step, a.step), 1::int2),
                                   coalesce((SELECT min(t) FROM bus.ladder_of(a) AS r, bus.escalation_targets(r, a.places) AS t
                                              WHERE r.step = by_step), split_part(others, ' ', 1)),
                                   'CONSOLE', 3::int2, clock_timestamp(), 'ANSWERED', others, m.message_id);
    END IF;
END
$$;

-- Those who were asked hear that what they were asked about is over.
CREATE FUNCTION bus.say_over(a bus.alert) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    others text := (SELECT string_agg(DISTINCT c.target, ' ') FROM bus.alert_call c WHERE c.alert_id = a.alert_id AND c.outcome = 'ASKED');
BEGIN
    IF others IS NOT NULL THEN
        PERFORM bus.say_escalation(a, greatest(a.step, 1::int2), split_part(others, ' ', 1), 'CONSOLE', 3::int2, clock_timestamp(),
                                   'OVER', others);
    END IF;
END
$$;

-- Its time has come: the next who is on duty is asked, and those of the steps that go with it.
CREATE FUNCTION bus.ring_alert(t bus.timer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    a bus.alert;
    r bus.escalation_rule;
    target text;
    entries text;
    asked text[];
    has_asked bool := false;
BEGIN
    SELECT * INTO a FROM bus.alert x WHERE x.alert_id = t.subject;
    IF NOT FOUND THEN
        RETURN;
    ELSIF NOT a.is_open THEN
        IF bus.alert_can(a, 'RESUME') AND EXISTS (SELECT FROM bus.alert_call c WHERE c.alert_id = a.alert_id AND c.outcome = 'ASKED') THEN
            PERFORM bus.say_over(a); -- it did not come back
        ELSIF bus.alert_can(a, 'RESUME') OR bus.alert_can(a, 'EXPIRE') AND a.over_at <= clock_timestamp() THEN
            PERFORM bus.say_end(a, 'OVER');
        END IF;
        RETURN;
    END IF;
    IF a.over_at <= clock_timestamp() THEN
        PERFORM bus.say_end(a, 'OVER');
        RETURN;
    END IF;
    IF NOT a.calls THEN
        RETURN;
    ELSIF EXISTS (SELECT FROM bus.to_say x WHERE x.type = 182 AND x.answers = a.alert_id AND x.trouble IS NULL
                                                AND x.doc->'escalation_event'->>'outcome' LIKE '%\_STARTED') THEN
        PERFORM bus.set_timer('alert', a.alert_id, clock_timestamp() + interval '1 second'); -- what it said last is not said yet
        RETURN;
    END IF;
    asked := ARRAY(SELECT c.target FROM bus.alert_call c WHERE c.alert_id = a.alert_id AND c.outcome = 'ASKED' AND c.sender_id = 0
                   UNION SELECT u.had FROM bus.alert_answer n, unnest(n.targets) AS u(had) WHERE n.alert_id = a.alert_id AND n.counts);
    FOR r IN SELECT * FROM bus.ladder_of(a) AS x WHERE x.step > a.step LOOP
        EXIT WHEN has_asked AND r.after > interval '0';
        FOR target IN SELECT * FROM bus.escalation_targets(r, a.places) LOOP
            entries := bus.escalation_entries(a, target);
            CONTINUE WHEN entries IS NULL OR target = ANY (asked);
            PERFORM bus.say_escalation(a, r.step, target, r.channel, r.lane, clock_timestamp() + r.answer_within, 'STARTED', entries);
            asked := asked || target;
            has_asked := true;
        END LOOP;
    END LOOP;
    IF NOT has_asked THEN
        PERFORM bus.say_end(a, 'EXHAUSTED');
    END IF;
END
$$;
-- For whoever listens there: nobody is asked any more.
CREATE FUNCTION bus.say_end(a bus.alert, outcome text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r bus.escalation_rule;
BEGIN
    SELECT * INTO r FROM bus.ladder_of(a) AS x ORDER BY x.step DESC LIMIT 1;
    PERFORM bus.say_escalation(a, coalesce(r.step, 1::int2), coalesce(format('%s@%s', r.role, r.at_place), 'nobody@nowhere'),
                               'CONSOLE', coalesce(r.lane, 2::int2), clock_timestamp(), outcome, NULL);
END
$$;

-- What the bus said of it moves it. Others may tell that they asked somebody of its ladder out of turn, if they may
-- speak for all of its places: the bus asks them in their turn all the same.
CREATE FUNCTION bus.alert_told(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    a bus.alert;
    r bus.escalation_rule;
    told text := eoc.word(m.body->>'outcome', 'ESCALATION_OUTCOME_');
    at_step int2 := (m.body->>'step')::int2;
    moved bool := false;
BEGIN
    SELECT * INTO a FROM bus.alert x WHERE x.alert_id = (m.body->>'alert_id')::uuid AND x.status = m.status;
    IF NOT FOUND OR m.sender_id > 0 AND told <> 'STARTED' THEN
        RETURN NULL;
    END IF;
    IF m.sender_id > 0 THEN
        at_step := (SELECT min(x.step) FROM bus.ladder_of(a) AS x, bus.escalation_targets(x, a.places) AS t
                     WHERE t = m.body->>'target_role');
        IF at_step IS NULL OR NOT bus.is_each_place_of(m, a.places) THEN
            RETURN NULL;
        END IF;
    END IF;
    SELECT * INTO r FROM bus.ladder_of(a) AS x WHERE x.step = at_step;
    IF told = 'EXHAUSTED' THEN
        moved := bus.alert_move(m, a.alert_id, 'EXHAUST');
        PERFORM bus.alert_passed(m, a, 99::int2);
    ELSIF told = 'OVER' THEN
        moved := bus.alert_move(m, a.alert_id, 'EXPIRE');
    ELSIF told = 'STARTED' AND m.sender_id = 0 THEN
        moved := bus.alert_move(m, a.alert_id, CASE WHEN a.step > 0 AND at_step > a.step AND r.after > interval '0'
                                                    THEN 'ESCALATE' ELSE 'ASK' END);
        PERFORM bus.alert_passed(m, a, at_step);
    END IF;
    IF told = 'STARTED' THEN
        INSERT INTO bus.alert_call (alert_id, seq, asked_at, deadline_at, sender_id, step, outcome, target)
        VALUES (a.alert_id, m.seq, m.received_at, eoc.at(m.body->>'deadline_us'), m.sender_id, at_step, 'ASKED',
                m.body->>'target_role')
            ON CONFLICT (alert_id, step, target) DO UPDATE
           SET seq = excluded.seq, asked_at = excluded.asked_at, deadline_at = excluded.deadline_at, sender_id = 0
         WHERE alert_call.sender_id > 0 AND excluded.sender_id = 0;
    END IF;
    INSERT INTO bus.alert_message (message_id, alert_id) VALUES (m.message_id, a.alert_id) ON CONFLICT DO NOTHING;
    IF moved THEN
        PERFORM bus.alert_waits(m, a.alert_id, told, at_step);
        RETURN bus.apply();
    END IF;
    RETURN NULL;
END
$$;

-- Steps below `step` of which nobody was asked: there was nobody.
CREATE FUNCTION bus.alert_passed(m bus.said, a bus.alert, step int2) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO bus.alert_call (alert_id, seq, asked_at, deadline_at, sender_id, step, outcome, target)
    SELECT a.alert_id, m.seq, m.received_at, NULL, 0, r.step, 'NOBODY', t
      FROM bus.ladder_of(a) AS r, bus.escalation_targets(r, a.places) AS t
     WHERE r.step < alert_passed.step
       AND NOT EXISTS (SELECT FROM bus.alert_call c WHERE c.alert_id = a.alert_id AND c.target = t AND c.sender_id = 0)
        ON CONFLICT DO NOTHING
$$;

-- When the next is asked, or nobody is left, if a step was asked then.
CREATE FUNCTION bus.alert_next_at(a bus.alert, at_step int2, asked_at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN asked_at + coalesce((SELECT x.after FROM bus.ladder_of(a) AS x WHERE x.step > at_step ORDER BY x.step LIMIT 1),
                               (SELECT x.answer_within FROM bus.ladder_of(a) AS x WHERE x.step = at_step), interval '0');
END
$$;

-- The timer after a step: of the next one, or of the end.
CREATE FUNCTION bus.alert_waits(m bus.said, id uuid, told text, at_step int2) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    a bus.alert;
    due timestamptz;
BEGIN
    SELECT * INTO a FROM bus.alert x WHERE x.alert_id = id;
    IF told = 'STARTED' THEN
        UPDATE bus.alert x SET step = greatest(x.step, at_step), asked_at = m.received_at WHERE x.alert_id = id;
        due := bus.alert_next_at(a, at_step, m.received_at);
    ELSIF told = 'EXHAUSTED' THEN
        due := a.over_at;
    END IF;
    IF a.is_open THEN
        PERFORM bus.alert_timer(id, due);
    END IF;
END
$$;
