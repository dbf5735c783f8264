-- recipients: what becomes of a message for each of those it was sent to.
--
--   STORED ─▶ DELIVERED ─▶ DISPLAYED ─▶ ACCEPTED | REJECTED      by receipts of those it stands for
--      └────────┴────────────┴────────▶ EXPIRED                  its time is over, nobody answered
--      └────────┴────────────┴────────▶ UNDELIVERABLE            nobody is there, or no longer
--
-- Forward only; the last word stands. All of it happens under the lock of the head.
-- Facts are never refused: a receipt that moves nothing is kept as a step with a note. The database's
-- own steps are told to the sender by bus.tick, each in one transaction with the receipt that says it.

-- Everybody who may be a recipient now.
CREATE FUNCTION bus.is_in_force(p bus.principal) RETURNS bool LANGUAGE sql STABLE AS
$$ SELECT p.principal_id > 0 AND p.revoked_at IS NULL AND (p.not_after IS NULL OR p.not_after > clock_timestamp()) $$;

-- Who is on duty in `role`@`place` at a time, as far as the delegations go for a type of message (null:
-- whatever the type). In force is the latest roster that has begun, so that a later one replaces an
-- earlier one from its period on, and nobody else's.
CREATE FUNCTION bus.on_duty(role text, place text, at timestamptz, type int2)
RETURNS TABLE (principal_id int4, turn int2, principal text, delegated_by text, delegated_types text[],
               from_at timestamptz, to_at timestamptz, roster_seq int8)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.principal_id, s.turn, s.principal, s.delegated_by, s.delegated_types, s.from_at, s.to_at, r.seq
      FROM (SELECT * FROM bus.duty_roster d
             WHERE d.role = on_duty.role AND d.place = on_duty.place AND d.from_at <= on_duty.at
             ORDER BY d.seq DESC LIMIT 1) AS r
      JOIN bus.duty_shift s ON s.roster_seq = r.seq
      JOIN bus.principal p ON p.name = s.principal
     WHERE on_duty.at < r.to_at AND on_duty.at >= s.from_at AND on_duty.at < s.to_at AND p.principal_id > 0
       AND p.revoked_at IS NULL AND (p.not_after IS NULL OR p.not_after > clock_timestamp())
       AND (on_duty.type IS NULL OR s.delegated_types = '{}'
            OR (SELECT t.name FROM bus.type t WHERE t.number = on_duty.type) = ANY (s.delegated_types))
     ORDER BY s.turn, s.shift
$$;

-- The principals an entry of to[] stands for: by its name, its agency, or its duty. `first_only`: of a role
-- only those who are called first.
CREATE FUNCTION bus.stands_for(named text, type int2, sender_id int4, first_only bool) RETURNS SETOF int4
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT p.principal_id FROM bus.principal p WHERE p.name = named AND bus.is_in_force(p)
    UNION
    SELECT p.principal_id FROM bus.principal p
     WHERE strpos(named, '@') = 0 AND (p.agency = named OR split_part(p.name, '.', 1) = named)
       AND p.principal_id <> stands_for.sender_id AND bus.is_in_force(p)
       AND NOT EXISTS (SELECT FROM bus.principal q WHERE q.name = named)
    UNION
    SELECT d.principal_id
      FROM (SELECT o.*, min(o.turn) OVER () AS first_turn
              FROM bus.on_duty(split_part(named, '@', 1), split_part(named, '@', 2), clock_timestamp(),
                               stands_for.type) AS o
             WHERE strpos(named, '@') > 0) AS d
     WHERE d.turn = d.first_turn OR NOT first_only;
END
$$;

-- Why an entry stands for nobody.
CREATE FUNCTION bus.why_nobody(named text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN strpos(named, '@') > 0 THEN 'nobody_on_duty'
                WHEN EXISTS (SELECT FROM bus.principal p WHERE p.name = named AND p.principal_id > 0
                              OR p.name <> named AND named IN (p.agency, split_part(p.name, '.', 1))
                                 AND NOT bus.is_in_force(p)) THEN 'revoked'
                WHEN EXISTS (SELECT FROM bus.principal p WHERE named IN (p.agency, split_part(p.name, '.', 1))
                                                           AND p.principal_id > 0) THEN 'nobody_else'
                WHEN strpos(named, '.') > 0 THEN 'unknown_principal'
                ELSE 'unknown_agency' END
$$;

-- One entry gets to `to_level`, if that is forward, and the step is written down.
CREATE FUNCTION bus.recipient_move(of_seq int8, of_ordinal int2, to_level int2, by_principal int4, why text,
                                   receipt int8, said timestamptz, by_text text, for_people text) RETURNS bool
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r bus.recipient;
BEGIN
    UPDATE bus.recipient SET level = to_level, level_at = clock_timestamp(), by_id = by_principal, code = why
     WHERE seq = of_seq AND ordinal = of_ordinal AND level < least(to_level, 4)
    RETURNING * INTO r;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO bus.recipient_step (said_at, message_id, seq, ordinal, named, principal_id, level, said_by, code,
                                    text, receipt_seq)
    SELECT said, a.message_id, of_seq, of_ordinal, r.named, by_principal, to_level, by_text, why, for_people, receipt
      FROM bus.addressed a WHERE a.seq = of_seq;
    RETURN true;
END
$$;

-- Its time is over: how far it had got says why nobody answered. Whom it has not reached it never will, since
-- nobody gets as live what is over.
CREATE FUNCTION bus.recipient_expire(of_seq int8, of_ordinal int2, level int2) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE bus.recipient_reach e SET level = 6, level_at = clock_timestamp()
     WHERE e.seq = of_seq AND e.ordinal = of_ordinal AND e.level = 1;
    SELECT bus.recipient_move(of_seq, of_ordinal, 6::int2, NULL,
                              (ARRAY['not_delivered', 'not_displayed', 'not_answered'])[level],
                              NULL, NULL, '', '')
$$;

-- What a receipt of `from_id` does for one message.
CREATE FUNCTION bus.receipt_apply(about int8, receipt int8, from_id int4, to_level int2, for_named text, why text,
                                  said timestamptz, by_text text, for_people text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    a bus.addressed;
    r bus.recipient;
    found_one bool := false;
    went_on bool;
    noted text;
BEGIN
    SELECT * INTO STRICT a FROM bus.addressed WHERE seq = about;
    FOR r IN
        SELECT * FROM bus.recipient x
         WHERE x.seq = about AND for_named IN ('', x.named)
           AND (EXISTS (SELECT FROM bus.recipient_reach e
                         WHERE e.seq = about AND e.ordinal = x.ordinal AND e.principal_id = from_id)
                OR from_id IN (SELECT bus.stands_for(x.named, a.type, a.sender_id, false)))
         ORDER BY x.ordinal FOR UPDATE
    LOOP
        found_one := true;
        IF to_level NOT BETWEEN 2 AND 6 THEN
            noted := 'not_theirs_to_say';
        ELSE
            IF r.level < 4 AND r.due_at <= clock_timestamp() THEN
                PERFORM bus.recipient_expire(about, r.ordinal, r.level);
                r.level := 6;
            END IF;
            INSERT INTO bus.recipient_reach AS e (seq, ordinal, principal_id, level, level_at)
            VALUES (about, r.ordinal, from_id, to_level, clock_timestamp())
                ON CONFLICT (seq, ordinal, principal_id) DO UPDATE SET level = to_level, level_at = clock_timestamp()
             WHERE e.level < least(to_level, 4)
            RETURNING true INTO went_on;
            CONTINUE WHEN bus.recipient_move(about, r.ordinal, to_level, from_id, why, receipt, said, by_text,
                                             for_people);
            noted := CASE WHEN r.level = 6 THEN 'expired_before' WHEN r.level = 7 THEN 'undeliverable_before'
                          WHEN r.level >= 4 AND to_level >= 4 THEN 'answered_before'
                          WHEN went_on THEN 'others_were_first' ELSE 'known_before' END;
        END IF;
        INSERT INTO bus.recipient_step (said_at, message_id, seq, ordinal, named, principal_id, level, said_by, code,
                                        text, receipt_seq, note)
        VALUES (said, a.message_id, about, r.ordinal, r.named, from_id, to_level, by_text, why, for_people, receipt,
                noted);
    END LOOP;
    IF NOT found_one THEN
        INSERT INTO bus.recipient_step (said_at, message_id, seq, named, principal_id, level, said_by, code, text,
                                        receipt_seq, note)
        VALUES (said, a.message_id, about, for_named, from_id, to_level, by_text, why, for_people, receipt,
                'not_a_recipient');
    END IF;
END
$$;

-- A message of type receipt: moves what it speaks of, and goes to whoever sent that. Of a FLASH that was
-- heard before it was stored the receipt may be here first; it waits as a step without a number.
CREATE FUNCTION bus.receipt_taken(receipt int8, from_id int4, body jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid := (body->>'message_id')::uuid;
    to_level int2 := coalesce(array_position(ARRAY['STORED', 'DELIVERED', 'DISPLAYED', 'ACCEPTED', 'REJECTED',
                                                   'EXPIRED', 'UNDELIVERABLE'],
                                             substr(body->>'level', length('RECEIPT_LEVEL_') + 1)), 0);
    said timestamptz := eoc.at(body->>'time_us');
    named text := coalesce(body->>'recipient', '');
    why text := coalesce(body->>'code', '');
    by_text text := coalesce(body->>'by', '');
    for_people text := coalesce(body->>'text', '');
    a bus.addressed;
BEGIN
    FOR a IN SELECT * FROM bus.addressed x WHERE x.message_id = id ORDER BY x.seq LOOP
        INSERT INTO bus.recipient_reach (seq, ordinal, principal_id, level, level_at)
        VALUES (receipt, 0, a.sender_id, 0, clock_timestamp()) ON CONFLICT DO NOTHING;
        PERFORM bus.receipt_apply(a.seq, receipt, from_id, to_level, named, why, said, by_text, for_people);
    END LOOP;
    IF NOT FOUND THEN
        INSERT INTO bus.recipient_step (said_at, message_id, named, principal_id, level, said_by, code, text,
                                        receipt_seq, note)
        VALUES (said, id, named, from_id, to_level, by_text, why, for_people, receipt, 'message_unknown');
    END IF;
END
$$;

-- Receipts that were here before their message.
CREATE FUNCTION bus.receipts_early(about int8, id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s bus.recipient_step;
BEGIN
    FOR s IN SELECT * FROM bus.recipient_step x WHERE x.message_id = id AND x.seq IS NULL ORDER BY x.step_id LOOP
        DELETE FROM bus.recipient_step x WHERE x.step_id = s.step_id;
        PERFORM bus.receipt_apply(about, s.receipt_seq, s.principal_id, s.level, s.named, s.code, s.said_at,
                                  s.said_by, s.text);
    END LOOP;
END
$$;

-- A message of type duty_roster. The place it speaks of stands in its body: whoever may not say a roster there
-- sets nothing, and hears nothing of what is for the role.
CREATE FUNCTION bus.roster_set(roster int8, from_id int4, body jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT bus.may((SELECT p.name FROM bus.principal p WHERE p.principal_id = from_id), 'say', 'duty_roster',
                   coalesce(body->>'place', ''), 'PUBLIC') THEN
        RETURN;
    END IF;
    INSERT INTO bus.duty_roster (seq, from_at, to_at, set_by, role, place)
    VALUES (roster, coalesce(eoc.at(body->'period'->>'from_us'), '-infinity'),
            coalesce(eoc.at(body->'period'->>'to_us'), 'infinity'), from_id, body->>'role', body->>'place');
    INSERT INTO bus.duty_shift (roster_seq, shift, turn, principal, delegated_by, delegated_types, from_at, to_at)
    SELECT roster, ord, (s->>'order')::int2, s->>'principal', coalesce(s->>'delegated_by', ''),
           ARRAY(SELECT jsonb_array_elements_text(coalesce(s->'delegated_types', '[]'))),
           coalesce(eoc.at(s->'period'->>'from_us'), '-infinity'), coalesce(eoc.at(s->'period'->>'to_us'), 'infinity')
      FROM jsonb_array_elements(body->'shifts') WITH ORDINALITY AS u(s, ord);
END
$$;

-- Writes down whom one message is for. `entries`: to[] joined by blanks.
CREATE FUNCTION bus.address(a bus.addressed, entries text, is_over bool) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry record;
    who int4[];
    is_followed bool := a.type NOT IN (181, 282);
BEGIN
    IF is_followed THEN
        INSERT INTO bus.addressed SELECT a.*;
    END IF;
    FOR entry IN SELECT u.named, min(u.ord)::int2 AS ordinal
                   FROM unnest(string_to_array(entries, ' ')) WITH ORDINALITY AS u(named, ord)
                  GROUP BY u.named ORDER BY ordinal LOOP
        who := ARRAY(SELECT bus.stands_for(entry.named, a.type, a.sender_id, true) AS id ORDER BY id);
        INSERT INTO bus.recipient_reach (seq, ordinal, principal_id, level, level_at)
        SELECT a.seq, entry.ordinal, id, CASE WHEN NOT is_followed THEN 0 WHEN is_over THEN 6 ELSE 1 END, a.stored_at
          FROM unnest(who) AS id;
        CONTINUE WHEN NOT is_followed;
        INSERT INTO bus.recipient (seq, ordinal, named, level, level_at, due_at)
        VALUES (a.seq, entry.ordinal, entry.named, 1, a.stored_at, a.due_at);
        IF is_over THEN
            PERFORM bus.recipient_move(a.seq, entry.ordinal, 6::int2, NULL, 'too_late', NULL, NULL, '', '');
        ELSIF who = '{}' THEN
            PERFORM bus.recipient_move(a.seq, entry.ordinal, 7::int2, NULL, bus.why_nobody(entry.named), NULL, NULL,
                                       '', '');
        END IF;
    END LOOP;
END
$$;

-- What a batch that was just stored means for recipients: whom its messages are for (`m_to`, null: none is for
-- anybody), its rosters, agreements and receipts, in the order of their numbers. What has no expiry is given up
-- after thirty days, so that every message comes to an end.
CREATE FUNCTION bus.recipients_of(res bus.append_result, m_sender int4[], m_lane int2[], m_type int2[],
                                  m_status int2[], m_id uuid[], m_places text[], m_not_after timestamptz[],
                                  m_to text[], d_ordinal int4[], d_doc jsonb[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    a bus.addressed;
    body jsonb;
    from_id int4;
BEGIN
    FOR i IN 1 .. cardinality(m_type) LOOP
        CONTINUE WHEN m_to[i] IS NULL AND m_type[i] NOT IN (181, 203, 240) OR res.outcome[i] <> 1;
        a := (coalesce(res.seq[i], res.before + i), clock_timestamp(),
              coalesce(m_not_after[i], clock_timestamp() + interval '30 days'), m_sender[i], m_lane[i], m_type[i],
              m_status[i], m_id[i], m_places[i]);
        IF m_to[i] IS NOT NULL THEN
            PERFORM bus.address(a, m_to[i], coalesce(res.expired[i], false));
            PERFORM bus.receipts_early(a.seq, a.message_id);
        END IF;
        CONTINUE WHEN m_sender[i] = 0 OR m_type[i] NOT IN (181, 203, 240);
        body := d_doc[array_position(d_ordinal, i)];
        from_id := a.sender_id;
        IF body ? 'author' THEN -- a person, where several speak through one sender
            from_id := bus.carried_author(a.sender_id, body->>'author', a.type, a.places,
                                     CASE WHEN body ? 'label' THEN bus.label_rank(body->>'label') ELSE 2 END);
        END IF;
        IF m_type[i] = 203 THEN
            IF a.status = 1 THEN -- who is on duty in an exercise is on duty nowhere else
                PERFORM bus.roster_set(a.seq, from_id, body->'duty_roster');
            END IF;
        ELSIF m_type[i] = 240 THEN
            PERFORM bus.agreement_said(a.seq, a.sender_id, body->'sharing_agreement');
        ELSE
            PERFORM bus.receipt_taken(a.seq, coalesce(from_id, a.sender_id), body->'receipt');
        END IF;
    END LOOP;
END
$$;

-- Delivered --------------------------------------------------------------------------------------

-- Where a message goes, as proto/wire/topic.h has it.
CREATE FUNCTION bus.topics(status int2, type int2, places text) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws('.', coalesce((ARRAY['actual', 'exercise', 'system', 'test'])[topics.status], 'unknown'),
                     coalesce(t.family, 'unknown'), coalesce(t.name, 'unknown'),
                     CASE WHEN code = '' THEN '-' WHEN code ~ '^[0-9]' THEN left(code, 4) || '000' ELSE left(code, 4) END,
                     CASE WHEN code ~ '^[0-9]' AND substr(code, 5, 3) <> '000' THEN left(code, 7)
                          WHEN code ~ '^[A-Z]' AND length(code) > 4 THEN code ELSE '-' END)
      FROM unnest(string_to_array(CASE WHEN topics.places = '' THEN ' ' ELSE topics.places END, ' ')) AS code
      LEFT JOIN bus.type t ON t.number = topics.type
$$;
CREATE FUNCTION bus.pattern_matches(pattern text, topic text) RETURNS bool
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT topic ~ ('^' || replace(replace(replace(replace(pattern, '.', '[.]'), '**', '#'), '*', '[^.]+'), '#', '.+')
                    || '$')
$$;

-- A durable listener of a principal has acted on everything that matches up to a number: what is among it for
-- this principal is delivered. lanes, patterns: null = all. Answers how many entries that moved.
CREATE FUNCTION bus.delivered(to_id int4, after int8, upto int8, lanes int2[], patterns text[], listener text)
RETURNS int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e record;
    moved int4 := 0;
BEGIN
    -- As everybody who writes to recipients: with the head's lock first, so that nobody waits crosswise.
    PERFORM FROM bus.log_head FOR UPDATE;
    FOR e IN
        UPDATE bus.recipient_reach r SET level = 2, level_at = clock_timestamp(), via = coalesce(listener, '')
          FROM bus.addressed a
         WHERE r.principal_id = to_id AND r.seq > after AND r.seq <= upto AND r.level = 1 AND a.seq = r.seq
           AND (lanes IS NULL OR a.lane = ANY (lanes))
           AND (patterns IS NULL
                OR EXISTS (SELECT FROM bus.topics(a.status, a.type, a.places) AS t, unnest(patterns) AS p
                            WHERE bus.pattern_matches(p, t)))
        RETURNING r.seq, r.ordinal
    LOOP
        moved := moved + bus.recipient_move(e.seq, e.ordinal, 2::int2, to_id, '', NULL, NULL, '', '')::int4;
    END LOOP;
    RETURN moved;
END
$$;
GRANT EXECUTE ON FUNCTION bus.delivered TO bus_ingest;

-- Said by the bus itself ---------------------------------------------------------------------------

-- The receipt that tells the sender of a step of ours. Receipts may not travel as FLASH, and one about a
-- message whose status is not known says SYSTEM.
CREATE FUNCTION bus.say_step(s bus.recipient_step, a bus.addressed, sender text) RETURNS int8
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    words text[] := ARRAY['STORED', 'DELIVERED', 'DISPLAYED', 'ACCEPTED', 'REJECTED', 'EXPIRED', 'UNDELIVERABLE'];
    by_name text := coalesce((SELECT p.name FROM bus.principal p WHERE p.principal_id = s.principal_id), 'bus');
    said_us int8 := bus.us(s.at);
BEGIN
    RETURN bus.say(
        greatest(a.lane, 2::int2), CASE WHEN a.status BETWEEN 1 AND 4 THEN a.status ELSE 3::int2 END,
        CASE WHEN s.level >= 6 THEN 8 ELSE 7 END, 181::int2, sender, a.message_id,
        bus.pb_bytes(1, uuid_send(s.message_id)) || bus.pb_number(2, s.level) || bus.pb_text(3, by_name)
            || bus.pb_text(4, s.code) || bus.pb_number(5, said_us) || bus.pb_text(7, s.named),
        jsonb_build_object('receipt', jsonb_strip_nulls(jsonb_build_object(
            'message_id', s.message_id, 'level', 'RECEIPT_LEVEL_' || words[s.level], 'by', by_name,
            'code', nullif(s.code, ''), 'time_us', said_us::text, 'recipient', s.named))));
END
$$;

-- What time and revocation did to recipients, what of it the senders do not know yet, timers and words of the ledger
-- (ledger.sql), and events that wait (audit.sql): at most `most` of each, so that the head's lock is held for some ten milliseconds. Every
-- broker calls it about once a second; one at a time works. A change and the message that tells of it
-- commit together, so each is said once however many call. Answers what it did, and whether more waits.
CREATE FUNCTION bus.tick(most int4, OUT expired int4, OUT undeliverable int4, OUT said int4, OUT more bool)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
    r record;
    s record;
    -- Values, so that indexes are asked for them: clock_timestamp() is another for every row.
    now_at timestamptz := clock_timestamp();
    rung int4;
    gone int4[] := ARRAY(SELECT p.principal_id FROM bus.principal p -- who cannot come in any more
                          WHERE p.revoked_at IS NOT NULL OR p.not_after <= now_at);
BEGIN
    expired := 0;
    undeliverable := 0;
    said := 0;
    more := false;
    IF NOT EXISTS (SELECT FROM bus.recipient WHERE level < 4 AND due_at <= now_at)
       AND NOT EXISTS (SELECT FROM bus.recipient_step WHERE receipt_seq IS NULL)
       AND NOT EXISTS (SELECT FROM bus.audit_pending)
       AND NOT EXISTS (SELECT FROM bus.recipient_reach e
                        WHERE e.principal_id = ANY (gone) AND e.level BETWEEN 1 AND 3)
       AND NOT EXISTS (SELECT FROM bus.household_clock c WHERE c.waits_until <= now_at)
       AND NOT EXISTS (SELECT FROM bus.timer t WHERE t.due_at <= now_at AND t.trouble IS NULL)
       AND NOT EXISTS (SELECT FROM bus.held h WHERE h.is_woken)
       AND NOT EXISTS (SELECT FROM bus.held h WHERE NOT h.is_woken AND h.due_at <= now_at)
       AND NOT EXISTS (SELECT FROM bus.to_say q WHERE q.trouble IS NULL) THEN
        RETURN;
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtext('eocbus tick')) THEN
        RETURN;
    END IF;
    -- The head first, as the append does, so that the two never wait for each other crosswise.
    PERFORM FROM bus.log_head FOR UPDATE;
    FOR r IN SELECT x.seq, x.ordinal, x.level FROM bus.recipient x
              WHERE x.level < 4 AND x.due_at <= now_at ORDER BY x.due_at LIMIT most FOR UPDATE LOOP
        PERFORM bus.recipient_expire(r.seq, r.ordinal, r.level);
        expired := expired + 1;
    END LOOP;
    FOR r IN SELECT e.seq, e.ordinal, e.principal_id FROM bus.recipient_reach e
              WHERE e.principal_id = ANY (gone) AND e.level BETWEEN 1 AND 3 LIMIT most LOOP
        UPDATE bus.recipient_reach e SET level = 7, level_at = clock_timestamp(), via = ''
         WHERE e.seq = r.seq AND e.ordinal = r.ordinal AND e.principal_id = r.principal_id;
        IF NOT EXISTS (SELECT FROM bus.recipient_reach e
                        WHERE e.seq = r.seq AND e.ordinal = r.ordinal AND e.level BETWEEN 1 AND 3) THEN
            undeliverable := undeliverable
                + bus.recipient_move(r.seq, r.ordinal, 7::int2, NULL, 'revoked', NULL, NULL, '', '')::int4;
        END IF;
    END LOOP;
    FOR s IN SELECT x, a, p.name FROM bus.recipient_step x
               JOIN bus.addressed a ON a.seq = x.seq JOIN bus.principal p ON p.principal_id = a.sender_id
              WHERE x.receipt_seq IS NULL ORDER BY x.step_id LIMIT most LOOP
        UPDATE bus.recipient_step x SET receipt_seq = bus.say_step(s.x, s.a, s.name)
         WHERE x.step_id = (s.x).step_id;
        said := said + 1;
    END LOOP;
    rung := bus.judge_woken(most);
    rung := greatest(rung, bus.age_held(most, now_at));
    rung := greatest(rung, bus.ring_due(most, now_at));
    said := said + bus.retain(most) + bus.say_due(most);
    more := greatest(expired, undeliverable, said, rung, bus.say_events(most)) >= most;
END
$$;
GRANT EXECUTE ON FUNCTION bus.tick TO bus_ingest;

-- Asked by people ------------------------------------------------------------------------------------

CREATE FUNCTION eoc.receipt_level(level int2) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (ARRAY['STORED', 'DELIVERED', 'DISPLAYED', 'ACCEPTED', 'REJECTED', 'EXPIRED', 'UNDELIVERABLE'])[level] $$;
COMMENT ON FUNCTION eoc.receipt_level IS 'the word of a level of receipts';
GRANT EXECUTE ON FUNCTION eoc.receipt_level TO bus_reader, bus_admin;

CREATE VIEW eoc.recipient AS
SELECT r.seq, a.message_id, s.name AS sender, t.name AS type, a.stored_at, r.named AS recipient,
       eoc.receipt_level(CASE WHEN r.level < 4 AND r.due_at <= now() THEN 6::int2 ELSE r.level END) AS level,
       CASE WHEN r.level < 4 AND r.due_at <= now() THEN r.due_at ELSE r.level_at END AS level_at,
       CASE WHEN r.level < 4 AND r.due_at <= now() THEN NULL ELSE b.name END AS by,
       CASE WHEN r.level < 4 AND r.due_at <= now()
            THEN (ARRAY['not_delivered', 'not_displayed', 'not_answered'])[r.level] ELSE r.code END AS code,
       (SELECT x.text FROM bus.recipient_step x
         WHERE x.seq = r.seq AND x.ordinal = r.ordinal AND x.level = r.level AND x.note = ''
         ORDER BY x.step_id DESC LIMIT 1) AS text,
       r.level >= 4 OR r.due_at <= now() AS is_final, r.due_at
  FROM bus.recipient r JOIN bus.addressed a USING (seq)
  LEFT JOIN bus.principal s ON s.principal_id = a.sender_id
  LEFT JOIN bus.principal b ON b.principal_id = r.by_id
  LEFT JOIN bus.type t ON t.number = a.type;
COMMENT ON VIEW eoc.recipient IS 'every recipient of every message, and how far the message got with it';
COMMENT ON COLUMN eoc.recipient.recipient IS 'as the sender named it: a principal, an agency, or role@place';
COMMENT ON COLUMN eoc.recipient.level_at IS 'when it got that far, clock of the database';
COMMENT ON COLUMN eoc.recipient.by IS 'principal who got it that far; null = the bus itself';
COMMENT ON COLUMN eoc.recipient.code IS 'why, for REJECTED, EXPIRED and UNDELIVERABLE';
COMMENT ON COLUMN eoc.recipient.is_final IS 'nothing will change it any more';
COMMENT ON COLUMN eoc.recipient.due_at IS 'without an answer it is EXPIRED then';

CREATE VIEW eoc.recipient_step AS
SELECT s.step_id, s.seq, s.message_id, s.named AS recipient, eoc.receipt_level(s.level) AS level, s.at, s.said_at,
       p.name AS by, s.said_by, s.code, s.text, s.note, s.receipt_seq
  FROM bus.recipient_step s LEFT JOIN bus.principal p USING (principal_id);
COMMENT ON VIEW eoc.recipient_step IS 'what happened to recipients one after the other, and receipts that changed nothing';
COMMENT ON COLUMN eoc.recipient_step.said_at IS 'time in the receipt, clock of its sender';
COMMENT ON COLUMN eoc.recipient_step.said_by IS 'who it says it speaks for: dispatcher@3505203';
COMMENT ON COLUMN eoc.recipient_step.note IS 'why it changed nothing; empty = it did';

CREATE VIEW eoc.reached AS
SELECT e.seq, a.message_id, r.named AS recipient, p.name AS principal, eoc.receipt_level(e.level) AS level,
       e.level_at, e.via AS listener
  FROM bus.recipient_reach e JOIN bus.addressed a USING (seq) JOIN bus.recipient r USING (seq, ordinal)
  LEFT JOIN bus.principal p USING (principal_id);
COMMENT ON VIEW eoc.reached IS 'whom each recipient stood for, and how far the message got with each of them';
COMMENT ON COLUMN eoc.reached.listener IS 'name of the durable listener that took it';

CREATE VIEW eoc.duty AS
SELECT d.role, d.place, d.role || '@' || d.place AS recipient, o.turn, o.principal, o.delegated_by, o.delegated_types,
       o.from_at, o.to_at, o.roster_seq
  FROM (SELECT DISTINCT x.role, x.place FROM bus.duty_roster x) AS d
  CROSS JOIN LATERAL bus.on_duty(d.role, d.place, now(), NULL) AS o;
COMMENT ON VIEW eoc.duty IS 'who is on duty now';
COMMENT ON COLUMN eoc.duty.turn IS '1 = first to be called';
COMMENT ON COLUMN eoc.duty.delegated_types IS 'types of message the delegation covers; empty = all';

CREATE VIEW eoc.addressee AS
SELECT d.recipient, 'role' AS kind, string_agg(d.principal, ', ' ORDER BY d.turn) AS stands_for FROM eoc.duty d GROUP BY d.recipient
UNION ALL
SELECT p.name, 'principal', NULL FROM bus.principal p
 WHERE p.principal_id > 0 AND p.revoked_at IS NULL AND (p.not_after IS NULL OR p.not_after > now())
UNION ALL
SELECT DISTINCT split_part(p.name, '.', 1), 'agency', NULL FROM bus.principal p
 WHERE p.principal_id > 0 AND p.revoked_at IS NULL AND strpos(p.name, '.') > 0;
COMMENT ON VIEW eoc.addressee IS 'to whom a message can be sent now: roles that somebody has, principals, agencies';
COMMENT ON COLUMN eoc.addressee.stands_for IS 'of a role who has it now, the first to be called first';
GRANT SELECT ON eoc.addressee TO bus_reader, bus_admin;
-- The view asks it in the name of whoever reads.
GRANT EXECUTE ON FUNCTION bus.on_duty TO bus_reader, bus_admin;
