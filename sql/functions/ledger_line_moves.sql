-- ledger_line_moves: what follows from a move that bus.judge_line found legal: what is wanted, the strand of a
-- supplier, and the sum of them.

CREATE FUNCTION bus.line_apply(m bus.said, thread uuid, parts bus.line_part[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    p bus.line_part;
    n int4;
BEGIN
    IF parts = '{}' THEN
        INSERT INTO bus.line_message (message_id, said, thread, sender_id, line_id, type, status, starts_as, event)
        VALUES (m.message_id, 0, thread, m.sender_id, 0, m.type, m.status, '', 'ASK') ON CONFLICT DO NOTHING;
    END IF;
    FOREACH p IN ARRAY parts LOOP
        IF p.is_request THEN
            p := bus.request_apply(m, thread, p);
            IF p.supplier IS NOT NULL AND p.event = 'REQUISITION' THEN -- nobody else need answer it
                p.is_new := true;
                p := bus.strand_apply(m, thread, p);
            END IF;
        ELSIF p.strand_id IS NOT NULL OR p.is_new THEN
            p := bus.strand_apply(m, thread, p);
        ELSIF m.body->'recall'->>'type' = 'RECALL_TYPE_CANCEL' THEN -- a question to all of them: nobody answers it any more
            UPDATE bus.line_message x SET starts_as = p.to_state WHERE x.message_id = (m.body->'recall'->>'recalled_id')::uuid;
        END IF;
        IF p.event = 'UPDATE' THEN
            p.event := bus.line_plain_event(m, p); -- what a version of this version is compared with
        END IF;
        FOREACH n IN ARRAY p.said LOOP
            INSERT INTO bus.line_message (message_id, said, thread, strand_id, sender_id, line_id, type, status, starts_as, event, counted, counted_away)
            VALUES (m.message_id, n, thread, p.strand_id, m.sender_id, p.line_id, m.type, m.status, coalesce(p.to_state, ''), p.event, p.counted, p.counted_away)
                ON CONFLICT DO NOTHING;
        END LOOP;
    END LOOP;
    IF m.not_after IS NOT NULL AND m.status = 1 AND m.sender_id > 0 THEN
        PERFORM bus.line_timer(m);
    END IF;
END
$$;

-- What is wanted -----------------------------------------------------------------------------------

-- `to_state` comes back as the state in which the line of a supplier begins.
CREATE FUNCTION bus.request_apply(m bus.said, thread uuid, INOUT p bus.line_part)
LANGUAGE plpgsql AS $$
DECLARE
    starts text;
BEGIN
    IF p.from_state = '' THEN
        starts := bus.leads_to('line', '', p.event);
        PERFORM bus.request_insert(m, thread, p, starts);
    ELSIF p.event = 'UPDATE' THEN
        PERFORM bus.request_update(m, thread, p);
    ELSE
        IF p.event = 'REQUEST' THEN
            PERFORM bus.request_update(m, thread, p); -- asked again, perhaps for less
        END IF;
        UPDATE bus.request x SET seq = m.seq, since = m.event_at, state = p.to_state,
                                 message_id = CASE p.event WHEN 'REQUEST' THEN m.message_id ELSE x.message_id END,
                                 is_over = NOT (SELECT c.is_open FROM bus.cycle_state c WHERE c.cycle = 'request' AND c.state = p.to_state)
         WHERE x.thread = request_apply.thread AND x.line_id = p.line_id;
        PERFORM bus.strands_follow(m, thread, p.line_id, p.event);
    END IF;
    PERFORM bus.note_move(m, 'request', thread, p.line_id, p.event, p.from_state, p.to_state);
    IF p.event = 'UPDATE' THEN
        PERFORM bus.request_sum(m, thread, p.line_id);
    END IF;
    p.to_state := coalesce(starts, (SELECT x.starts_as FROM bus.request x WHERE x.thread = request_apply.thread AND x.line_id = p.line_id));
END
$$;

CREATE FUNCTION bus.request_insert(m bus.said, thread uuid, p bus.line_part, starts text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    t jsonb := coalesce(p.times, bus.times_of(p.body));
BEGIN
    INSERT INTO bus.request (thread, message_id, incident_id, seq, first_seq, since, asked_at, needed_at, until_at, line_id, sender_id,
                             status, label, priority, wanted, unit, wanted_text, state, starts_as, agency, kind, places, funding)
    VALUES (thread, m.message_id, m.incident_ids[1], m.seq, m.seq, m.event_at, m.event_at, to_timestamp((t->>'REQUESTED_ARRIVAL')::float8),
            to_timestamp((coalesce(t->>'ESTIMATED_RETURN_DEPARTURE', t->>'ESTIMATED_RETURN_ARRIVAL'))::float8), p.line_id, m.sender_id, m.status, m.label,
            m.lane, p.quantity, p.unit, nullif(p.body->'assignment'->>'quantity_text', ''), 'OPEN', starts, m.agency, bus.kind_of(p.body),
            coalesce(array_to_string(m.places, ' '), ''), m.body->'funding');
END
$$;

CREATE FUNCTION bus.request_update(m bus.said, thread uuid, p bus.line_part) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    t jsonb := bus.times_of(p.body);
BEGIN
    UPDATE bus.request x
       SET seq = m.seq, message_id = m.message_id, wanted = p.quantity, unit = p.unit, kind = bus.kind_of(p.body), priority = m.lane,
           wanted_text = nullif(p.body->'assignment'->>'quantity_text', ''), needed_at = to_timestamp((t->>'REQUESTED_ARRIVAL')::float8),
           until_at = to_timestamp((coalesce(t->>'ESTIMATED_RETURN_DEPARTURE', t->>'ESTIMATED_RETURN_ARRIVAL'))::float8),
           places = coalesce(nullif(array_to_string(m.places, ' '), ''), x.places), label = greatest(x.label, m.label),
           funding = coalesce(m.body->'funding', x.funding), incident_id = coalesce(m.incident_ids[1], x.incident_id)
     WHERE x.thread = request_update.thread AND x.line_id = p.line_id;
END
$$;

-- Where an event leads, whatever its guards; null: nowhere. For what follows from a move, and refuses nothing.
CREATE FUNCTION bus.leads_to(cycle text, from_state text, event text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT t.to_state FROM bus.transition t
             WHERE t.cycle = leads_to.cycle AND t.from_state = leads_to.from_state AND t.event = leads_to.event);
END
$$;

-- What is committed against what is wanted: the request moves with the sum. What was lost on the road, or turned
-- round there, is not committed any more. Another unit is not counted, and seen.
CREATE FUNCTION bus.request_sum(m bus.said, thread uuid, line_id int4) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    r bus.request;
    lines record;
    event text;
    was text;
    goes_to text;
BEGIN
    SELECT * INTO r FROM bus.request x WHERE x.thread = request_sum.thread AND x.line_id = request_sum.line_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT count(*) AS n, count(*) FILTER (WHERE x.phase NOT IN ('due back', 'over')) AS away,
           coalesce(sum(x.quantity - x.lost_away - x.released_away) FILTER (WHERE r.unit IS NULL OR x.unit IS NULL OR lower(x.unit) = lower(r.unit)), 0) AS promised
      INTO lines FROM bus.line x WHERE x.thread = r.thread AND x.line_id = r.line_id AND x.counts
       AND (x.phase NOT IN ('due back', 'over') OR x.arrived_at IS NOT NULL);
    event := CASE WHEN lines.n = 0 THEN 'WITHDRAW' WHEN r.wanted IS NULL OR lines.promised >= r.wanted THEN 'COMMIT_ALL' ELSE 'COMMIT_PART' END;
    was := r.state;
    goes_to := CASE WHEN lines.away > 0 THEN bus.leads_to('request', r.state, 'REOPEN') END;
    IF goes_to IS NOT NULL THEN
        PERFORM bus.note_move(m, 'request', r.thread, r.line_id, 'REOPEN', r.state, goes_to);
        r.state := goes_to;
    END IF;
    goes_to := bus.leads_to('request', r.state, event);
    IF goes_to IS NOT NULL THEN
        PERFORM bus.note_move(m, 'request', r.thread, r.line_id, event, r.state, goes_to);
        r.state := goes_to;
    END IF;
    IF r.status = 1 AND was = 'MET' AND r.state <> was THEN
        PERFORM bus.request_timer(m, r.message_id);
    END IF;
    IF lines.n > 0 AND lines.away = 0 AND (event = 'COMMIT_ALL' OR lines.promised = 0) THEN
        goes_to := bus.leads_to('request', r.state, 'DONE');
        IF goes_to IS NOT NULL THEN
            PERFORM bus.note_move(m, 'request', r.thread, r.line_id, 'DONE', r.state, goes_to);
            r.state := goes_to;
        END IF;
    END IF;
    IF r.state <> was OR lines.promised <> r.promised THEN
        UPDATE bus.request x
           SET promised = lines.promised, state = r.state, seq = m.seq, since = CASE WHEN x.state = r.state THEN x.since ELSE m.event_at END,
               is_over = NOT (SELECT c.is_open FROM bus.cycle_state c WHERE c.cycle = 'request' AND c.state = r.state)
         WHERE x.thread = r.thread AND x.line_id = r.line_id;
    END IF;
END
$$;

-- It is wanted again, and its time may have ended while it was met, when nothing came of that.
CREATE FUNCTION bus.request_timer(m bus.said, id uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    ends timestamptz := (SELECT b.not_after FROM bus.document d JOIN bus.message b USING (seq) WHERE d.message_id = id AND d.type IN (160, 162) LIMIT 1);
BEGIN
    IF ends IS NOT NULL AND id <> m.message_id THEN
        PERFORM bus.set_timer('line', id, ends);
    END IF;
END
$$;

-- The request was taken back, is over, or was said again: strands go with it for which there is a rule.
CREATE FUNCTION bus.strands_follow(m bus.said, thread uuid, line_id int4, event text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    s bus.line;
    goes_to text;
BEGIN
    FOR s IN SELECT * FROM bus.line x WHERE x.thread = strands_follow.thread AND x.line_id = strands_follow.line_id ORDER BY x.first_seq LOOP
        goes_to := bus.leads_to('line', s.state, event);
        IF goes_to IS NOT NULL AND NOT s.counts THEN
            UPDATE bus.line x SET seq = m.seq, since = m.event_at, message_id = m.message_id, state = goes_to,
                                  (phase, counts) = (SELECT f.phase, f.counts FROM bus.line_phase f WHERE f.state = goes_to)
             WHERE x.strand_id = s.strand_id;
            PERFORM bus.note_move(m, 'line', s.strand_id, s.line_id, event, s.state, goes_to);
        END IF;
    END LOOP;
END
$$;

-- One supplier's part ------------------------------------------------------------------------------

CREATE FUNCTION bus.strand_apply(m bus.said, thread uuid, INOUT p bus.line_part)
LANGUAGE plpgsql AS $$
DECLARE
    s bus.line;
    f bus.line_phase;
    counted bool;
BEGIN
    SELECT * INTO f FROM bus.line_phase x WHERE x.state = p.to_state;
    IF p.is_new THEN
        s := bus.strand_begins(m, thread, p);
        p.strand_id := s.strand_id;
    ELSE
        SELECT * INTO s FROM bus.line x WHERE x.strand_id = p.strand_id;
    END IF;
    counted := s.counts;
    s := bus.line_untold(m, s, p);
    p := bus.line_counted(m, s, p);
    s := bus.strand_said(m, s, p);
    IF s.state <> p.to_state OR p.is_new OR p.event = 'UPDATE' AND s.message_id = (m.body->'recall'->>'recalled_id')::uuid THEN
        s.since := m.event_at;
        s.message_id := m.message_id;
    END IF;
    s.seq := m.seq;
    s.state := p.to_state;
    s.phase := f.phase;
    s.counts := f.counts;
    PERFORM bus.strand_put(s, p.is_new);
    PERFORM bus.note_move(m, 'line', s.strand_id, s.line_id, p.event, p.from_state, p.to_state);
    -- Not what is back or spent already when it is heard of.
    IF s.counts AND f.phase NOT IN ('due back', 'over')
       AND (NOT counted OR p.event IN ('UPDATE', 'COMMIT', 'EXTEND_ACCEPT') OR p.event LIKE 'UNSPEND%') AND s.items <> '{}' THEN
        PERFORM bus.items_held(s, p.is_new);
    END IF;
    IF counted AND f.phase IN ('due back', 'over') THEN
        PERFORM bus.items_freed(m, s);
    ELSIF p.event = 'RELEASE_PART' AND p.items <> '{}' THEN
        PERFORM bus.items_freed(m, s, p.items);
    END IF;
    IF p.event = 'REQUISITION' THEN
        IF NOT EXISTS (SELECT FROM bus.request x WHERE x.thread = s.thread AND x.line_id = s.line_id) THEN
            PERFORM bus.request_insert(m, thread, p, p.to_state); -- of an offer
            PERFORM bus.note_move(m, 'request', thread, s.line_id, 'REQUISITION', '', 'OPEN');
        END IF;
    ELSIF counted OR s.counts THEN
        PERFORM bus.request_sum(m, thread, s.line_id);
    END IF;
    IF s.counts AND NOT counted AND s.incident_id IS NOT NULL THEN
        PERFORM bus.response_started(m, s.incident_id);
    END IF;
END
$$;

CREATE FUNCTION bus.strand_begins(m bus.said, thread uuid, p bus.line_part) RETURNS bus.line
LANGUAGE plpgsql STABLE AS $$
DECLARE
    r bus.request;
    s bus.line;
BEGIN
    SELECT * INTO r FROM bus.request x WHERE x.thread = strand_begins.thread AND x.line_id = p.line_id;
    s.strand_id := md5(format('line %s %s', m.message_id, p.line_id))::uuid;
    s.thread := thread;
    s.line_id := p.line_id;
    s.incident_id := coalesce(r.incident_id, m.incident_ids[1]);
    s.first_seq := m.seq;
    s.said_at := m.event_at;
    s.sender_id := m.sender_id;
    s.type := 163;
    s.status := m.status;
    s.label := greatest(m.label, r.label);
    s.counts := false;
    s.is_provisional := false;
    s.arrived := 0;
    s.lost := 0;
    s.lost_away := 0;
    s.arrived_own := 0;
    s.arrived_seen := 0;
    s.released := 0;
    s.released_away := 0;
    s.back := 0;
    s.spent_from := '';
    s.state := p.from_state;
    s.supplier := coalesce(p.supplier, bus.unit_of(m.sender));
    s.agency := CASE WHEN p.supplier IS NULL THEN m.agency
                     ELSE coalesce((SELECT nullif(x.agency, '') FROM bus.principal x WHERE p.supplier IN (x.agency, bus.unit_of(x.name)) LIMIT 1),
                                   split_part(p.supplier, '.', 1)) END;
    s.kind := coalesce(r.kind, bus.kind_of(p.body));
    s.unit := r.unit;
    s.places := coalesce(r.places, array_to_string(m.places, ' '), '');
    s.items := '{}';
    RETURN s;
END
$$;

-- The row with what the message says of it.
CREATE FUNCTION bus.strand_said(m bus.said, s bus.line, p bus.line_part) RETURNS bus.line
LANGUAGE plpgsql STABLE AS $$
DECLARE
    a jsonb := p.body->'assignment';
    t jsonb := coalesce(p.times, '{}');
BEGIN
    s.label := greatest(s.label, m.label);
    IF p.event = 'UPDATE' AND s.counts AND NOT bus.promises_anew(m, s, p) THEN
        RETURN bus.strand_reworded(m, s, p);
    END IF;
    IF m.type IN (161, 163, 166, 171, 175) THEN -- what the supplier says of it
        -- A promise of less unsays nothing that has come, was lost on the way or was let go.
        s.quantity := CASE WHEN m.type = 175 OR p.quantity IS NULL THEN s.quantity
                           WHEN p.event = 'UPDATE' THEN greatest(p.quantity, s.arrived + s.lost_away + s.released_away)
                           ELSE p.quantity END;
        s.unit := CASE WHEN m.type = 175 OR p.quantity IS NULL THEN s.unit ELSE p.unit END;
        s.items := CASE WHEN p.items <> '{}' AND m.type <> 175 THEN p.items ELSE s.items END;
        s.is_provisional := p.body->'response'->>'type' IS NOT DISTINCT FROM 'RESPONSE_TYPE_PROVISIONAL';
        s.reason := coalesce(eoc.word(p.body->'response'->>'reason', 'DECLINE_REASON_'), CASE WHEN s.is_provisional THEN s.reason END);
        s.reason_text := nullif(p.body->'response'->>'text', '');
        s.arrives_at := coalesce(to_timestamp((t->>'ESTIMATED_ARRIVAL')::float8), s.arrives_at);
        s.transport := coalesce(nullif(a->>'transport', ''), s.transport);
        s.order_id := coalesce(nullif(a->>'order_id', ''), s.order_id);
    ELSIF m.type = 169 THEN
        s.is_provisional := p.event = 'RETURN_PROVISIONAL';
    END IF;
    IF m.type IN (161, 162, 163, 166, 171, 175) AND (a ? 'price' OR a ? 'price_text') THEN
        s.price_minor := (a->'price'->>'minor_units')::int8;
        s.currency := a->'price'->>'currency';
        s.price_text := nullif(a->>'price_text', '');
        s.price_minor := CASE WHEN s.currency IS NOT NULL THEN coalesce(s.price_minor, 0) END;
    END IF;
    IF p.event IN ('COMMIT', 'COMMIT_PROVISIONAL') OR m.type = 163 AND bus.promises_anew(m, s, p) THEN
        s.from_at := p.from_at;
        s.until_at := nullif(p.until_at, 'infinity');
    ELSIF p.event LIKE 'EXTEND%' OR m.type = 175 THEN
        s.asked_until := CASE p.event WHEN 'EXTEND_DECLINE' THEN NULL WHEN 'EXTEND_ACCEPT' THEN NULL WHEN 'UPDATE' THEN s.asked_until
                                      ELSE nullif(p.until_at, 'infinity') END;
        s.until_at := CASE WHEN p.event IN ('EXTEND_ACCEPT', 'UPDATE') THEN nullif(p.until_at, 'infinity') ELSE s.until_at END;
    ELSIF m.type = 173 THEN
        s := bus.strand_reported(m, s, p);
    ELSIF p.event = 'RELEASE_PART' THEN
        -- Of those that are there first; their stock numbers are theirs no more.
        s.released_away := s.released_away + greatest(p.counted - greatest(s.arrived - (s.lost - s.lost_away) - (s.released - s.released_away), 0), 0);
        s.released := s.released + p.counted;
        s.items := ARRAY(SELECT i FROM unnest(s.items) WITH ORDINALITY AS u(i, ord) WHERE NOT bus.lower_all(ARRAY[i]) <@ coalesce(bus.lower_all(p.items), '{}') ORDER BY ord);
    END IF;
    RETURN s;
END
$$;

-- Another wording of what came before the promise, or beside it, changes nothing that is promised: only the end that
-- is asked for, while it is.
CREATE FUNCTION bus.strand_reworded(m bus.said, s bus.line, p bus.line_part) RETURNS bus.line
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF (m.type = 174 AND s.state = 'EXTENSION_REQUESTED' OR m.type = 175 AND s.asked_until IS NOT NULL)
       AND s.message_id = (m.body->'recall'->>'recalled_id')::uuid THEN
        s.asked_until := nullif(p.until_at, 'infinity');
    END IF;
    RETURN s;
END
$$;

CREATE FUNCTION bus.strand_put(s bus.line, is_new bool) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF is_new THEN
        INSERT INTO bus.line VALUES (s.*);
        RETURN;
    END IF;
    UPDATE bus.line x
       SET seq = s.seq, since = s.since, message_id = s.message_id, state = s.state, phase = s.phase, counts = s.counts, label = s.label,
           is_provisional = s.is_provisional, from_at = s.from_at, until_at = s.until_at, asked_until = s.asked_until,
           arrives_at = s.arrives_at, departed_at = s.departed_at, arrived_at = s.arrived_at, left_at = s.left_at, back_at = s.back_at,
           price_minor = s.price_minor, currency = s.currency, price_text = s.price_text, quantity = s.quantity, unit = s.unit,
           arrived = s.arrived, lost = s.lost, lost_away = s.lost_away, order_id = s.order_id, transport = s.transport, reason = s.reason,
           reason_text = s.reason_text, items = s.items, arrived_own = s.arrived_own, arrived_seen = s.arrived_seen, released = s.released,
           released_away = s.released_away, back = s.back, spent_from = s.spent_from
     WHERE x.strand_id = s.strand_id;
END
$$;

-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_line() RETURNS void LANGUAGE sql AS
$$ DELETE FROM bus.line; DELETE FROM bus.commitment; DELETE FROM bus.request; DELETE FROM bus.line_message $$;
