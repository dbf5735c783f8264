-- lines: what offices ask each other for, promise, send and give back, at random, and what must be so of it.
INSERT INTO walk.part VALUES ('lines', 60);
CREATE INDEX ON bus.request (first_seq); -- for what is looked at here
CREATE INDEX ON bus.line (first_seq);
CREATE INDEX ON bus.line (seq);

CREATE FUNCTION walk.supplier() RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT walk.one_of('coes.depot.north', 'mercy.depot.east', 'msf.dushanbe.store', 'coes.zafarobod.registry') $$;
CREATE FUNCTION walk.consumer() RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT walk.one_of('coes.ayni.registry', 'mercy.ayni', 'coes.kulob.office', 'eoc.duty') $$;
CREATE FUNCTION walk.office_name(id int4) RETURNS text LANGUAGE plpgsql STABLE AS
$$ BEGIN RETURN coalesce((SELECT o.name FROM walk.office o WHERE o.office_id = id), 'eoc.duty'); END $$;

-- A word of somebody's part in a line: what it is, which message says it, with which answer, and who does.
CREATE TABLE walk.line_word (event text PRIMARY KEY, type text NOT NULL, answer text, schedule text, by_supplier bool NOT NULL);
INSERT INTO walk.line_word VALUES
    ('REQUEST', 'request_resource', NULL, 'REQUESTED_ARRIVAL', false), ('REQUISITION', 'requisition_resource', NULL, NULL, false),
    ('RESPOND', 'response_to_request_resource', 'ACCEPT', 'ESTIMATED_ARRIVAL', true),
    ('RESPOND_PROVISIONAL', 'response_to_request_resource', 'PROVISIONAL', NULL, true),
    ('RESPOND_DECLINE', 'response_to_request_resource', 'DECLINE', NULL, true),
    ('COMMIT', 'commit_resource', 'ACCEPT', 'WINDOW', true), ('COMMIT_PROVISIONAL', 'commit_resource', 'PROVISIONAL', 'WINDOW', true),
    ('COMMIT_DECLINE', 'commit_resource', 'DECLINE', NULL, true), ('ASK', 'request_information', NULL, NULL, true),
    ('OFFER', 'offer_unsolicited_resource', NULL, NULL, true), ('RELEASE', 'release_resource', NULL, NULL, false),
    ('RELEASE_PART', 'release_resource', NULL, NULL, false),
    ('ASK_RETURN', 'request_return', NULL, 'REQUESTED_RETURN_DEPARTURE', true),
    ('RETURN_ACCEPT', 'response_to_request_return', 'ACCEPT', NULL, false),
    ('RETURN_PROVISIONAL', 'response_to_request_return', 'PROVISIONAL', NULL, false),
    ('RETURN_DECLINE', 'response_to_request_return', 'DECLINE', NULL, false),
    ('RETURN_DECLINE_ON_ROAD', 'response_to_request_return', 'DECLINE', NULL, false),
    ('ASK_QUOTE', 'request_quote', NULL, NULL, false), ('QUOTE', 'response_to_request_quote', 'ACCEPT', NULL, true),
    ('QUOTE_PROVISIONAL', 'response_to_request_quote', 'PROVISIONAL', NULL, true),
    ('QUOTE_DECLINE', 'response_to_request_quote', 'DECLINE', NULL, true),
    ('ASK_STATUS', 'request_resource_deployment_status', NULL, NULL, false),
    ('REPORT', 'report_resource_deployment_status', NULL, 'ESTIMATED_ARRIVAL', true),
    ('DEPART', 'report_resource_deployment_status', NULL, 'ACTUAL_DEPARTURE', true),
    ('ARRIVE', 'report_resource_deployment_status', NULL, 'ACTUAL_ARRIVAL', true),
    ('LOSE', 'report_resource_deployment_status', 'OUT', NULL, true), ('SPEND', 'report_resource_deployment_status', 'OUT', NULL, true),
    ('RETURN_DEPART', 'report_resource_deployment_status', NULL, 'ACTUAL_RETURN_DEPARTURE', true),
    ('RETURN_ARRIVE', 'report_resource_deployment_status', NULL, 'ACTUAL_RETURN_ARRIVAL', true),
    ('RETURN_PART', 'report_resource_deployment_status', NULL, 'ACTUAL_RETURN_ARRIVAL', true),
    ('RETURN_DEPART_PART', 'report_resource_deployment_status', NULL, 'ACTUAL_RETURN_DEPARTURE', true),
    ('EXTEND', 'request_extended_deployment_duration', NULL, 'REQUESTED_RETURN_DEPARTURE', false),
    ('EXTEND_ACCEPT', 'response_to_request_extended_deployment_duration', 'ACCEPT', 'REQUESTED_RETURN_DEPARTURE', true),
    ('EXTEND_PROVISIONAL', 'response_to_request_extended_deployment_duration', 'PROVISIONAL', 'REQUESTED_RETURN_DEPARTURE', true),
    ('EXTEND_DECLINE', 'response_to_request_extended_deployment_duration', 'DECLINE', NULL, true);

CREATE FUNCTION walk.schedule(kind text, hours int4) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('type', 'SCHEDULE_TYPE_' || kind, 'time_us', bus.us(walk.now() + hours * interval '1 hour')::text);
END
$$;

-- What a message says of one line. A whole word as a time: what is promised, from then until then.
CREATE FUNCTION walk.line_element(line_id int4, w walk.line_word, event text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    e jsonb := jsonb_build_object('line_id', line_id);
    starts int4 := walk.below(60) - 20;
    item text := walk.one_of('EX-1', 'EX-2', 'ex-3', 'EX-4', 'EX-5, EX-6', 'EX-6', 'TR-1', 'TR-2');
    resource jsonb := '{"kind": "excavator"}';
BEGIN
    IF walk.chance(CASE WHEN event IN ('REQUEST', 'OFFER', 'COMMIT', 'LOSE') OR event LIKE '%PART' THEN 90 ELSE 30 END) THEN
        e := e || jsonb_build_object('assignment', jsonb_build_object('quantity', jsonb_build_object(
            'value', CASE WHEN event IN ('ARRIVE', 'LOSE') OR event LIKE '%PART' THEN 1 ELSE walk.below(4) END::text, 'unit', walk.one_of('pcs', 'pcs', 'pcs', 'pcs', 'PCS', 'kg'))));
    END IF;
    IF w.answer IN ('ACCEPT', 'PROVISIONAL', 'DECLINE') THEN
        e := e || jsonb_build_object('response', jsonb_build_object('type', 'RESPONSE_TYPE_' || w.answer));
    ELSIF w.answer = 'OUT' THEN
        resource := resource || '{"status": {"readiness": "READINESS_OUT_OF_SERVICE"}}';
    END IF;
    IF event LIKE 'COMMIT%' AND walk.chance(70) OR walk.chance(10) THEN
        resource := resource || jsonb_build_object('resource_id', item);
    END IF;
    IF w.schedule = 'WINDOW' THEN
        e := e || jsonb_build_object('schedules', jsonb_build_array(walk.schedule('ESTIMATED_DEPARTURE', starts)) || CASE WHEN walk.chance(85)
            THEN jsonb_build_array(walk.schedule('ESTIMATED_RETURN_ARRIVAL', starts - 2 + walk.below(50))) ELSE '[]' END);
    ELSIF w.schedule IS NOT NULL AND walk.chance(90) THEN
        e := e || jsonb_build_object('schedules', jsonb_build_array(walk.schedule(w.schedule, CASE WHEN w.schedule LIKE 'ACTUAL%' THEN -walk.below(9)
                                                                                              ELSE walk.below(80) - 5 END)));
    END IF;
    RETURN e || jsonb_build_object('resource', resource);
END
$$;

-- A word that begins a thread.
CREATE FUNCTION walk.first_of_lines(w walk.word) RETURNS walk.word LANGUAGE plpgsql AS $$
DECLARE
    lw walk.line_word;
BEGIN
    SELECT * INTO lw FROM walk.line_word x JOIN walk.one_of('REQUEST', 'REQUEST', 'REQUEST', 'OFFER', 'REQUISITION') AS one ON x.event = one;
    w.office := CASE WHEN lw.by_supplier THEN walk.supplier() ELSE walk.consumer() END;
    w.status := 1 + walk.chance(10)::int4;
    w.type := lw.type;
    w.body := jsonb_build_object('lines', (SELECT jsonb_agg(walk.line_element(CASE WHEN walk.chance(98) THEN n ELSE 1 END, lw, lw.event))
                                             FROM generate_series(1, 1 + walk.below(3)) AS n));
    RETURN w;
END
$$;

-- What may come next of this strand, or of the request if there is none; sometimes anything.
CREATE FUNCTION walk.next_of_line(r bus.request, s bus.line) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    anything bool := walk.chance(15);
    of_request bool := walk.chance(CASE WHEN s.strand_id IS NULL THEN 15 ELSE 2 END);
    seldom bool := walk.chance(20);
BEGIN
    -- In an order of its own first, or the same seed would not say the same.
    RETURN coalesce((SELECT y.event FROM (SELECT t.event FROM bus.transition t
                      WHERE CASE WHEN anything THEN t.cycle = 'line'
                                 WHEN of_request THEN t.cycle = 'request' AND t.from_state = r.state
                                 ELSE t.cycle = 'line' AND t.from_state = coalesce(s.state, r.starts_as, 'OFFERED') END
                        AND (seldom OR t.event NOT IN ('ASK', 'ASK_STATUS', 'REPORT', 'UPDATE', 'LOSE', 'SPEND', 'CANCEL', 'WITHDRAW', 'UNSAY', 'RESPOND_DECLINE',
                                                       'QUOTE_DECLINE', 'COMMIT_DECLINE', 'REQUEST'))
                        AND (EXISTS (SELECT FROM walk.line_word x WHERE x.event = t.event)
                             OR t.event LIKE 'UNSPEND%' OR t.event IN ('UPDATE', 'CANCEL', 'WITHDRAW', 'TAKE_BACK', 'TAKE_BACK_ON_ROAD', 'UNSAY', 'UNASK', 'UNASK_OFFER', 'UNCOUNT'))
                      ORDER BY t.cycle, t.from_state, t.event) AS y ORDER BY random() LIMIT 1), 'REPORT');
END
$$;

-- A message is taken back, or said anew.
CREATE FUNCTION walk.recall_of_line(w walk.word, event text, thread uuid, about uuid) RETURNS walk.word LANGUAGE plpgsql AS $$
DECLARE
    of bus.line_message;
    lw walk.line_word;
BEGIN
    SELECT * INTO of FROM bus.line_message x WHERE x.message_id = about;
    IF NOT FOUND OR walk.chance(10) THEN
        SELECT y.* INTO of FROM (SELECT * FROM bus.line_message x WHERE x.thread = recall_of_line.thread ORDER BY x.message_id, x.said) AS y
         ORDER BY random() LIMIT 1;
    END IF;
    SELECT * INTO lw FROM walk.line_word x WHERE x.event = of.event;
    w.type := (SELECT t.name FROM bus.type t WHERE t.number = of.type);
    w.office := CASE WHEN walk.chance(90) THEN walk.office_name(of.sender_id) ELSE walk.consumer() END;
    w.body := jsonb_build_object('recall', jsonb_build_object('recalled_id', of.message_id, 'type', 'RECALL_TYPE_'
                                    || CASE WHEN event = 'UPDATE' THEN event ELSE 'CANCEL' END),
                                 'lines', jsonb_build_array(walk.line_element(greatest(of.said, 1), lw, coalesce(lw.event, 'REPORT'))));
    w.more := jsonb_build_object('originating_id', thread);
    RETURN w;
END
$$;

-- Something that begins a thread, or a word about one of the newest.
CREATE FUNCTION walk.say_lines() RETURNS walk.word LANGUAGE plpgsql AS $$
DECLARE
    c walk.clock;
    r bus.request;
    s bus.line;
    happens text;
    lw walk.line_word;
    about uuid;
    w walk.word;
BEGIN
    SELECT * INTO c FROM walk.clock;
    w.event_at := c.at - walk.below(6) * interval '1 hour';
    w.not_after := CASE WHEN walk.chance(15) THEN c.at + walk.below(100) * interval '1 hour' + walk.until_now() END;
    w.kind := 'REQUEST';
    w.places := walk.one_of('3505203', '3505203', '3505217', '3510203');
    SELECT x.* INTO r FROM (SELECT * FROM bus.request y ORDER BY y.first_seq DESC LIMIT 30) AS x OFFSET walk.below(30) LIMIT 1;
    IF walk.chance(20) THEN -- whatever somebody has; of an offer there is no request yet
        SELECT x.* INTO s FROM (SELECT * FROM bus.line y ORDER BY y.first_seq DESC LIMIT 60) AS x OFFSET walk.below(60) LIMIT 1;
        SELECT * INTO r FROM bus.request y WHERE y.thread = s.thread AND y.line_id = s.line_id;
    ELSE
        SELECT x.* INTO s FROM (SELECT * FROM bus.line y WHERE y.thread = r.thread AND y.line_id = r.line_id ORDER BY y.first_seq) AS x OFFSET walk.below(4) LIMIT 1;
    END IF;
    IF coalesce(s.thread, r.thread) IS NULL OR walk.chance(5) THEN
        RETURN walk.first_of_lines(w);
    END IF;
    w.status := CASE WHEN walk.chance(99) THEN coalesce(s.status, r.status) ELSE 1 + walk.below(2) END;
    w.places := CASE WHEN walk.chance(80) THEN coalesce(r.places, s.places) ELSE w.places END;
    happens := walk.next_of_line(r, s);
    about := coalesce(s.message_id, r.message_id);
    SELECT * INTO lw FROM walk.line_word x WHERE x.event = happens;
    IF NOT FOUND THEN
        RETURN walk.recall_of_line(w, happens, coalesce(s.thread, r.thread), about);
    END IF;
    w.office := CASE WHEN lw.by_supplier THEN CASE WHEN s.strand_id IS NOT NULL AND walk.chance(90) THEN walk.office_name(s.sender_id) ELSE walk.supplier() END
                     WHEN r.thread IS NOT NULL AND walk.chance(92) THEN walk.office_name(r.sender_id) ELSE walk.consumer() END;
    w.type := lw.type;
    w.body := jsonb_build_object('lines', jsonb_build_array(walk.line_element(coalesce(s.line_id, r.line_id), lw, happens))
                  || CASE WHEN walk.chance(15) THEN jsonb_build_array(walk.line_element(1 + walk.below(3), lw, happens)) ELSE '[]' END);
    about := CASE WHEN walk.chance(88) THEN about
                  WHEN walk.chance(50) THEN (SELECT y.message_id FROM (SELECT x.message_id FROM bus.line_message x WHERE x.thread = coalesce(s.thread, r.thread)
                                                          ORDER BY x.message_id, x.said) AS y ORDER BY random() LIMIT 1)
                  ELSE walk.message_id(c.turn + walk.below(2), 1 + walk.below(250)) END; -- which may come, or have been something else
    w.more := jsonb_strip_nulls(jsonb_build_object('preceding_id', CASE WHEN walk.chance(96) THEN about END,
                                                   'originating_id', CASE WHEN walk.chance(96) THEN coalesce(s.thread, r.thread) END));
    RETURN w;
END
$$;

-- A person said that what contradicts its rules happened all the same: what was counted before may not fit any more.
CREATE FUNCTION walk.was_forced(strand uuid) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- Or, whatever a guard said, that it is applied.
    RETURN EXISTS (SELECT FROM bus.moved m JOIN bus.held h ON h.seq = m.seq WHERE m.cycle = 'line' AND m.entity = strand AND h.settled_as = 1)
        OR EXISTS (SELECT FROM bus.moved m JOIN bus.contested c ON c.seq = m.seq WHERE m.cycle = 'line' AND m.entity = strand AND c.settled_as = 1)
        OR EXISTS (SELECT FROM bus.moved m WHERE m.cycle = 'line' AND m.entity = strand AND NOT EXISTS (
               SELECT FROM bus.transition t WHERE (t.cycle, t.from_state, t.event) = ('line', m.from_state, m.event) AND NOT t.guards @> '{promised}'));
END
$$;

-- What is counted of a line for a request: as ledger_line_moves.sql has it, by itself.
CREATE FUNCTION walk.wrong_lines(after_step int8) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    -- Only what was moved, whatever else there is: OFFSET 0 has it looked up one by one.
    CREATE TEMP TABLE walked ON COMMIT DROP AS
    SELECT DISTINCT m.entity AS thread, m.part AS line_id FROM bus.moved m WHERE m.cycle = 'request' AND m.step > after_step
    UNION
    SELECT s.thread, s.line_id FROM bus.moved m CROSS JOIN LATERAL (SELECT * FROM bus.line x WHERE x.strand_id = m.entity OFFSET 0) AS s
     WHERE m.cycle = 'line' AND m.step > after_step;
    CREATE TEMP TABLE walked_request ON COMMIT DROP AS
    SELECT r.* FROM walked w CROSS JOIN LATERAL (SELECT * FROM bus.request x WHERE x.thread = w.thread AND x.line_id = w.line_id OFFSET 0) AS r;
    CREATE TEMP TABLE walked_line ON COMMIT DROP AS
    SELECT s.* FROM walked w CROSS JOIN LATERAL (SELECT * FROM bus.line x WHERE x.thread = w.thread AND x.line_id = w.line_id OFFSET 0) AS s;
    -- Sums.
    RETURN QUERY SELECT format('request %s %s is %s: promised %s of %s, by its lines %s of %s', r.thread, r.line_id, r.state, r.promised, r.wanted, x.promised, x.n)
      FROM walked_request r CROSS JOIN LATERAL (
           SELECT count(*) AS n, coalesce(sum(s.quantity - s.lost_away - s.released_away) FILTER (WHERE r.unit IS NULL OR s.unit IS NULL OR lower(s.unit) = lower(r.unit)), 0) AS promised
             FROM walked_line s WHERE (s.thread, s.line_id) = (r.thread, r.line_id) AND s.counts AND (s.phase NOT IN ('due back', 'over') OR s.arrived_at IS NOT NULL)) AS x
     WHERE r.promised <> x.promised
        OR NOT r.is_over AND r.state <> CASE WHEN x.n = 0 THEN 'OPEN' WHEN r.wanted IS NULL OR x.promised >= r.wanted THEN 'MET' ELSE 'PARTLY' END
        OR r.is_over <> (r.state IN ('CLOSED', 'CANCELLED', 'EXPIRED'));
    RETURN QUERY SELECT format('line %s is %s: %s, %s', s.strand_id, s.state, s.phase, s.counts) FROM walked_line s
     WHERE NOT EXISTS (SELECT FROM bus.line_phase f WHERE (f.state, f.phase, f.counts) = (s.state, s.phase, s.counts));
    RETURN QUERY SELECT format('line %s is %s: %s, of which lost %s (away %s), arrived %s, released %s (away %s), back %s', s.strand_id, s.state,
                                            s.quantity, s.lost, s.lost_away, s.arrived, s.released, s.released_away, s.back)
      FROM (SELECT * FROM walked_line x WHERE x.counts AND (least(x.quantity, x.lost, x.lost_away, x.arrived, x.released, x.released_away, x.back) < 0
                                           OR x.lost > x.quantity OR x.lost_away > x.lost OR x.arrived + x.lost_away > x.quantity
                                           OR x.released_away > x.released OR x.released > x.quantity OR x.back > x.quantity) OFFSET 0) AS s WHERE NOT walk.was_forced(s.strand_id);
    -- Who answers a request that is over has nothing to wait for; an offer stands by itself.
    RETURN QUERY SELECT format('request %s %s is %s and line %s is %s', x.thread, x.line_id, x.state, x.strand_id, x.is)
      FROM (SELECT r.*, s.strand_id, s.state AS is FROM walked_request r JOIN walked_line s USING (thread, line_id)
             WHERE r.state IN ('CANCELLED', 'EXPIRED') AND s.phase = 'open' AND s.state <> 'OFFERED'
                OR r.state = 'CLOSED' AND s.phase IN ('promised', 'under way', 'on scene')
                   -- what was not used up after all is still there when nothing is wanted any more
                   AND NOT EXISTS (SELECT FROM bus.moved m WHERE m.cycle = 'line' AND m.entity = s.strand_id AND m.event LIKE 'UNSPEND%') OFFSET 0) AS x WHERE NOT walk.was_forced(x.strand_id);
    -- Items.
    RETURN QUERY SELECT format('%s of %s is promised twice: %s %s and %s %s', x.item, x.agency, x.one, x.held, x.other, x.also)
      FROM (SELECT c.item, c.agency, c.strand_id AS one, c.held, d.strand_id AS other, d.held AS also
              FROM walked_line s CROSS JOIN LATERAL (SELECT * FROM bus.commitment y WHERE y.strand_id = s.strand_id OFFSET 0) AS c
              CROSS JOIN LATERAL (SELECT * FROM bus.commitment y
                                   WHERE y.agency = c.agency AND lower(y.item COLLATE "und-x-icu") = lower(c.item COLLATE "und-x-icu")
                                     AND y.status = c.status AND upper(y.held) > lower(c.held) AND y.held && c.held AND y.strand_id <> c.strand_id OFFSET 0) AS d
             OFFSET 0) AS x
     WHERE NOT walk.was_forced(x.one) AND NOT walk.was_forced(x.other);
    RETURN QUERY SELECT format('line %s is %s and %s is not kept for it', x.strand_id, x.state, x.one) FROM (
    SELECT s.*, one FROM walked_line s CROSS JOIN LATERAL unnest(s.items) AS one
     WHERE s.phase IN ('promised', 'under way', 'on scene') AND coalesce(s.until_at, 'infinity') > s.from_at
       AND NOT EXISTS (SELECT FROM bus.commitment c WHERE c.strand_id = s.strand_id AND c.item = one) OFFSET 0) AS x
     WHERE NOT walk.was_forced(x.strand_id);
    RETURN QUERY SELECT format('line %s is %s and %s is kept for it without end', s.strand_id, s.state, c.item)
      FROM walked_line s CROSS JOIN LATERAL (SELECT * FROM bus.commitment y WHERE y.strand_id = s.strand_id OFFSET 0) AS c
     WHERE s.phase IN ('open', 'due back', 'over') AND upper(c.held) = 'infinity';
    -- What something is, and where its history ends.
    RETURN QUERY SELECT format('request %s %s is %s and its history ends in %s', r.thread, r.line_id, r.state, m.to_state)
      FROM walked_request r CROSS JOIN LATERAL (SELECT * FROM bus.moved x WHERE x.cycle = 'request' AND x.entity = r.thread AND x.part = r.line_id
                                                 ORDER BY x.step DESC LIMIT 1) AS m WHERE m.to_state <> r.state;
    RETURN QUERY SELECT format('line %s is %s and its history ends in %s', s.strand_id, s.state, m.to_state)
      FROM walked_line s CROSS JOIN LATERAL (SELECT * FROM bus.moved x WHERE x.cycle = 'line' AND x.entity = s.strand_id AND x.part = s.line_id
                                              ORDER BY x.step DESC LIMIT 1) AS m WHERE m.to_state <> s.state;
    RETURN QUERY SELECT format('%s is %s and nothing is legal', x.cycle, x.state)
      FROM bus.cycle_state x WHERE x.cycle IN ('request', 'line') AND x.is_open
       AND NOT EXISTS (SELECT FROM bus.transition t WHERE (t.cycle, t.from_state) = (x.cycle, x.state));
    DROP TABLE walked, walked_request, walked_line;
END
$$;

CREATE FUNCTION walk.table_lines() RETURNS TABLE (name text, digest text) LANGUAGE sql AS $$
    SELECT 'request', md5(string_agg(x::text, ' ' ORDER BY x.thread, x.line_id)) FROM bus.request x
    UNION ALL SELECT 'line', md5(string_agg(x::text, ' ' ORDER BY x.strand_id)) FROM bus.line x
    UNION ALL SELECT 'commitment', md5(string_agg(x::text, ' ' ORDER BY x.strand_id, x.item)) FROM bus.commitment x
    UNION ALL SELECT 'line_message', md5(string_agg(x::text, ' ' ORDER BY x.message_id, x.said)) FROM bus.line_message x
$$;
