-- ledger_alert: who is asked to take an alarm or an alert, one after the other, until enough have.
--
--   alarm or alert with a ladder (bus.escalation_rule) ─▶ ISSUED, timer
--        timer ─▶ bus.ring_alert says EscalationEvent STARTED to role@place ─▶ its judge: asked, timer of the next step
--        Receipt ACCEPTED ─▶ enough? ACKNOWLEDGED, no timer        Receipt REJECTED ─▶ the next is asked at once
--        nobody left ─▶ EXHAUSTED ─▶ UNANSWERED: open, until somebody takes it, or it is cancelled or over
--        all clear ─▶ CLEARED, timer ─▶ OVER said to who was asked; the same alarm before that goes on where it stood
--
-- Alarms and alerts may be warned first, so that they are only taken note of. Time and rosters are looked at when a
-- timer rings, and what they said stands in the log as an EscalationEvent: judged again, the log rings nothing.
--
-- A step passed over because nobody was on duty is not said by itself: the EscalationEvent of a later one tells it.
--
-- This file: what begins, repeats and ends an alert. Whom to ask: ledger_alert_ladder.sql; answers: ledger_alert_taken.sql;
-- EscalationEvents: ledger_alert_said.sql; public alerts: ledger_alert_cap.sql; their second person: ledger_alert_two.sql.
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
    WHEN 180 THEN RETURN bus.alert_public(m);
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
        -- What was taken may be over by itself one day; of what was cleared people hear when it does not come back.
        PERFORM bus.alert_timer(id, CASE WHEN event = 'PAUSE' THEN m.received_at + (SELECT x.flap_within FROM bus.ledger_setting x)
                                         WHEN d.to_state = a.state AND a.next_at IS NOT NULL THEN a.next_at
                                         WHEN EXISTS (SELECT FROM bus.transition t WHERE t.cycle = 'alert' AND t.from_state = d.to_state AND t.event = 'EXPIRE')
                                         THEN a.over_at END);
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

-- Beginning and end ----------------------------------------------------------------------------------

CREATE FUNCTION bus.alert_begin(m bus.said, levels text[], identifier text, cap_sender text, torrent int4, over_at timestamptz,
                                struck text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r bus.escalation_rule;
    acks_needed int2;
    calls bool := bus.alert_calls(m);
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
    FOR early IN SELECT d.seq, d.message_id, bus.said_by(d.seq, d.sender_id, d.doc->>'author') AS sender_id, d.status, d.event_at, d.received_at, d.doc->'receipt' AS body
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

-- Does it call people by itself? Not from an exercise about another time, nor from what was recorded while the link was down.
CREATE FUNCTION bus.alert_calls(m bus.said) RETURNS bool
LANGUAGE sql IMMUTABLE AS $$
    SELECT (m.flags & 1) = 0
           AND (m.status = 1 OR m.event_at BETWEEN m.received_at - interval '1 hour' AND m.received_at + interval '1 hour')
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
                PERFORM bus.alert_cleared(m, a);
            END IF;
        ELSIF bus.alert_can(a, 'RESUME') THEN
            IF a.level = at_level AND bus.are_within(m.places, string_to_array(a.places, ' ')) AND bus.alert_flaps(m, a) THEN
                PERFORM bus.alert_resumed(m, a);
                RETURN;
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

-- A sensor at its threshold says ALARM and CLEAR by turns. While somebody was asked, or has it, that is one alarm:
-- who was asked hears that it is over when it has not come back for bus.ledger_setting.flap_within.
CREATE FUNCTION bus.alert_cleared(m bus.said, a bus.alert) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (a.calls AND (a.step > 0 OR a.acks > 0)) OR NOT bus.alert_can(a, 'PAUSE') THEN
        PERFORM bus.alert_move(m, a.alert_id, 'CLEAR');
    ELSE
        UPDATE bus.alert x SET cleared_from = a.state WHERE x.alert_id = a.alert_id;
        PERFORM bus.alert_move(m, a.alert_id, 'PAUSE');
    END IF;
END
$$;
-- Does it come so soon after the all-clear? As the setting was then, when the log is judged again. What calls nobody is
-- not gone on with by what does, nor the other way.
CREATE FUNCTION bus.alert_flaps(m bus.said, a bus.alert) RETURNS bool
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('bus.rejudging', true), '') <> '' THEN
        RETURN EXISTS (SELECT FROM bus.rested_on x WHERE x.seq = m.seq AND x.what = 'flap');
    ELSIF a.calls <> bus.alert_calls(m) OR m.received_at >= a.since + (SELECT x.flap_within FROM bus.ledger_setting x) THEN
        RETURN false;
    END IF;
    INSERT INTO bus.rested_on (seq, what) VALUES (m.seq, 'flap') ON CONFLICT DO NOTHING;
    RETURN true;
END
$$;
-- It goes on where it stood: taken if enough had taken it, else the next is asked when the last has had his time.
CREATE FUNCTION bus.alert_resumed(m bus.said, a bus.alert) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    is_taken bool := a.acks >= a.acks_needed AND bus.alert_untaken(a, m.seq) = 0;
BEGIN
    UPDATE bus.alert x SET repeats = x.repeats + 1, over_at = CASE WHEN m.not_after IS NOT NULL THEN greatest(x.over_at, m.not_after) END
     WHERE x.alert_id = a.alert_id;
    INSERT INTO bus.alert_message (message_id, alert_id) VALUES (m.message_id, a.alert_id) ON CONFLICT DO NOTHING;
    PERFORM bus.alert_move(m, a.alert_id, CASE WHEN is_taken THEN 'RESUME_TAKEN' WHEN a.cleared_from = 'ISSUED' THEN 'RESUME'
                                               ELSE 'RESUME_ESCALATED' END);
    IF NOT is_taken THEN
        PERFORM bus.alert_timer(a.alert_id, CASE WHEN a.cleared_from = 'ACKNOWLEDGED' THEN m.received_at
                                                 ELSE greatest(m.received_at, bus.alert_next_at(a, a.step, a.asked_at)) END);
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

-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_alert() RETURNS void LANGUAGE sql AS
$$ DELETE FROM bus.alert; DELETE FROM bus.alert_message; DELETE FROM bus.alert_call; DELETE FROM bus.alert_answer; DELETE FROM bus.alert_ended $$;
