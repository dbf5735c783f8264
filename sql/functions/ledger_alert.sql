-- ledger_alert: who is asked to take an alarm or an alert, one after the other, until enough have.
--
--   alarm or alert with a ladder (bus.escalation_rule) ─▶ ISSUED, timer
--        timer ─▶ bus.ring_alert says EscalationEvent STARTED to role@place ─▶ its judge: asked, timer of the next step
--        Receipt ACCEPTED ─▶ enough? ACKNOWLEDGED, no timer        Receipt REJECTED ─▶ the next is asked at once
--        nobody left ─▶ EXHAUSTED ─▶ UNANSWERED: open, until somebody takes it, or it is cancelled or over
--
-- Alarms and alerts may be warned first, so that they are only taken note of. Time and rosters are looked at when a
-- timer rings, and what they said stands in the log as an EscalationEvent: judged again, the log rings nothing.
--
-- A step passed over because nobody was on duty is not said by itself: the EscalationEvent of a later one tells it.
--
-- As in ledger.sql, functions have the search_path of the append and of the tick, which is fixed.
--
-- An exercise calls people only if it is about now: a night of years ago that is played to somebody wakes nobody, and is
-- over after a day. What was recorded while the link was down waits on the board for somebody to see it.

CREATE FUNCTION bus.judge_alert(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
BEGIN
    CASE m.type
    WHEN 181 THEN RETURN bus.alert_receipt(m);
    WHEN 182 THEN RETURN bus.alert_told(m);
    WHEN 180 THEN PERFORM bus.alert_public(m);
    WHEN 101 THEN PERFORM bus.alert_detected(m);
    ELSE PERFORM bus.alert_begin(m, '{}', '', '', 0, m.not_after, coalesce(eoc.word(m.body->>'hazard', 'HAZARD_'), ''));
    END CASE;
    RETURN NULL;
END
$$;

-- Moves ----------------------------------------------------------------------------------------------

-- False: there is no such move, and nothing happened.
CREATE FUNCTION bus.alert_move(m bus.said, id uuid, event text) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
    a bus.alert;
    d bus.decision;
    still_open bool;
BEGIN
    SELECT * INTO a FROM bus.alert x WHERE x.alert_id = id;
    d := bus.decide('alert', a.state, event);
    IF d.verdict <> 1 THEN
        RETURN false;
    END IF;
    SELECT s.is_open INTO still_open FROM bus.cycle_state s WHERE s.cycle = 'alert' AND s.state = d.to_state;
    UPDATE bus.alert x
       SET state = d.to_state, is_open = still_open, moved_seq = m.seq,
           since = CASE WHEN x.state = d.to_state THEN x.since ELSE m.received_at END
     WHERE x.alert_id = id;
    PERFORM bus.note_move(m, 'alert', id, 0, event, a.state, d.to_state);
    IF NOT still_open THEN
        PERFORM bus.alert_timer(id, NULL);
        IF coalesce(current_setting('bus.rejudging', true), '') = '' THEN -- nobody is asked any more
            DELETE FROM bus.to_say x WHERE x.type = 182 AND x.answers = id AND x.doc->'escalation_event'->>'outcome' LIKE '%\_STARTED';
        END IF;
        IF event IN ('CLEAR', 'CANCEL') THEN
            PERFORM bus.say_over(a);
        END IF;
    END IF;
    RETURN true;
END
$$;
CREATE FUNCTION bus.alert_can(a bus.alert, event text) RETURNS bool
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM bus.transition t WHERE t.cycle = 'alert' AND t.from_state = a.state AND t.event = alert_can.event)
$$;

-- Its one timer: at that time, or when it is over if that is before; null: none.
CREATE FUNCTION bus.alert_timer(id uuid, due_at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    rings_at timestamptz;
BEGIN
    UPDATE bus.alert a SET next_at = CASE WHEN due_at IS NOT NULL THEN least(CASE WHEN a.calls THEN due_at END, a.over_at) END
     WHERE a.alert_id = id RETURNING a.next_at INTO rings_at;
    IF rings_at IS NULL THEN
        PERFORM bus.stop_timer('alert', id);
    ELSE
        PERFORM bus.set_timer('alert', id, rings_at);
    END IF;
END
$$;

-- The ladder -----------------------------------------------------------------------------------------

-- The one that fits best: by level (the first of `levels` weighs most), then the narrowest place, then the hazard.
CREATE FUNCTION bus.ladder_for(of_type int2, levels text[], struck text, at_places text[]) RETURNS bus.escalation_rule
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT r FROM bus.escalation_rule r
     WHERE r.type = of_type AND (r.level = '' OR r.level = ANY (levels)) AND r.hazard IN ('', struck)
       AND (r.place = '' OR EXISTS (SELECT FROM unnest(at_places) AS p WHERE bus.is_within(p, r.place)))
     ORDER BY coalesce(array_position(levels, r.level), 99), length(r.place) DESC, r.hazard = '', r.acks_needed DESC LIMIT 1);
END
$$;
CREATE FUNCTION bus.ladder_of(a bus.alert) RETURNS SETOF bus.escalation_rule
LANGUAGE sql STABLE AS $$
    SELECT r.* FROM bus.escalation_rule r
     WHERE (r.type, r.level, r.hazard, r.place) = (a.type, a.rule_level, a.rule_hazard, a.rule_place) ORDER BY r.step
$$;

-- role@place of a step, for every district or region of the alert.
CREATE FUNCTION bus.escalation_targets(r bus.escalation_rule, places text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT format('%s@%s', r.role, at)
      FROM (SELECT u.ord, CASE WHEN r.at_place NOT IN ('district', 'region') THEN r.at_place
                               WHEN code ~ '^[0-9]{7}' THEN
                                    CASE WHEN r.at_place = 'region' THEN left(code, 4) || '000'
                                         WHEN substr(code, 5, 3) <> '000' THEN left(code, 7) END
                               WHEN r.at_place = 'region' THEN left(code, 4)
                               WHEN length(code) > 4 THEN code END AS at
              FROM string_to_table(coalesce(nullif(places, ''), '-'), ' ') WITH ORDINALITY AS u(code, ord)) AS x
     WHERE at ~ '^[0-9A-Za-z]' GROUP BY at ORDER BY min(ord)
$$;

-- Whom an EscalationEvent to role@place has to name, besides its author: the role, or those who have it by
-- delegation for messages like the alert alone. Null: nobody is on duty.
CREATE FUNCTION bus.escalation_entries(a bus.alert, target text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT CASE WHEN EXISTS (SELECT FROM bus.on_duty(split_part(target, '@', 1), split_part(target, '@', 2),
                                                     clock_timestamp(), 182::int2) AS o WHERE o.principal_id <> a.sender_id)
                THEN target
                ELSE (SELECT string_agg(DISTINCT o.principal, ' ')
                        FROM bus.on_duty(split_part(target, '@', 1), split_part(target, '@', 2), clock_timestamp(),
                                         a.type) AS o WHERE o.principal_id <> a.sender_id) END);
END
$$;

-- Had this principal the role at that time, as far as rosters before `before_seq` say?
CREATE FUNCTION bus.was_on_duty(target text, who int4, at timestamptz, before_seq int8, of_type int2) RETURNS bool
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM (SELECT * FROM bus.duty_roster d
                      WHERE d.role = split_part(target, '@', 1) AND d.place = split_part(target, '@', 2)
                        AND d.from_at <= was_on_duty.at AND d.seq < before_seq ORDER BY d.seq DESC LIMIT 1) AS r
          JOIN bus.duty_shift s ON s.roster_seq = r.seq
          JOIN bus.principal p ON p.name = s.principal
         WHERE p.principal_id = who AND was_on_duty.at < r.to_at AND was_on_duty.at >= s.from_at AND was_on_duty.at < s.to_at
           AND (s.delegated_types = '{}' OR s.delegated_types && ARRAY(SELECT t.name FROM bus.type t WHERE t.number IN (182, of_type))))
$$;

-- Steps and roles that the principal has: now, of the whole ladder; or had when they were asked.
CREATE FUNCTION bus.alert_turns(a bus.alert, who int4, at timestamptz, before_seq int8) RETURNS TABLE (step int2, target text)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT x.step, x.target
      FROM (SELECT r.step, t AS target, alert_turns.at AS at, alert_turns.before_seq AS before
              FROM bus.ladder_of(a) AS r, bus.escalation_targets(r, a.places) AS t
            UNION ALL
            SELECT c.step, c.target, u.at, u.before
              FROM bus.alert_call c, unnest(ARRAY[c.asked_at, alert_turns.at], ARRAY[c.seq, alert_turns.before_seq]) AS u(at, before)
             WHERE c.alert_id = a.alert_id AND c.outcome = 'ASKED') AS x
     WHERE bus.was_on_duty(x.target, who, x.at, x.before, a.type)
$$;
CREATE FUNCTION bus.alert_steps(a bus.alert, who int4, at timestamptz, before_seq int8) RETURNS int2[]
LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT x.step ORDER BY x.step), '{}') FROM bus.alert_turns(a, who, at, before_seq) AS x
$$;

-- In how many of its districts nobody has taken it, of those that were asked or will be at once: each answers for
-- itself, or somebody does who is asked later and whose place it lies in. Answers before `before_seq` count.
CREATE FUNCTION bus.alert_untaken(a bus.alert, before_seq int8) RETURNS int8
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT count(*)
      FROM bus.ladder_of(a) AS r CROSS JOIN LATERAL bus.escalation_targets(r, a.places) AS t
     WHERE r.at_place = 'district'
       AND (a.step = 0 AND r.step = 1
            OR EXISTS (SELECT FROM bus.alert_call c WHERE c.alert_id = a.alert_id AND c.step = r.step AND c.target = t
                                                      AND c.outcome = 'ASKED' AND c.sender_id = 0))
       AND NOT EXISTS (
           SELECT FROM bus.alert_answer n CROSS JOIN LATERAL unnest(n.targets) AS its
            WHERE n.alert_id = a.alert_id AND n.counts AND n.seq < before_seq
              AND (its IN (t, '*')
                   OR EXISTS (SELECT FROM bus.ladder_of(a) AS l CROSS JOIN LATERAL bus.escalation_targets(l, a.places) AS lt
                               WHERE lt = its AND l.step > r.step
                                 AND EXISTS (SELECT FROM bus.ladder_of(a) AS w WHERE w.step > r.step AND w.step <= l.step AND w.after > '0')
                                 AND (l.at_place NOT IN ('district', 'region')
                                      OR bus.is_within(split_part(t, '@', 2), split_part(its, '@', 2)))))));
END
$$;

-- How many acknowledgements there are: different persons of different steps, as many as can be told apart, and whoever
-- took its incident without having been asked.
CREATE FUNCTION bus.alert_acks(id uuid) RETURNS int2
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE who AS (
        SELECT row_number() OVER (ORDER BY n.seq) AS n, n.steps FROM bus.alert_answer n WHERE n.alert_id = id AND n.counts AND n.steps <> '{}'
    ), taken AS (
        SELECT 0::int8 AS n, '{}'::int2[] AS steps
        UNION
        SELECT w.n, o.steps FROM taken t JOIN who w ON w.n = t.n + 1
         CROSS JOIN LATERAL (SELECT t.steps UNION ALL
                             SELECT ARRAY(SELECT u FROM unnest(t.steps || s) AS u ORDER BY u)
                               FROM unnest(w.steps) AS s WHERE s <> ALL (t.steps)) AS o
    )
    SELECT (max(cardinality(steps))
            + (SELECT count(DISTINCT n.principal_id) FROM bus.alert_answer n WHERE n.alert_id = id AND n.counts AND n.steps = '{}'))::int2
      FROM taken
$$;

-- Beginning and end ----------------------------------------------------------------------------------

CREATE FUNCTION bus.alert_begin(m bus.said, levels text[], identifier text, cap_sender text, torrent int4, over_at timestamptz,
                                struck text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r bus.escalation_rule;
    acks_needed int2;
    calls bool := (m.flags & 1) = 0
                  AND (m.status = 1 OR m.event_at BETWEEN m.received_at - interval '1 hour' AND m.received_at + interval '1 hour');
    early record;
    s bus.said;
BEGIN
    IF m.status NOT IN (1, 2) OR m.expired THEN
        RETURN;
    END IF;
    SELECT * INTO acks_needed, r.level, r.hazard, r.place FROM bus.ladder_given(m, levels, struck);
    IF r.level IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO bus.alert (alert_id, seq, moved_seq, began_at, since, over_at, event_at, sender_id, torrent_id, type, status, label,
                           acks_needed, is_open, calls, state, level, hazard, identifier, cap_sender, places, rule_level,
                           rule_hazard, rule_place, incident_ids)
    VALUES (m.message_id, m.seq, m.seq, m.received_at, m.received_at,
            CASE WHEN calls OR m.status = 1 THEN alert_begin.over_at ELSE m.received_at + interval '1 day' END, m.event_at,
            m.sender_id, torrent, m.type, m.status, m.label, acks_needed, true, calls, '', array_to_string(levels, ' '), struck, alert_begin.identifier, alert_begin.cap_sender,
            coalesce(array_to_string(m.places, ' '), ''), r.level, r.hazard, r.place, m.incident_ids)
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN; -- the same id by another sender
    END IF;
    INSERT INTO bus.alert_message (message_id, alert_id) VALUES (m.message_id, m.message_id) ON CONFLICT DO NOTHING;
    PERFORM bus.alert_move(m, m.message_id, 'ISSUE');
    PERFORM bus.alert_timer(m.message_id, m.received_at);
    -- Of a FLASH that was heard before it was stored, the answer may be here first.
    FOR early IN SELECT d.seq, d.message_id, d.sender_id, d.status, d.event_at, d.received_at, d.doc->'receipt' AS body
                   FROM bus.document d
                  WHERE d.type = 181 AND d.seq < m.seq AND d.sender_id > 0
                    AND d.doc->'receipt'->>'level' IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED')
                    AND d.doc->'receipt'->>'message_id' = m.message_id::text ORDER BY d.seq LOOP
        s.seq := early.seq;
        s.message_id := early.message_id;
        s.sender_id := early.sender_id;
        s.type := 181;
        s.status := early.status;
        s.event_at := early.event_at;
        s.received_at := early.received_at;
        s.body := early.body;
        PERFORM bus.alert_receipt(s);
    END LOOP;
END
$$;

-- Acknowledgements needed, level, hazard and place of its ladder; when the log is judged again, the one it had, so that
-- rules of today call nobody for what is long past. Null: it has none.
CREATE FUNCTION bus.ladder_given(m bus.said, levels text[], struck text, OUT acks_needed int2, OUT level text, OUT hazard text, OUT place text)
LANGUAGE plpgsql AS $$
DECLARE
    r bus.escalation_rule;
    detail text;
BEGIN
    IF coalesce(current_setting('bus.rejudging', true), '') <> '' THEN
        SELECT x.detail INTO detail FROM bus.rested_on x WHERE x.seq = m.seq AND x.what = 'ladder';
        acks_needed := split_part(detail, '/', 1)::int2;
        level := split_part(detail, '/', 2);
        hazard := split_part(detail, '/', 3);
        place := split_part(detail, '/', 4);
        RETURN;
    END IF;
    r := bus.ladder_for(m.type, levels, struck, m.places);
    IF r.type IS NOT NULL THEN
        SELECT max(x.acks_needed), r.level, r.hazard, r.place INTO acks_needed, level, hazard, place
          FROM bus.escalation_rule x WHERE (x.type, x.level, x.hazard, x.place) = (r.type, r.level, r.hazard, r.place);
        INSERT INTO bus.rested_on (seq, what, detail)
        VALUES (m.seq, 'ladder', concat_ws('/', acks_needed, level, hazard, place)) ON CONFLICT DO NOTHING;
    END IF;
END
$$;

-- A detection goes on with what its gateway said of the torrent and of the same places before, as long as somebody is
-- being asked, or the level has not been lower since it was taken. One for which nobody was left takes no other along.
CREATE FUNCTION bus.alert_detected(m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    a bus.alert;
    at_level text := coalesce(eoc.word(m.body->>'level', 'DETECTION_LEVEL_'), '');
    torrent int4 := coalesce((m.body->>'torrent_id')::int4, 0);
BEGIN
    IF at_level <> 'CLEAR' AND coalesce(current_setting('bus.rejudging', true), '') = ''
       AND NOT EXISTS (SELECT FROM bus.escalation_rule r WHERE r.type = 101 AND r.level IN ('', at_level)) THEN
        RETURN;
    END IF;
    -- What its clock says of an alarm may be later than when that was here.
    FOR a IN SELECT * FROM bus.alert x
              WHERE x.sender_id = m.sender_id AND x.torrent_id = torrent AND x.type = 101 AND x.status = m.status
                AND x.state NOT IN ('OVER', 'CANCELLED') AND least(x.event_at, x.began_at) <= m.event_at ORDER BY x.seq DESC LOOP
        IF at_level = 'CLEAR' THEN
            IF torrent > 0 OR bus.are_within(string_to_array(a.places, ' '), m.places) THEN
                PERFORM bus.alert_move(m, a.alert_id, 'CLEAR');
            END IF;
        ELSIF a.level = at_level AND a.state <> 'UNANSWERED' AND bus.are_within(m.places, string_to_array(a.places, ' '))
              AND (a.is_open OR m.body->>'previous_level' = m.body->>'level') THEN
            UPDATE bus.alert x SET repeats = x.repeats + 1 WHERE x.alert_id = a.alert_id;
            INSERT INTO bus.alert_message (message_id, alert_id) VALUES (m.message_id, a.alert_id) ON CONFLICT DO NOTHING;
            RETURN;
        ELSIF a.level = at_level AND NOT a.is_open AND bus.are_within(string_to_array(a.places, ' '), m.places) THEN
            PERFORM bus.alert_move(m, a.alert_id, 'SUPERSEDE'); -- what was taken then is over
        END IF;
    END LOOP;
    IF at_level <> 'CLEAR' THEN
        PERFORM bus.alert_begin(m, ARRAY[at_level], '', '', torrent, m.not_after,
                                coalesce(eoc.word(m.body->>'hazard', 'HAZARD_'), ''));
    END IF;
END
$$;

CREATE FUNCTION bus.are_within(places text[], others text[]) RETURNS bool
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM unnest(places) AS p WHERE p <> ''
                        AND NOT EXISTS (SELECT FROM unnest(others) AS o WHERE o <> '' AND bus.is_within(p, o)));
END
$$;

-- CAP: what it refers to ends or is answered; an alert or an update begins.
CREATE FUNCTION bus.alert_public(m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    b jsonb := m.body;
    says text := coalesce(eoc.word(b->>'msg_type', 'CAP_MSG_TYPE_'), '');
    a bus.alert;
    d record;
BEGIN
    IF b->>'status' = 'CAP_STATUS_DRAFT' THEN
        RETURN;
    END IF;
    FOR d IN SELECT * FROM bus.alerts_referred(m) LOOP
        SELECT * INTO a FROM bus.alert x WHERE x.alert_id = d.alert_id AND x.type = 180 AND x.status = m.status;
        IF says IN ('ACK', 'ERROR') AND FOUND THEN
            PERFORM bus.alert_answered(m, a, CASE says WHEN 'ACK' THEN 'ACCEPTED' ELSE 'REJECTED' END);
        ELSIF says IN ('CANCEL', 'UPDATE') AND (m.sender_id = d.sender_id OR bus.is_each_place_of(m, d.places)) THEN
            INSERT INTO bus.alert_ended (alert_id, seq) VALUES (d.alert_id, m.seq) ON CONFLICT DO NOTHING;
            IF a.alert_id IS NOT NULL THEN
                PERFORM bus.alert_move(m, a.alert_id, CASE says WHEN 'CANCEL' THEN 'CANCEL' ELSE 'SUPERSEDE' END);
            END IF;
        END IF;
    END LOOP;
    IF says IN ('ALERT', 'UPDATE') THEN
        PERFORM bus.alert_begin(
            m, bus.cap_levels(b), coalesce(b->>'identifier', ''), coalesce(b->>'cap_sender', ''), 0,
            least(m.not_after, (SELECT max(eoc.at(i->>'expires_us')) FROM jsonb_array_elements(b->'infos') AS i)),
            coalesce(eoc.word(b->'infos'->0->>'hazard', 'HAZARD_'), ''));
        PERFORM bus.response_started(m);
    END IF;
END
$$;
-- The public alerts that it refers to, by id or by identifier and issuer.
CREATE FUNCTION bus.alerts_referred(m bus.said) RETURNS TABLE (alert_id uuid, sender_id int4, places text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.message_id, d.sender_id, coalesce(d.places, '')
      FROM (SELECT x.seq FROM jsonb_array_elements(coalesce(m.body->'references', '[]')) AS r
              JOIN bus.document x ON x.message_id = nullif(r->>'message_id', '')::uuid AND x.type = 180
            UNION
            SELECT x.seq FROM jsonb_array_elements(coalesce(m.body->'references', '[]')) AS r
              JOIN bus.document x ON x.type = 180 AND x.doc->'public_alert'->>'identifier' = nullif(r->>'identifier', '')
             WHERE coalesce(nullif(r->>'cap_sender', ''), x.doc->'public_alert'->>'cap_sender', '') = coalesce(x.doc->'public_alert'->>'cap_sender', '')) AS n
      JOIN bus.document d ON d.seq = n.seq
     WHERE d.status = m.status AND d.seq < m.seq ORDER BY d.seq;
END
$$;
-- EVACUATE if any language asks for it, then its most pressing urgency.
CREATE FUNCTION bus.cap_levels(b jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (SELECT ARRAY(SELECT 'EVACUATE' FROM jsonb_array_elements(b->'infos') AS i
                  WHERE i->'response_types' ? 'CAP_RESPONSE_TYPE_EVACUATE' LIMIT 1)
           || ARRAY(SELECT eoc.word(i->>'urgency', 'URGENCY_') FROM jsonb_array_elements(b->'infos') AS i
                     WHERE i ? 'urgency'
                     ORDER BY array_position(ARRAY['URGENCY_IMMEDIATE', 'URGENCY_EXPECTED', 'URGENCY_FUTURE'], i->>'urgency')
                     LIMIT 1));
END
$$;

-- Who warns the public of a confirmed incident has begun to respond: the bus says so.
CREATE FUNCTION bus.response_started(m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    i bus.incident;
BEGIN
    FOR i IN SELECT * FROM bus.incident x
              WHERE x.incident_id = ANY (m.incident_ids) AND x.status = m.status AND x.state = 'CONFIRMED' LOOP
        PERFORM bus.say_later(
            3::int2, m.status, 1, 141::int2, NULL, m.message_id,
            bus.pb_bytes(1, uuid_send(i.incident_id)) || bus.pb_number(2, 6) || bus.pb_number(3, 3) || bus.pb_number(4, 4)
                || bus.pb_bytes(9, uuid_send(m.message_id)),
            jsonb_build_object('incident_transition', jsonb_build_object(
                'incident_id', i.incident_id, 'event', 'INCIDENT_EVENT_RESPONSE_STARTED',
                'from_state', 'INCIDENT_STATE_CONFIRMED', 'to_state', 'INCIDENT_STATE_RESPONDING',
                'evidence_ids', jsonb_build_array(m.message_id))),
            i.label, bus.now_of(m), i.places);
    END LOOP;
END
$$;

-- Answers --------------------------------------------------------------------------------------------

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
    IF FOUND AND bus.alert_answered(m, a, answer) THEN
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
              WHERE r.incident_id = (m.body->>'incident_id')::uuid AND x.is_open AND x.status = m.status
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

-- Said by the bus ------------------------------------------------------------------------------------

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
    IF NOT FOUND OR NOT a.is_open THEN
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
        due := m.received_at + coalesce((SELECT x.after FROM bus.ladder_of(a) AS x WHERE x.step > at_step ORDER BY x.step LIMIT 1),
                                        (SELECT x.answer_within FROM bus.ladder_of(a) AS x WHERE x.step = at_step),
                                        interval '0');
    ELSIF told = 'EXHAUSTED' THEN
        due := a.over_at;
    END IF;
    IF a.is_open THEN
        PERFORM bus.alert_timer(id, due);
    END IF;
END
$$;

-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_alert() RETURNS void LANGUAGE sql AS
$$ DELETE FROM bus.alert; DELETE FROM bus.alert_message; DELETE FROM bus.alert_call; DELETE FROM bus.alert_answer; DELETE FROM bus.alert_ended $$;
