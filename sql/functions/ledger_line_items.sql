-- ledger_line_items: stock numbers and the time for which they are promised, and what follows later from a line: the
-- end of a message's time, and that help for an incident has begun.

CREATE FUNCTION bus.kind_of(body jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN coalesce(nullif(body->'resource'->>'kind', ''), nullif(body->'resource'->>'name', ''), body->'resource'->>'resource_id', '');
END
$$;

-- The times of a line by schedule type, the first of each, seconds since 1970: {"ESTIMATED_ARRIVAL": 1281225600}.
CREATE FUNCTION bus.times_of(body jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    t jsonb := '{}';
    x jsonb;
BEGIN
    FOR i IN REVERSE coalesce(jsonb_array_length(body->'schedules'), 0) - 1 .. 0 LOOP
        x := body->'schedules'->i;
        IF coalesce(x->>'time_us', '0') <> '0' THEN
            t := t || jsonb_build_object(substr(x->>'type', length('SCHEDULE_TYPE_') + 1), (x->>'time_us')::float8 / 1000000);
        END IF;
    END LOOP;
    RETURN t;
END
$$;

-- From when until when it is promised by this message: from departure to its return, if nothing else is said.
CREATE FUNCTION bus.line_window(m bus.said, p bus.line_part, s bus.line) RETURNS bus.line_part
LANGUAGE plpgsql STABLE AS $$
BEGIN
    p.times := bus.times_of(p.body);
    p.from_at := coalesce(to_timestamp(coalesce(p.times->>'BEGIN_AVAILABLE', p.times->>'ACTUAL_DEPARTURE', p.times->>'ESTIMATED_DEPARTURE',
                                                p.times->>'REQUESTED_DEPARTURE', p.times->>'COMMITTED')::float8), s.from_at, m.event_at);
    p.until_at := coalesce(to_timestamp(coalesce(p.times->>'END_AVAILABLE', p.times->>'ESTIMATED_RETURN_ARRIVAL', p.times->>'REQUESTED_RETURN_ARRIVAL',
                                                 p.times->>'ESTIMATED_RETURN_DEPARTURE', p.times->>'REQUESTED_RETURN_DEPARTURE')::float8),
                           CASE WHEN m.type IN (174, 175) THEN s.asked_until END, s.until_at, 'infinity');
    IF m.type = 175 THEN
        p.from_at := s.from_at;
    END IF;
    RETURN p;
END
$$;

-- A new version of what the promise rests on: only that changes what is promised, and it has to be free. A version of
-- anything that was said before is only another wording of that.
CREATE FUNCTION bus.promises_anew(m bus.said, s bus.line, p bus.line_part) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(p.event = 'UPDATE' AND s.phase IN ('promised', 'under way', 'on scene')
                    AND (m.type = 163 OR m.type = 175 AND bus.line_plain_event(m, p) = 'EXTEND_ACCEPT'), false);
END
$$;

-- Guards of what promises an item: its time, and that nobody else has it then. Not to be got round by two lines of
-- one message.
CREATE FUNCTION bus.items_fail(m bus.said, thread uuid, s bus.line, p bus.line_part, before bus.line_part[]) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    wanted text[] := CASE WHEN p.items <> '{}' AND m.type <> 175 THEN p.items ELSE coalesce(s.items, '{}') END;
    c bus.commitment;
    one text;
BEGIN
    IF p.until_at <= p.from_at THEN
        RETURN jsonb_build_object('window', format('It would end (%s) before it begins (%s).', bus.minute_of(p.until_at), bus.minute_of(p.from_at)));
    END IF;
    FOREACH one IN ARRAY wanted LOOP
        SELECT * INTO c FROM bus.commitment x
         WHERE x.agency = coalesce(s.agency, m.agency) AND lower(x.item COLLATE "und-x-icu") = lower(one COLLATE "und-x-icu") AND x.status = m.status
           AND upper(x.held) > p.from_at AND x.held && tstzrange(p.from_at, p.until_at) AND x.strand_id IS DISTINCT FROM s.strand_id LIMIT 1;
        IF FOUND THEN
            RETURN jsonb_build_object('free', format('%s is committed from %s %s in thread %s, line %s.', c.item, bus.minute_of(lower(c.held)),
                                                     bus.end_of(upper(c.held)), c.thread, c.line_id));
        END IF;
        -- What should be home and is not: nobody knows when it will be, so nobody has it to give away.
        SELECT x.* INTO c FROM bus.commitment x JOIN bus.line l USING (strand_id)
         WHERE x.agency = coalesce(s.agency, m.agency) AND lower(x.item COLLATE "und-x-icu") = lower(one COLLATE "und-x-icu") AND x.status = m.status
           AND upper(x.held) <= least(p.from_at, bus.now_of(m)) AND l.phase IN ('under way', 'on scene')
           AND x.strand_id IS DISTINCT FROM s.strand_id LIMIT 1;
        IF FOUND THEN
            RETURN jsonb_build_object('free', format('%s is still out: it was committed %s in thread %s, line %s, and is not released.', c.item,
                                                     bus.end_of(upper(c.held)), c.thread, c.line_id));
        END IF;
    END LOOP;
    IF cardinality(wanted) > 1 OR wanted <> '{}' AND before <> '{}' THEN
        one := bus.item_twice(wanted, p, before);
        IF one IS NOT NULL THEN
            RETURN jsonb_build_object('free', format('%s stands twice in this message, from %s %s in thread %s.', one,
                                                     bus.minute_of(p.from_at), bus.end_of(p.until_at), thread));
        END IF;
    END IF;
    RETURN '{}';
END
$$;
CREATE FUNCTION bus.item_twice(wanted text[], p bus.line_part, before bus.line_part[]) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT min(x.i) FROM (
                SELECT i, true AS is_wanted FROM unnest(wanted) AS i
                UNION ALL SELECT i, false FROM unnest(before) AS b CROSS JOIN unnest(b.items) AS i
                           WHERE b.event NOT LIKE '%DECLINE' -- whose times may be any
                             AND CASE WHEN b.from_at < b.until_at THEN tstzrange(b.from_at, b.until_at) && tstzrange(p.from_at, p.until_at) END) AS x
             GROUP BY lower(x.i COLLATE "und-x-icu") HAVING count(*) > 1 AND bool_or(x.is_wanted) LIMIT 1);
END
$$;
CREATE FUNCTION bus.minute_of(t timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI"Z"') $$;
CREATE FUNCTION bus.end_of(t timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN t IS NULL OR t = 'infinity' THEN 'without an end' ELSE 'until ' || bus.minute_of(t) END $$;

CREATE FUNCTION bus.items_held(s bus.line, is_new bool) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    one text;
BEGIN
    IF NOT is_new THEN
        DELETE FROM bus.commitment x WHERE x.strand_id = s.strand_id;
    END IF;
    FOREACH one IN ARRAY CASE WHEN s.until_at <= s.from_at THEN '{}' ELSE s.items END LOOP
        -- What came without a promise may be promised to somebody else, and is out since that was told.
        INSERT INTO bus.commitment (strand_id, thread, line_id, status, agency, item, held)
        SELECT s.strand_id, s.thread, s.line_id, s.status, s.agency, one, w.held
          FROM (SELECT tstzrange(coalesce(s.from_at, s.since), coalesce(s.until_at, 'infinity')) AS held) AS w
         WHERE NOT EXISTS (SELECT FROM bus.commitment x
                            WHERE x.agency = s.agency AND lower(x.item COLLATE "und-x-icu") = lower(one COLLATE "und-x-icu") AND x.status = s.status
                              AND upper(x.held) > lower(w.held) AND x.held && w.held AND x.strand_id <> s.strand_id)
            ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;

-- From then on it may be promised to somebody else; `of_it`: of a part these items, null: all.
CREATE FUNCTION bus.items_freed(m bus.said, s bus.line, of_it text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(s.back_at, CASE m.status WHEN 1 THEN least(m.event_at, m.received_at) ELSE m.event_at END);
BEGIN
    DELETE FROM bus.commitment x WHERE x.strand_id = s.strand_id AND (lower(x.held) >= at OR NOT s.counts)
       AND (of_it IS NULL OR bus.lower_all(ARRAY[x.item]) <@ bus.lower_all(of_it));
    UPDATE bus.commitment x SET held = tstzrange(lower(x.held), at) WHERE x.strand_id = s.strand_id AND upper(x.held) > at
       AND (of_it IS NULL OR bus.lower_all(ARRAY[x.item]) <@ bus.lower_all(of_it));
END
$$;

-- Later ----------------------------------------------------------------------------------------------

-- Somebody has promised something: the incident is being responded to, if it was not yet.
CREATE FUNCTION bus.response_started(m bus.said, id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    i bus.incident;
    to_state text;
BEGIN
    SELECT * INTO i FROM bus.incident x WHERE x.incident_id = id;
    IF i.status IS DISTINCT FROM m.status THEN
        RETURN;
    END IF;
    to_state := bus.leads_to('incident', i.state, 'RESPONSE_STARTED');
    IF to_state IS NULL OR to_state = i.state
       OR EXISTS (SELECT FROM bus.to_say x WHERE x.type = 141 AND x.answers = m.message_id
                     OR x.type = 141 AND x.doc->'incident_transition'->>'incident_id' = id::text
                    AND x.doc->'incident_transition'->>'event' = 'INCIDENT_EVENT_RESPONSE_STARTED') THEN
        RETURN;
    END IF;
    PERFORM bus.say_later(
        3::int2, m.status, 1, 141::int2, NULL, m.message_id,
        bus.pb_bytes(1, uuid_send(id)) || bus.pb_number(2, 6) || bus.pb_number(3, array_position('{REPORTED,VERIFYING,CONFIRMED}', i.state))
            || bus.pb_number(4, 4) || bus.pb_bytes(9, uuid_send(m.message_id)),
        jsonb_build_object('incident_ids', jsonb_build_array(id), 'incident_transition', jsonb_build_object(
            'incident_id', id, 'event', 'INCIDENT_EVENT_RESPONSE_STARTED', 'from_state', 'INCIDENT_STATE_' || i.state,
            'to_state', 'INCIDENT_STATE_' || to_state, 'evidence_ids', jsonb_build_array(m.message_id))),
        i.label, m.event_at, i.places);
END
$$;

-- A message whose time ends, and which something waits on then.
CREATE FUNCTION bus.line_timer(m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF bus.line_waiting(m.message_id) <> '{}' THEN
        PERFORM bus.set_timer('line', m.message_id, m.not_after);
    END IF;
END
$$;

-- Lines that end with the time of this message.
CREATE FUNCTION bus.line_waiting(id uuid) RETURNS int4[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT x.said FROM bus.line_message x
          LEFT JOIN bus.line s ON s.strand_id = x.strand_id AND s.message_id = id
          LEFT JOIN bus.request r ON r.thread = x.thread AND r.line_id = x.line_id AND r.message_id = id
         WHERE x.message_id = id
           AND EXISTS (SELECT FROM bus.transition t WHERE t.event = 'EXPIRE' AND (t.cycle = 'line' AND t.from_state = s.state
                                                                               OR t.cycle = 'request' AND t.from_state = r.state))
         ORDER BY x.said);
END
$$;

-- Its time is over: the bus says so, once, as a report, and the judge ends what still waited.
CREATE FUNCTION bus.ring_line(t bus.timer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    said int4[] := bus.line_waiting(t.subject);
    why text := 'not_after is over';
    x bus.line_message;
    place text;
    label int4;
BEGIN
    SELECT * INTO x FROM bus.line_message y WHERE y.message_id = t.subject ORDER BY y.said LIMIT 1;
    IF said = '{}' THEN
        RETURN;
    END IF;
    SELECT coalesce(max(y.places), ''), coalesce(max(y.label), 2) INTO place, label
      FROM (SELECT s.places, s.label FROM bus.line s WHERE s.thread = x.thread
            UNION ALL SELECT r.places, r.label FROM bus.request r WHERE r.thread = x.thread) AS y;
    PERFORM bus.say_later(
        3::int2, x.status, 1, 173::int2, 
        bus.sent_by(x.type, (SELECT min(d.seq) FROM bus.document d WHERE d.message_id = x.message_id AND d.type = x.type)), t.subject,
        bus.pb_bytes(1, bus.pb_text(1, 'Sender') || bus.pb_text(2, 'bus')) || bus.pb_text(2, why)
            || coalesce((SELECT string_agg(bus.pb_bytes(6, bus.pb_number(1, n)), '' ORDER BY n) FROM unnest(said) AS n), ''),
        jsonb_build_object('report_resource_deployment_status', jsonb_build_object(
            'contacts', '[{"role": "Sender", "name": "bus"}]'::jsonb, 'description', why,
            'lines', (SELECT jsonb_agg(jsonb_build_object('line_id', n) ORDER BY n) FROM unnest(said) AS n))),
        label, clock_timestamp(), place);
END
$$;

-- Of that incident: null, or how many requests somebody still waits on or uses.
CREATE FUNCTION bus.open_requests_text(incident uuid, status int2) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    n int4 := (SELECT count(*) FROM (
                   SELECT r.thread, r.line_id FROM bus.request r
                    WHERE r.incident_id = incident AND r.status = open_requests_text.status AND NOT r.is_over
                   UNION SELECT s.thread, s.line_id FROM bus.line s
                    WHERE s.incident_id = incident AND s.status = open_requests_text.status
                      AND s.phase IN ('promised', 'under way', 'on scene')) AS x);
BEGIN
    RETURN CASE WHEN n > 0 THEN format('%s of it %s still open.', bus.count_of(n, 'request'), CASE n WHEN 1 THEN 'is' ELSE 'are' END) END;
END
$$;
