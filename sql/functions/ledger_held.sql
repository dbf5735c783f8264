-- ledger_held: what waits. A message whose predecessor has not arrived is held; when that comes it is woken, and
-- judged again. This file says in which order, how many at a time, and for how long.
--
--   bus.judge(m) ─▶ is anybody awake? they come first ─▶ bus.judge_one(m) ─▶ keep it ─▶ wake who waited, judge them
--   bus.tick     ─▶ is anybody awake still?           ─▶ who has waited too long (bus.age_held)
--
-- One rule for the order: who is awake is judged in the order of the log, and nothing new is judged before them. As
-- a storm of a thousand that one message wakes must not keep the head of the log from everybody, a message judges
-- at most bus.ledger_setting.woken_per_message of them. If some are left, the next message waits its turn: it is
-- held (code `in_turn`), awake already, and judged behind them, by the next message or by the next tick. So how
-- many fit into one transaction changes when something is decided, never what. What only takes note (reports,
-- alerts) is never made to wait: listeners may have heard it already.
--
-- A woken message is judged by the clock of the message that woke it. In one transaction no two look for the same
-- rows from the start: bus.woken_from says below which number nobody is awake ('none': nobody is). Settings of this
-- name live as long as the transaction, which holds the lock of the head.

-- May it wait its turn? Nobody has heard it yet, and its sender hears a Decision.
CREATE FUNCTION bus.takes_turns(m bus.said) RETURNS bool LANGUAGE sql IMMUTABLE AS
$$ SELECT m.type NOT IN (101, 120, 121, 122, 180, 181, 182) AND NOT (m.type = 204 AND m.sender_id = 0) $$;

-- Judges one message that is about to be stored under m.seq, and then whatever waited for it.
CREATE FUNCTION bus.judge(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    j bus.judgement;
    is_new bool := coalesce(current_setting('bus.rejudging', true), '') = '';
    before int4 := 0;
BEGIN
    IF coalesce(current_setting('bus.woken_from', true), '') <> 'none' THEN
        IF is_new OR NOT EXISTS (SELECT FROM bus.rested_on r WHERE r.seq = m.seq AND r.what = 'turn') THEN
            before := bus.judge_woken(bus.woken_most());
        END IF;
        IF current_setting('bus.woken_from') <> 'none' AND bus.takes_turns(m) THEN
            RETURN bus.queue(m);
        END IF;
    ELSIF NOT is_new AND EXISTS (SELECT FROM bus.rested_on r WHERE r.seq = m.seq AND r.what = 'turn') THEN
        RETURN bus.queue(m);
    END IF;
    PERFORM set_config('bus.waking', m.seq || ' ' || m.received_at, true);
    j := bus.judge_one(m);
    IF j.verdict = 2 THEN
        j := bus.too_many_held(m, j);
    END IF;
    IF j.verdict = 4 THEN
        IF is_new THEN
            DELETE FROM bus.rested_on r WHERE r.seq = m.seq; -- its number will be another one's
        END IF;
        RETURN j;
    END IF;
    PERFORM bus.keep_undecided(m, j);
    IF j.verdict IS DISTINCT FROM 2 THEN
        PERFORM bus.wake(m.message_id);
    END IF;
    IF current_setting('bus.woken_from') <> 'none' THEN
        PERFORM bus.judge_woken(bus.woken_most() - before);
    END IF;
    RETURN j;
END
$$;

-- Others are awake and come first.
CREATE FUNCTION bus.queue(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    j bus.judgement := bus.hold(NULL, 'in_turn', '', 'Many messages that waited are being judged; this one comes behind them.');
BEGIN
    PERFORM bus.keep_undecided(m, j);
    UPDATE bus.held h SET is_woken = true, woken_seq = m.seq, woken_at = m.received_at WHERE h.seq = m.seq;
    IF current_setting('bus.woken_from') = 'none' THEN
        PERFORM set_config('bus.woken_from', m.seq::text, true);
    END IF;
    INSERT INTO bus.rested_on (seq, what) VALUES (m.seq, 'turn') ON CONFLICT DO NOTHING;
    RETURN j;
END
$$;

-- How many may be judged again now: what is left of this message's share and the transaction's.
CREATE FUNCTION bus.woken_most() RETURNS int4
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF coalesce(current_setting('bus.rejudging', true), '') <> '' THEN
        RETURN 2147483647;
    END IF;
    RETURN (SELECT least(s.woken_per_message,
                         s.woken_per_commit - coalesce(nullif(current_setting('bus.woken_done', true), ''), '0')::int4)
              FROM bus.ledger_setting s);
END
$$;

-- A sender, or everybody together, may fill so much with what waits. A promise beyond that is refused; a fact has
-- happened, and a person sees to it.
CREATE FUNCTION bus.too_many_held(m bus.said, j bus.judgement) RETURNS bus.judgement
LANGUAGE plpgsql STABLE AS $$
DECLARE
    s bus.ledger_setting;
    why text;
BEGIN
    SELECT * INTO s FROM bus.ledger_setting;
    IF EXISTS (SELECT FROM bus.held h WHERE h.waits_for = j.waits_for AND h.settled_as IS NULL
                OFFSET s.held_per_thing - 1) THEN
        why := format('%s messages wait for the same thing already.', s.held_per_thing);
    ELSIF m.sender_id > 0
          AND EXISTS (SELECT FROM bus.held h WHERE h.sender_id = m.sender_id AND h.said IS NOT NULL
                       OFFSET s.held_per_sender - 1) THEN
        why := format('%s messages of this sender wait for something already.', s.held_per_sender);
    ELSE
        RETURN j;
    END IF;
    why := format('%s %s Say it again when what it waits for has come.', j.text, why);
    RETURN CASE WHEN bus.is_promise(m) THEN bus.refuse('too_many_held', j.path, why)
                ELSE bus.contest(j.waits_for, 'too_many_held', j.path, why) END;
END
$$;

CREATE FUNCTION bus.keep_undecided(m bus.said, j bus.judgement) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF j.verdict = 2 THEN
        INSERT INTO bus.held (seq, since, due_at, sender_id, type, message_id, waits_for, cycle, code, text, said)
        VALUES (m.seq, m.received_at, bus.held_until(m), m.sender_id, m.type, m.message_id, j.waits_for,
                bus.judge_of(m.type), coalesce(j.code, ''), coalesce(j.text, ''), to_jsonb(m));
    ELSIF j.verdict = 3 THEN
        INSERT INTO bus.contested (seq, since, type, message_id, entity, cycle, code, text, said)
        VALUES (m.seq, m.received_at, m.type, m.message_id, j.entity, bus.judge_of(m.type), coalesce(j.code, ''),
                coalesce(j.text, ''), to_jsonb(m));
    END IF;
END
$$;

-- What waits for this message or thing is judged again. Called by bus.judge for each message, and by judges for
-- what they brought into being.
CREATE FUNCTION bus.wake(id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    root text;
    awake_from text;
    first int8;
BEGIN
    -- One look by index is all that most messages cost.
    SELECT h.seq INTO first FROM bus.held h WHERE h.waits_for = id AND h.settled_as IS NULL LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    root := coalesce(current_setting('bus.waking', true), '');
    WITH woken AS (
        UPDATE bus.held h
           SET is_woken = true, woken_seq = nullif(split_part(root, ' ', 1), '')::int8,
               woken_at = nullif(substr(root, position(' ' IN root) + 1), '')::timestamptz
         WHERE h.waits_for = id AND h.settled_as IS NULL AND NOT h.is_woken RETURNING h.seq)
    SELECT min(w.seq) INTO first FROM woken w;
    awake_from := coalesce(current_setting('bus.woken_from', true), '');
    IF first IS NOT NULL AND (awake_from = 'none' OR awake_from <> '' AND first < awake_from::int8) THEN
        PERFORM set_config('bus.woken_from', first::text, true);
    END IF;
END
$$;

-- In the order of the log, until nobody is awake any more (one that is decided may wake others) or `most` were judged.
-- Answers how many.
CREATE FUNCTION bus.judge_woken(most int4) RETURNS int4
LANGUAGE plpgsql AS $$
DECLARE
    h bus.held;
    done int4 := 0;
    first text := coalesce(nullif(current_setting('bus.woken_from', true), ''), '0');
BEGIN
    WHILE first <> 'none' AND done < most LOOP
        SELECT * INTO h FROM bus.held x WHERE x.is_woken AND x.seq >= first::int8 ORDER BY x.seq LIMIT 1;
        IF FOUND THEN
            PERFORM set_config('bus.woken_from', (h.seq + 1)::text, true);
            PERFORM bus.judge_again(h);
            done := done + 1;
        ELSE
            PERFORM set_config('bus.woken_from', 'none', true);
        END IF;
        first := current_setting('bus.woken_from');
    END LOOP;
    IF first = '0' THEN
        PERFORM set_config('bus.woken_from', '0', true);
    END IF;
    PERFORM set_config('bus.woken_done', (done + coalesce(nullif(current_setting('bus.woken_done', true), ''), '0')::int4)::text,
                       true);
    RETURN done;
END
$$;

-- One that was woken, as of the moment when what woke it was received. If its judge fails, that is no reason to
-- refuse the message that woke it: what fails is contested. What is wrong with the server, not with the message
-- (disk, memory, locks, shutdown), fails all of it, to be tried again.
CREATE FUNCTION bus.judge_again(h bus.held) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    m bus.said := jsonb_populate_record(NULL::bus.said, h.said);
    j bus.judgement;
    by_seq int8 := coalesce(h.woken_seq, h.seq);
BEGIN
    m.received_at := greatest(m.received_at, h.woken_at);
    m.expired := m.expired OR m.status = 1 AND coalesce(m.not_after <= m.received_at, false);
    PERFORM set_config('bus.waking', by_seq || ' ' || m.received_at, true);
    BEGIN
        j := bus.judge_one(m);
        IF bus.is_over(m) THEN -- not that it has no life cycle
            j := bus.refuse('expired', 'not_after', 'Its time was over when what it waited for came.');
        END IF;
    EXCEPTION WHEN OTHERS THEN
        IF left(SQLSTATE, 2) IN ('40', '53', '55', '57', '58') THEN
            RAISE;
        END IF;
        j := bus.contest(h.waits_for, 'judge_failed', '', bus.cut(format('Its judge failed (%s): %s', SQLSTATE, SQLERRM), 500));
    END;
    IF j.verdict = 2 THEN
        UPDATE bus.held x
           SET is_woken = false, code = coalesce(j.code, ''), text = coalesce(j.text, ''), tries = x.tries + 1,
               waits_for = CASE WHEN x.tries + 1 < s.tries THEN j.waits_for END
          FROM bus.ledger_setting s WHERE x.seq = h.seq;
    ELSE
        PERFORM bus.settle(m, j, by_seq);
        PERFORM bus.say_decision(m, j);
        PERFORM bus.wake(m.message_id);
    END IF;
END
$$;

-- A held message is decided: it has its number, so a promise that cannot be kept is dismissed, not refused.
CREATE FUNCTION bus.settle(m bus.said, j bus.judgement, by_seq int8) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE bus.held h SET settled_at = m.received_at, settled_seq = by_seq, settled_as = coalesce(j.verdict, 1::int2),
                          is_woken = false, due_at = NULL, said = NULL
     WHERE h.seq = m.seq;
    IF j.verdict = 3 THEN
        PERFORM bus.keep_undecided(m, j);
    ELSIF j.verdict IS DISTINCT FROM 4 THEN
        PERFORM bus.names_follow(m);
    END IF;
END
$$;

-- The verdict that a message has by now. The log is not written again: what was held or contested keeps that verdict
-- there, and bus.held and bus.contested hold what became of it.
CREATE FUNCTION bus.verdict_now(seq int8, verdict int2) RETURNS int2
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF verdict IN (2, 3) THEN
        RETURN coalesce((SELECT c.settled_as FROM bus.contested c WHERE c.seq = verdict_now.seq),
                        (SELECT h.settled_as FROM bus.held h WHERE h.seq = verdict_now.seq), verdict);
    END IF;
    RETURN verdict;
END
$$;

-- What happened to a household is so, now: names that it has may go (or stay). Not while it is held or contested.
CREATE FUNCTION bus.names_follow(m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF m.type = 220 AND coalesce(current_setting('bus.rejudging', true), '') = '' THEN
        PERFORM bus.household_said(m.body, m.seq, m.sender_id, m.event_at);
    END IF;
END
$$;

-- Too long ------------------------------------------------------------------------------------------

-- Until when a message waits. The time of a promise may be over sooner; that of an exercise is no clock's.
CREATE FUNCTION bus.held_until(m bus.said) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT CASE WHEN bus.is_promise(m)
                        THEN least(m.received_at + s.promise_waits, CASE m.status WHEN 1 THEN m.not_after END)
                        ELSE m.received_at + s.fact_waits END
              FROM bus.ledger_setting s);
END
$$;

-- What never came: the bus says so to the sender of what waited, and that, stored, settles it (bus.judge_decision),
-- a promise as dismissed, a fact as contested. Not while somebody is awake. Answers how many.
CREATE FUNCTION bus.age_held(most int4, now_at timestamptz) RETURNS int4
LANGUAGE plpgsql AS $$
DECLARE
    h bus.held;
    m bus.said;
    aged int4 := 0;
BEGIN
    IF coalesce(current_setting('bus.woken_from', true), '') NOT IN ('', 'none') THEN
        RETURN 0;
    END IF;
    FOR h IN SELECT * FROM bus.held x WHERE NOT x.is_woken AND x.due_at <= now_at
              ORDER BY x.due_at, x.seq LIMIT most LOOP
        aged := aged + 1;
        m := jsonb_populate_record(NULL::bus.said, h.said);
        BEGIN
            PERFORM bus.say_never_came(m, h);
        EXCEPTION WHEN OTHERS THEN
            PERFORM bus.say_audit('aging_failed', h.seq::text, '', '', SQLERRM);
        END;
        UPDATE bus.held x SET due_at = NULL WHERE x.seq = h.seq AND x.settled_as IS NULL; -- not for ever again
    END LOOP;
    RETURN aged;
END
$$;

-- Messages that were taken away (bus.retire_log) wait for nothing any more, and nothing of them stays here.
CREATE FUNCTION bus.retire_undecided(upto int8) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE bus.held h
       SET said = NULL, is_woken = false, due_at = NULL, settled_as = coalesce(h.settled_as, 4::int2),
           settled_at = coalesce(h.settled_at, clock_timestamp())
     WHERE h.seq <= upto AND (h.said IS NOT NULL OR h.settled_as IS NULL);
    UPDATE bus.contested c
       SET said = NULL, settled_as = coalesce(c.settled_as, 4::int2), settled_at = coalesce(c.settled_at, clock_timestamp())
     WHERE c.seq <= upto AND (c.said IS NOT NULL OR c.settled_as IS NULL);
    DELETE FROM bus.rested_on r WHERE r.seq <= upto;
END
$$;
