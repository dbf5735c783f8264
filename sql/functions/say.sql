-- say: what the bus itself says. Its messages are composed here, appended like any other, and have the
-- sender `bus`, which no key stands for: they are notes, never commands.

-- Protocol buffers, as much as an Envelope with a Receipt takes. Zero and empty are not written.
CREATE FUNCTION bus.pb_varint(v int8) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    bytes bytea := '';
BEGIN
    WHILE v NOT BETWEEN 0 AND 127 LOOP
        bytes := bytes || substr(int2send((v & 127 | 128)::int2), 2);
        v := v >> 7 & 144115188075855871; -- the bits that are left of 64
    END LOOP;
    RETURN bytes || substr(int2send(v::int2), 2);
END
$$;
CREATE FUNCTION bus.pb_number(field int4, v int8) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN coalesce(v, 0) = 0 THEN '' ELSE bus.pb_varint(field << 3) || bus.pb_varint(v) END;
END
$$;
CREATE FUNCTION bus.pb_bytes(field int4, v bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN coalesce(v, '') = '' THEN ''
                ELSE bus.pb_varint(field << 3 | 2) || bus.pb_varint(octet_length(v)) || v END;
END
$$;
CREATE FUNCTION bus.pb_text(field int4, v text) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$ SELECT bus.pb_bytes(field, convert_to(v, 'UTF8')) $$;
CREATE FUNCTION bus.us(t timestamptz) RETURNS int8
LANGUAGE sql STABLE AS $$ SELECT (extract(epoch FROM t) * 1000000)::int8 $$;
-- UUIDv7 of now.
CREATE FUNCTION bus.new_id() RETURNS uuid
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    random bytea := substr(uuid_send(gen_random_uuid()), 7);
BEGIN
    RETURN encode(substr(int8send(bus.us(clock_timestamp()) / 1000), 3)
                  || set_byte(random, 0, get_byte(random, 0) & 15 | 112), 'hex')::uuid;
END
$$;

-- Appends one message of the bus itself to the log; answers its number, null: the ledger refused it. The caller holds the lock of the
-- head. `body`: bytes of the message in field `type` of the Envelope; `doc`: the same as JSON; `at`: when it
-- happened; `in_places`: P-codes split by blanks.
CREATE FUNCTION bus.say(in_lane int2, in_status int2, kind int4, type int2, entries text, answers uuid, body bytea,
                        doc jsonb, label int4 DEFAULT 2, at timestamptz DEFAULT clock_timestamp(),
                        in_places text DEFAULT '') RETURNS int8
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid := bus.new_id();
    now_us int8 := bus.us(clock_timestamp());
    at_us int8 := bus.us(at);
    own_epoch int8 := 1;
    number int8;
    content bytea;
    codes text[] := string_to_array(in_places, ' ');
    whole jsonb;
    res bus.append_result;
BEGIN
    -- Runs are disjoint: the last one ends last. There is one for every 4,096 numbers of the log.
    number := 1 + coalesce((SELECT l.lane_last FROM bus.lane_run l
                             WHERE l.sender_id = 0 AND l.epoch = own_epoch AND l.lane = in_lane
                             ORDER BY l.lane_first DESC LIMIT 1), 0);
    content := bus.pb_bytes(1, uuid_send(id)) || bus.pb_number(2, 1000) || bus.pb_text(3, 'bus')
        || bus.pb_number(4, own_epoch) || bus.pb_number(5, in_lane) || bus.pb_number(6, number)
        || coalesce((SELECT string_agg(bus.pb_text(7, e), '' ORDER BY ord)
                       FROM unnest(string_to_array(entries, ' ')) WITH ORDINALITY AS u(e, ord)), '')
        || bus.pb_number(8, in_status) || bus.pb_number(9, kind) || bus.pb_number(10, at_us)
        || bus.pb_number(11, now_us) || bus.pb_bytes(16, uuid_send(answers))
        || bus.pb_bytes(18, (SELECT string_agg(bus.pb_text(1, c), '' ORDER BY ord)
                               FROM unnest(codes) WITH ORDINALITY AS u(c, ord)))
        || bus.pb_number(19, label)
        || bus.pb_bytes(type, body);
    whole := jsonb_strip_nulls(jsonb_build_object(
        'message_id', id, 'schema', 1000, 'sender', 'bus', 'epoch', own_epoch::text,
        'lane', 'LANE_' || (ARRAY['FLASH', 'IMMEDIATE', 'PRIORITY', 'ROUTINE', 'BULK'])[in_lane],
        'lane_seq', number::text, 'to', to_jsonb(string_to_array(entries, ' ')),
        'status', 'STATUS_' || (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[in_status],
        'kind', (ARRAY['KIND_REPORT', 'KIND_UPDATE', 'KIND_CANCEL', 'KIND_REQUEST', 'KIND_RESPONSE', 'KIND_DISPATCH',
                       'KIND_ACK', 'KIND_ERROR'])[kind],
        'event_time_us', at_us::text, 'sent_time_us', now_us::text, 'preceding_id', answers,
        'area', CASE WHEN codes <> '{}' THEN jsonb_build_object('pcodes', to_jsonb(codes)) END,
        'label', 'LABEL_' || (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[label])) || doc;
    res := bus.append_one(0, own_epoch, in_lane, number, id, type, in_status, in_places, at,
                          clock_timestamp(), NULL, NULL, NULL, content, NULL, entries, NULL, whole,
                          (SELECT l.log_epoch FROM bus.log_head l), 0);
    RETURN CASE WHEN res.outcome[1] >= 5 THEN NULL ELSE res.head END;
END
$$;
