-- ledger_alert_taken: who accepts or rejects an alert, by a receipt or by what he does about its incident.

-- A receipt of the alert, of what repeats it, or of what asked for it.
CREATE FUNCTION bus.alert_receipt(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    answer text := eoc.word(m.body->>'level', 'RECEIPT_LEVEL_');
    a bus.alert;
BEGIN
    IF m.sender_id = 0 OR answer IS NULL OR answer NOT IN ('ACCEPTED', 'REJECTED') THEN
        RETURN NULL;
    END IF;
    SELECT x.* INTO a FROM bus.alert_message k JOIN bus.alert x USING (alert_id)
     WHERE k.message_id = (m.body->>'message_id')::uuid;
    IF NOT FOUND AND answer = 'REJECTED' THEN
        PERFORM bus.alert_turned_down(m);
    ELSIF FOUND AND bus.alert_answered(m, a, answer) THEN
        RETURN bus.apply();
    END IF;
    RETURN NULL;
END
$$;

-- True: it counts. What does not is kept with the reason.
CREATE FUNCTION bus.alert_answered(m bus.said, a bus.alert, answer text) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
    steps int2[] := bus.alert_steps(a, m.sender_id, m.received_at, m.seq);
    had_taken bool := EXISTS (SELECT FROM bus.alert_answer x
                               WHERE x.alert_id = a.alert_id AND x.principal_id = m.sender_id AND x.counts);
    why text := CASE WHEN m.status <> a.status THEN 'status' WHEN m.sender_id = a.sender_id THEN 'own'
                     WHEN steps = '{}' THEN 'not_asked' WHEN NOT bus.alert_can(a, 'ACCEPT') THEN 'over'
                     WHEN answer = 'ACCEPTED' AND had_taken THEN 'counted_before' ELSE '' END;
BEGIN
    PERFORM bus.alert_keep(m, a, answer, steps, why);
    IF why <> '' THEN
        RETURN false;
    ELSIF answer = 'ACCEPTED' THEN
        PERFORM bus.alert_taken(m, a, bus.alert_acks(a.alert_id));
    ELSE
        PERFORM bus.alert_rejected(m, a, steps, had_taken);
    END IF;
    RETURN true;
END
$$;
-- Why an answer of this person to an alert would not count, for whoever is about to give it: not_asked, own; or
-- no_right or answered, to turn down a draft of a public alert or of an order to a machine. Null: it would, or this is none
-- of them, or the person says again what he said.
CREATE FUNCTION bus.why_no_answer(person text, about uuid) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    a bus.alert;
    d bus.document := bus.draft_of(about);
    who int4 := (SELECT p.principal_id FROM bus.principal p WHERE p.name = person);
BEGIN
    SELECT x.* INTO a FROM bus.alert_message k JOIN bus.alert x USING (alert_id) WHERE k.message_id = about;
    RETURN CASE WHEN d.seq IS NOT NULL AND NOT bus.may_draft(person, d) OR bus.may_answer_order(person, about) = false THEN 'no_right'
                WHEN EXISTS (SELECT FROM (SELECT message_id, state, answered_by FROM eoc.alert_draft UNION ALL SELECT message_id, state, answered_by FROM eoc.order_draft) AS x
                              WHERE x.message_id = about AND x.state <> 'WAITING' AND NOT (x.state = 'TURNED_DOWN' AND x.answered_by = person)) THEN 'answered'
                WHEN d.seq IS NOT NULL THEN NULL
                WHEN a.alert_id IS NULL THEN NULL WHEN who = a.sender_id THEN 'own'
                WHEN bus.alert_steps(a, who, clock_timestamp(), (SELECT h.seq + 1 FROM bus.log_head h)) = '{}' THEN 'not_asked' END;
END
$$;
GRANT EXECUTE ON FUNCTION bus.why_no_answer TO bus_console;
CREATE FUNCTION bus.alert_keep(m bus.said, a bus.alert, answer text, steps int2[], why text, everywhere bool DEFAULT false) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO bus.alert_answer (alert_id, seq, message_id, at, principal_id, counts, steps, targets, answer, code, note)
    VALUES (a.alert_id, m.seq, m.message_id, m.received_at, m.sender_id, why = '' AND answer <> 'REJECTED', steps,
            ARRAY(SELECT x.target FROM bus.alert_turns(a, m.sender_id, m.received_at, m.seq) AS x
                  UNION SELECT '*' WHERE everywhere ORDER BY 1), answer,
            coalesce(m.body->>'code', ''), why)
        ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION bus.alert_taken(m bus.said, a bus.alert, acks int2) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    untaken int8 := bus.alert_untaken(a, m.seq + 1);
    is_enough bool := acks >= a.acks_needed AND untaken = 0;
BEGIN
    IF acks = a.acks AND untaken = bus.alert_untaken(a, m.seq) THEN
        UPDATE bus.alert_answer x SET note = 'same_role' WHERE x.alert_id = a.alert_id AND x.seq = m.seq;
    END IF;
    UPDATE bus.alert x SET acks = alert_taken.acks WHERE x.alert_id = a.alert_id;
    PERFORM bus.alert_move(m, a.alert_id, CASE WHEN is_enough THEN 'ACKNOWLEDGE' ELSE 'ACCEPT' END);
    IF is_enough AND a.is_open THEN
        PERFORM bus.say_answered(m, a);
    END IF;
END
$$;

-- The next is asked at once: for each step that was asked in vain once, while it had time.
CREATE FUNCTION bus.alert_rejected(m bus.said, a bus.alert, steps int2[], had_taken bool) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    left_acks int2;
    goes_on bool := EXISTS (SELECT FROM bus.alert_call c
                             WHERE c.alert_id = a.alert_id AND c.step = ANY (steps) AND c.outcome = 'ASKED' AND c.deadline_at > m.received_at
                               AND NOT EXISTS (SELECT FROM bus.alert_answer x
                                                WHERE x.alert_id = a.alert_id AND x.seq < m.seq AND x.answer = 'REJECTED'
                                                  AND x.note = '' AND c.step = ANY (x.steps)));
BEGIN
    UPDATE bus.alert_answer x SET counts = false, note = 'taken_back'
     WHERE x.alert_id = a.alert_id AND x.principal_id = m.sender_id AND x.counts;
    left_acks := bus.alert_acks(a.alert_id);
    UPDATE bus.alert x SET acks = left_acks WHERE x.alert_id = a.alert_id;
    PERFORM bus.alert_move(m, a.alert_id, CASE WHEN had_taken AND (left_acks < a.acks_needed OR bus.alert_untaken(a, m.seq) > 0) THEN 'TAKE_BACK' ELSE 'REJECT' END);
    SELECT * INTO a FROM bus.alert x WHERE x.alert_id = a.alert_id;
    IF a.is_open AND bus.alert_can(a, 'EXHAUST') AND (goes_on OR had_taken) THEN
        PERFORM bus.alert_timer(a.alert_id, m.received_at);
    END IF;
END
$$;

-- Who opens an incident, or decides about it, has taken the alarms that it rests on: as one of those who were asked, or
-- as somebody who may say the same of every place of the alarm.
CREATE FUNCTION bus.alert_of_incident(m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    done text := eoc.word(m.body->>'event', 'INCIDENT_EVENT_');
    a bus.alert;
    steps int2[];
    is_theirs bool;
BEGIN
    IF m.sender_id = 0 OR done IS NULL OR done NOT IN ('OPENED', 'CONFIRMED', 'JUDGED_FALSE', 'MERGED') THEN
        RETURN;
    END IF;
    FOR a IN SELECT x.* FROM bus.incident_report r JOIN bus.alert x ON x.alert_id = r.message_id
              WHERE r.incident_id = (m.body->>'incident_id')::uuid AND (x.is_open OR bus.alert_can(x, 'RESUME')) AND x.status = m.status
                AND x.sender_id <> m.sender_id
                AND NOT EXISTS (SELECT FROM bus.alert_answer n
                                 WHERE n.alert_id = x.alert_id AND n.principal_id = m.sender_id AND n.counts) ORDER BY x.seq LOOP
        steps := bus.alert_steps(a, m.sender_id, m.received_at, m.seq);
        is_theirs := bus.is_each_place_of(m, a.places);
        IF steps <> '{}' OR is_theirs THEN
            PERFORM bus.alert_keep(m, a, done, steps, '', is_theirs);
            PERFORM bus.alert_taken(m, a, bus.alert_acks(a.alert_id));
        END IF;
    END LOOP;
END
$$;
