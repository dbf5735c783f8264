-- sealed: boxes with the identities of households: their wrapped keys come with the message, and go when
-- the household asks for it, when its time is over (24 months after its case was closed), or when a later
-- box took the place of an earlier one. All of it happens in the transaction that stores the message which
-- says so, under the lock of the head.

-- The fields of this number in a message, bytes or text. Only for what passed the gate: no groups.
CREATE FUNCTION bus.pb_all(message bytea, field int4) RETURNS bytea[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found bytea[] := '{}';
    at int4 := 0;
    ends int4 := octet_length(message);
    tag int8;
    len int8;
    shift int4;
    byte int4;
BEGIN
    WHILE at < ends LOOP
        tag := 0;
        shift := 0;
        LOOP
            byte := get_byte(message, at);
            tag := tag | ((byte & 127)::int8 << shift);
            at := at + 1;
            shift := shift + 7;
            EXIT WHEN byte < 128;
        END LOOP;
        CASE tag & 7
        WHEN 0 THEN
            LOOP
                at := at + 1;
                EXIT WHEN get_byte(message, at - 1) < 128;
            END LOOP;
        WHEN 1 THEN at := at + 8;
        WHEN 5 THEN at := at + 4;
        ELSE
            len := 0;
            shift := 0;
            LOOP
                byte := get_byte(message, at);
                len := len | ((byte & 127)::int8 << shift);
                at := at + 1;
                shift := shift + 7;
                EXIT WHEN byte < 128;
            END LOOP;
            IF tag >> 3 = field THEN
                found := found || substr(message, at + 1, len::int4);
            END IF;
            at := at + len::int4;
        END CASE;
    END LOOP;
    RETURN found;
END
$$;
-- The first of them; null: there is none.
CREATE FUNCTION bus.pb_get(message bytea, field int4) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT (bus.pb_all(message, field))[1] $$;
GRANT EXECUTE ON FUNCTION bus.pb_all, bus.pb_get TO bus_admin, bus_audit; -- bytes in, bytes out

-- The wrapped keys of a message that still exist, as the broker keeps them: 32 bytes of the reader's key id,
-- 80 of the wrapped key, and so on; null: none.
CREATE FUNCTION bus.keys_of(message_seq int8) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(w.reader_key_id || w.wrapped, '' ORDER BY w.reader_key_id)
      FROM bus.wrapped_key w WHERE w.seq = message_seq
$$;
GRANT EXECUTE ON FUNCTION bus.keys_of TO bus_ingest;

-- Whose boxes a principal's are: its agency's; without one, of those that begin like it (and a dot, which is
-- no agency's).
CREATE FUNCTION bus.owner_of(who int4) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(nullif(p.agency, ''), '.' || split_part(p.name, '.', 1)) FROM bus.principal p
             WHERE p.principal_id = who);
END
$$;

GRANT EXECUTE ON FUNCTION bus.owner_of TO bus_reader, bus_admin, bus_audit;

-- Who may have a box of `owner` erased: its own office, another one of its agency, and the bus.
CREATE FUNCTION bus.may_erase(who int4, owner int4) RETURNS bool
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT who = 0 OR who = owner OR bus.owner_of(who) = bus.owner_of(owner)
$$;

-- A HouseholdErased is stored as number `by_seq`: the boxes it names; all of the household, if the household
-- asked for it.
CREATE FUNCTION bus.erase(household uuid, erased jsonb, by_seq int8, from_id int4) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids uuid[] := ARRAY(SELECT jsonb_array_elements_text(erased->'identity_ids')::uuid);
    gone int8[];
BEGIN
    WITH e AS (
        UPDATE bus.sealed_box b SET erased_at = clock_timestamp(), erased_seq = by_seq
         WHERE b.household_id = household AND b.erased_at IS NULL
           AND (b.message_id = ANY (ids) OR erased ? 'request_id') AND bus.may_erase(from_id, b.sender_id)
        RETURNING b.seq)
    SELECT array_agg(e.seq) INTO gone FROM e;
    DELETE FROM bus.wrapped_key w WHERE w.seq = ANY (gone);
    DELETE FROM bus.blind_mark b WHERE b.seq = ANY (gone);
    INSERT INTO bus.erased_early (message_id, seq, sender_id)
    SELECT DISTINCT id, by_seq, from_id FROM unnest(ids) AS id
     WHERE NOT EXISTS (SELECT FROM bus.sealed_box b WHERE b.message_id = id);
END
$$;

-- A box is stored as number `box_seq`, with its keys or what is left of them.
CREATE FUNCTION bus.box_stored(box_seq int8, from_id int4, id uuid, content bytea, keys bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    household uuid := encode(bus.pb_get(bus.pb_get(content, 221), 1), 'hex')::uuid;
    early int8 := (SELECT min(e.seq) FROM bus.erased_early e
                    WHERE e.message_id = id AND bus.may_erase(e.sender_id, from_id));
BEGIN
    INSERT INTO bus.sealed_box (seq, erased_seq, stored_at, erased_at, sender_id, message_id, household_id)
    VALUES (box_seq, early, clock_timestamp(), CASE WHEN early IS NOT NULL THEN clock_timestamp() END, from_id, id,
            household);
    -- It came late: the case is closed, and what it held was destroyed already.
    UPDATE bus.household_clock c SET waits_until = c.due_at
     WHERE c.household_id = household AND c.owner = bus.owner_of(from_id) AND c.waits_until IS NULL;
    IF early IS NULL THEN
        INSERT INTO bus.wrapped_key (seq, reader_key_id, wrapped)
        SELECT box_seq, substr(keys, 112 * n + 1, 32), substr(keys, 112 * n + 33, 80)
          FROM generate_series(0, octet_length(keys) / 112 - 1) AS n
            ON CONFLICT DO NOTHING;
        PERFORM bus.marks_stored(box_seq, from_id, household, content);
    END IF;
END
$$;

-- Its marks take the place of those of the box before it that the same agency has of this household.
CREATE FUNCTION bus.marks_stored(box_seq int8, from_id int4, household uuid, content bytea) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM bus.blind_mark m USING bus.sealed_box b
     WHERE m.household_id = household AND b.seq = m.seq AND bus.may_erase(from_id, b.sender_id);
    INSERT INTO bus.blind_mark (mark, seq, household_id)
    SELECT x, box_seq, household FROM unnest(bus.pb_all(bus.pb_get(content, 221), 4)) AS x
        ON CONFLICT DO NOTHING;
END
$$;

-- What happened to a household: its identities go, the clock of those that this agency has begins to run, or
-- stops because the case goes on. Of another agency's boxes it is not theirs to have them destroyed, nor to keep
-- them: each agency closes its own case.
CREATE FUNCTION bus.household_said(event jsonb, event_seq int8, from_id int4, event_at timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    household uuid := (event->>'household_id')::uuid;
    own text := bus.owner_of(from_id);
    due timestamptz;
BEGIN
    IF event ? 'erased' THEN
        PERFORM bus.erase(household, event->'erased', event_seq, from_id);
    ELSIF event ? 'closed' AND coalesce(event->'closed'->>'reason', '') <> 'CLOSING_REASON_REOPENED' THEN
        due := coalesce(eoc.at(event->'closed'->>'erase_due_us'), event_at + interval '24 months');
        INSERT INTO bus.household_clock (due_at, waits_until, closed_seq, household_id, owner)
        VALUES (due, due, event_seq, household, own)
            ON CONFLICT ON CONSTRAINT household_clock_pkey DO UPDATE
           SET due_at = excluded.due_at, waits_until = excluded.waits_until, closed_seq = excluded.closed_seq;
    ELSIF event ? 'closed' OR coalesce(event->>'to_state', '') IS DISTINCT FROM coalesce(event->>'from_state', '') THEN
        -- A closing that waited for this very event came after it, whatever their numbers are.
        DELETE FROM bus.household_clock c
         WHERE c.household_id = household AND c.owner = own
           AND NOT EXISTS (SELECT FROM bus.household h WHERE h.household_id = household AND h.seq = c.closed_seq);
    END IF;
END
$$;

-- What a batch that was just stored means for boxes, in the order of its numbers.
CREATE FUNCTION bus.sealed_of(res bus.append_result, m_sender int4[], m_type int2[], m_id uuid[],
                              m_event timestamptz[], m_content bytea[], m_keys bytea[], d_ordinal int4[],
                              d_doc jsonb[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number int8;
BEGIN
    FOR i IN 1 .. cardinality(m_type) LOOP
        CONTINUE WHEN m_type[i] NOT IN (220, 221) OR res.outcome[i] <> 1;
        -- What is held or contested destroys nothing until it is decided that it is so (bus.names_follow).
        CONTINUE WHEN m_type[i] = 220 AND res.verdict[i] > 1;
        number := coalesce(res.seq[i], res.before + i);
        IF m_type[i] = 221 THEN
            PERFORM bus.box_stored(number, m_sender[i], m_id[i], m_content[i], m_keys[i]);
        ELSE
            PERFORM bus.household_said(d_doc[array_position(d_ordinal, i)]->'household_event', number, m_sender[i],
                                       m_event[i]);
        END IF;
    END LOOP;
END
$$;

-- Says that the identities that one agency has of a household are destroyed because their time is over; that
-- message, stored, destroys them. The caller holds the lock of the head.
CREATE FUNCTION bus.retire(household uuid, owner text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    boxes uuid[] := ARRAY(SELECT b.message_id FROM bus.sealed_box b
                           WHERE b.household_id = household AND b.erased_at IS NULL
                             AND bus.owner_of(b.sender_id) = owner ORDER BY b.seq LIMIT 64);
    last bus.message;
    why text := 'retention: its time is over since the case was closed';
BEGIN
    IF cardinality(boxes) = 0 THEN
        RETURN;
    END IF;
    SELECT m.* INTO last FROM bus.message m
     WHERE m.seq = (SELECT max(b.seq) FROM bus.sealed_box b WHERE b.household_id = household AND b.message_id = ANY (boxes));
    PERFORM bus.say(
        4::int2, coalesce(last.status, 1::int2), 2, 220::int2, NULL, NULL,
        bus.pb_bytes(1, uuid_send(household)) || bus.pb_text(4, 'bus') || bus.pb_text(5, why)
            || bus.pb_bytes(19, (SELECT string_agg(bus.pb_bytes(1, uuid_send(b)), '') FROM unnest(boxes) AS b)),
        jsonb_build_object('household_event', jsonb_build_object(
            'household_id', household, 'actor', 'bus', 'authority', why,
            'erased', jsonb_build_object('identity_ids', to_jsonb(boxes)))),
        4, clock_timestamp(),
        -- Wherever a box went it is heard.
        coalesce((SELECT string_agg(p.place, ' ') FROM (
            SELECT DISTINCT u.place FROM bus.sealed_box b JOIN bus.message m ON m.seq = b.seq
             CROSS JOIN LATERAL unnest(string_to_array(m.places, ' ')) AS u(place)
             WHERE b.message_id = ANY (boxes) AND b.household_id = household LIMIT 8) AS p), ''));
END
$$;

-- The retention clock: at most `most` closed cases whose time is over. Answers how many.
CREATE FUNCTION bus.retain(most int4) RETURNS int4
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
    n int4 := 0;
BEGIN
    FOR one IN SELECT c.household_id, c.owner FROM bus.household_clock c
                WHERE c.waits_until <= clock_timestamp() ORDER BY c.waits_until LIMIT most LOOP
        PERFORM bus.retire(one.household_id, one.owner);
        UPDATE bus.household_clock c SET waits_until = NULL
         WHERE c.household_id = one.household_id AND c.owner = one.owner
           AND NOT EXISTS (SELECT FROM bus.sealed_box b
                            WHERE b.household_id = one.household_id AND b.erased_at IS NULL
                              AND bus.owner_of(b.sender_id) = one.owner);
        n := n + 1;
    END LOOP;
    RETURN n;
END
$$;
