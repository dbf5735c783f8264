-- ledger_line: who wants what, and who has promised what of it. Judges the sixteen messages of EDXL-RM.
--
--   a message ─▶ its thread (preceding_id, recall, originating_id) ─▶ each line of it: whose strand ─▶ bus.decide
--
-- What is wanted moves in the cycle `request`: thread and line_id. Each supplier that answers has a strand of its
-- own (cycle `line`), which begins with its first answer where the message answered says (starts_as), so that one
-- that declines takes nothing from the others. All lines of a message move, or none. Whether they may:
-- ledger_line_guards.sql; what moves, and the sums that follow from it: ledger_line_moves.sql; items that are promised
-- once: ledger_line_items.sql. Whether a message holds what EDXL-RM wants was judged in the gate.

-- One line of a message, and what is to become of it. Elements that are about the same line are one part.
CREATE TYPE bus.line_part AS (
    said       int4[],      -- line_id of the elements
    line_id    int4,        -- of the thread
    strand_id  uuid,        -- null: of nobody yet
    event      text,
    from_state text,
    to_state   text,
    is_request bool,        -- it moves what is wanted
    is_new     bool,        -- a strand begins
    quantity   numeric,
    unit       text,
    items      text[],
    times      jsonb,       -- schedule type, without its prefix -> microseconds
    from_at    timestamptz, -- promised from, until
    until_at   timestamptz,
    supplier   text,        -- of a requisition: whom it is addressed to
    counted    numeric,     -- what a report adds to the sum of its event; of a loss, so much before it arrived
    counted_away numeric,
    took       bus.line_message, -- what it takes back or replaces
    body       jsonb);      -- the first element; schedules of all

CREATE FUNCTION bus.judge_line(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    anchor uuid := coalesce((m.body->'recall'->>'recalled_id')::uuid, m.preceding_id);
    at bus.line_message;
    judged record;
    j bus.judgement;
BEGIN
    IF anchor IS NOT NULL THEN
        SELECT * INTO at FROM bus.line_message x WHERE x.message_id = anchor ORDER BY x.said LIMIT 1;
    ELSIF m.originating_id <> m.message_id THEN
        anchor := m.originating_id;
        SELECT * INTO at FROM bus.line_message x WHERE x.thread = m.originating_id ORDER BY x.message_id, x.said LIMIT 1;
    ELSIF m.type NOT IN (160, 162, 166) THEN
        -- A question or report about nothing that stands here moves nothing.
        RETURN CASE WHEN m.type NOT IN (164, 172, 173) THEN
            bus.refuse('thread', 'preceding_id', 'It names no request or offer: preceding_id or originating_id says which.') END;
    END IF;
    j := bus.line_waits(m, anchor, at);
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    END IF;
    IF anchor IS NULL THEN
        at.thread := m.message_id;
    END IF;
    judged := bus.line_parts(m, at);
    j := judged.j;
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    END IF;
    PERFORM bus.line_apply(m, at.thread, judged.parts);
    RETURN bus.apply();
END
$$;

-- Another office of the agency may take a word back, too: who said it may be off duty. What is asked for a place, only
-- for that place. The operations centre cancels what anybody asks there.
CREATE FUNCTION bus.recalls_for(m bus.said, at bus.line_message) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
    places text := (SELECT r.places FROM bus.request r WHERE r.thread = at.thread AND r.line_id = at.line_id);
BEGIN
    IF bus.cancels_there(m, places) THEN
        RETURN true;
    END IF;
    RETURN coalesce((SELECT coalesce(nullif(p.agency, ''), split_part(p.name, '.', 1)) = m.agency FROM bus.principal p
                      WHERE p.principal_id = at.sender_id AND at.status = 1), false)
           AND (m.type NOT IN (160, 162, 167, 169, 170, 174)
                OR bus.is_place_of(m, coalesce(places, '')));
END
$$;
-- Does it cancel what is asked for these places, said by who has the right to decide there about what others say? Of
-- then, when the log is judged again.
CREATE FUNCTION bus.cancels_there(m bus.said, places text) RETURNS bool
LANGUAGE plpgsql AS $$
BEGIN
    IF m.body->'recall'->>'type' IS DISTINCT FROM 'RECALL_TYPE_CANCEL' OR m.type NOT IN (160, 162, 167, 169, 170, 174) OR places IS NULL THEN
        RETURN false;
    ELSIF coalesce(current_setting('bus.rejudging', true), '') <> '' THEN
        RETURN EXISTS (SELECT FROM bus.rested_on x WHERE x.seq = m.seq AND x.what = 'decides' AND x.detail = cancels_there.places);
    ELSIF NOT bus.may(m.sender, 'say', 'decision', places, (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[m.label]) THEN
        RETURN false;
    END IF;
    INSERT INTO bus.rested_on (seq, what, detail) VALUES (m.seq, 'decides', places) ON CONFLICT DO NOTHING;
    RETURN true;
END
$$;

-- What has to be there first, and whether it is what this message may be about.
CREATE FUNCTION bus.line_waits(m bus.said, anchor uuid, at bus.line_message) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    j bus.judgement;
    recalled bool := m.body ? 'recall';
BEGIN
    IF anchor IS NULL THEN
        RETURN NULL;
    ELSIF at.thread IS NULL THEN
        RETURN bus.hold(anchor, 'predecessor', CASE WHEN recalled THEN bus.line_path(m) || '.recall' WHEN anchor = m.preceding_id THEN 'preceding_id'
                                                    ELSE 'originating_id' END,
                        format('Message %s has not come yet, or nothing came of it.', anchor));
    END IF;
    j := bus.mixed_status(m, at.status, 'request or offer');
    IF j.verdict IS NOT NULL OR m.sender_id = 0 THEN
        RETURN j;
    ELSIF recalled AND (at.type <> m.type OR at.sender_id <> m.sender_id AND NOT bus.recalls_for(m, at)) THEN
        RETURN bus.refuse('recall', bus.line_path(m) || '.recall',
                          'A message is replaced or cancelled by one of the same type from the same sender, or another office of its agency for that place; what is asked for a place is cancelled by who decides there, too.');
    ELSIF m.type <> 173 AND m.originating_id NOT IN (m.message_id, at.thread) THEN
        RETURN bus.refuse('thread', 'originating_id', format('What it answers belongs to thread %s.', at.thread));
    END IF;
    RETURN NULL;
END
$$;

-- Where it stands in the document.
CREATE FUNCTION bus.line_path(m bus.said) RETURNS text LANGUAGE plpgsql STABLE AS
$$ BEGIN RETURN (SELECT t.name FROM bus.type t WHERE t.number = m.type); END $$;

-- Every line of the message decided, none moved. `j`: the first that cannot, verdict null if all can.
CREATE FUNCTION bus.line_parts(m bus.said, at bus.line_message, OUT parts bus.line_part[], OUT j bus.judgement)
LANGUAGE plpgsql AS $$
DECLARE
    element jsonb;
    lm bus.line_message;
    p bus.line_part;
    twin int4;
    judged record;
BEGIN
    parts := '{}';
    FOR i IN 0 .. coalesce(jsonb_array_length(m.body->'lines'), 0) - 1 LOOP
        element := m.body->'lines'->i;
        p := bus.line_part_of(m, element);
        lm := bus.line_answered(at, p, element, m.body ? 'recall');
        p.line_id := lm.line_id;
        p.strand_id := lm.strand_id;
        p.from_state := lm.starts_as;
        twin := NULL;
        FOR k IN 1 .. cardinality(parts) LOOP
            twin := CASE WHEN parts[k].line_id = p.line_id THEN k ELSE twin END;
        END LOOP;
        IF twin IS NULL THEN
            p := bus.line_strand(m, at.thread, lm, p);
            parts := parts || p;
        ELSIF m.type IN (160, 166) OR m.type = 162 AND at.message_id IS NULL
              OR m.type <> 173 AND lower(parts[twin].unit) <> lower(p.unit) THEN
            j := bus.refuse('line_twice', bus.line_path(m) || '.lines', format('Line %s stands in it twice; each kind and unit has a line_id of its own.', p.line_id));
            RETURN;
        ELSIF m.type <> 173 AND parts[twin].body->'response'->>'type' IS DISTINCT FROM element->'response'->>'type' THEN
            j := bus.refuse('line_twice', bus.line_path(m) || '.lines', format('Line %s stands in it with two answers.', p.line_id));
            RETURN;
        ELSE
            parts[twin] := bus.line_joined(parts[twin], p);
        END IF;
    END LOOP;
    FOR i IN 1 .. cardinality(parts) LOOP
        judged := bus.line_decide(m, at.thread, parts[i], parts[:i - 1]);
        parts[i] := judged.p;
        j := judged.j;
        EXIT WHEN j.verdict IS NOT NULL;
    END LOOP;
END
$$;

-- What an element says, without knowing what it is about.
CREATE FUNCTION bus.line_part_of(m bus.said, element jsonb) RETURNS bus.line_part
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    p bus.line_part;
BEGIN
    p.said := ARRAY[(element->>'line_id')::int4];
    p.body := element;
    p.quantity := trim_scale(eoc.amount(element->'assignment'->'quantity'));
    IF p.quantity < 0 THEN
        p.quantity := 0;
    END IF;
    p.unit := nullif(element->'assignment'->'quantity'->>'unit', '');
    p.items := bus.items_of(coalesce(element->'resource'->>'resource_id', ''));
    RETURN p;
END
$$;

-- "EX-07, EX-09": stock numbers, however blanks and signs are typed.
CREATE FUNCTION bus.items_of(said text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_remove(regexp_split_to_array(btrim(regexp_replace(translate(normalize(said, NFKC), U&'\00AD\200B\200C\200D\2060\FEFF', ''),
                                                                  '\s+', ' ', 'g')), '\s*,\s*'), '')
$$;

-- Two elements about one line: "EX-07" and "EX-09" are two excavators of it.
CREATE FUNCTION bus.line_joined(p bus.line_part, q bus.line_part) RETURNS bus.line_part
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    p.said := p.said || q.said;
    p.items := p.items || q.items;
    IF p.unit IS NOT DISTINCT FROM q.unit THEN
        p.quantity := coalesce(p.quantity + q.quantity, p.quantity, q.quantity);
    END IF;
    p.body := jsonb_set(p.body, '{schedules}', coalesce(p.body->'schedules', '[]') || coalesce(q.body->'schedules', '[]'));
    RETURN p;
END
$$;

-- Which line an element is about: of the message it answers or recalls, else of the thread.
CREATE FUNCTION bus.line_answered(at bus.line_message, p bus.line_part, element jsonb, recalled bool) RETURNS bus.line_message
LANGUAGE plpgsql STABLE AS $$
DECLARE
    number int4 := coalesce(nullif((element->'response'->>'preceding_line_id')::int4, 0), p.said[1]);
    lm bus.line_message;
    r bus.request;
BEGIN
    IF recalled THEN
        number := p.said[1];
    END IF;
    IF at.said = number THEN
        RETURN at;
    ELSIF at.message_id IS NOT NULL THEN
        SELECT * INTO lm FROM bus.line_message x WHERE x.message_id = at.message_id AND x.said = number;
        IF FOUND THEN
            RETURN lm;
        END IF;
    END IF;
    -- The line that nobody answered yet is the thread's.
    SELECT * INTO r FROM bus.request x WHERE x.thread = at.thread AND x.line_id = number;
    lm.line_id := number;
    lm.thread := at.thread;
    lm.starts_as := coalesce(r.starts_as, '');
    RETURN lm;
END
$$;

-- Whose part of the line it is, and what it does to it.
CREATE FUNCTION bus.line_strand(m bus.said, thread uuid, lm bus.line_message, p bus.line_part) RETURNS bus.line_part
LANGUAGE plpgsql AS $$
DECLARE
    r bus.request;
    s bus.line;
    few uuid[];
    mine text;
BEGIN
    SELECT * INTO r FROM bus.request x WHERE x.thread = line_strand.thread AND x.line_id = p.line_id;
    p.event := CASE WHEN m.type = 173 AND m.sender_id = 0 THEN 'EXPIRE' ELSE bus.line_event(m, p, lm) END;
    p.is_new := false;
    IF m.body ? 'recall' THEN
        p.took := lm;
    END IF;
    IF p.strand_id IS NOT NULL AND r.message_id = lm.message_id AND (p.event = 'EXPIRE' OR m.type = 162 AND m.body ? 'recall') THEN
        p.strand_id := NULL; -- a requisition that is the request itself: its supplier's part goes with it
    END IF;
    IF p.strand_id IS NULL AND m.type NOT IN (160, 164, 165) AND p.event <> 'EXPIRE' AND NOT m.body ? 'recall' THEN
        IF m.type IN (161, 163, 171) THEN
            mine := bus.unit_of(m.sender);
            p.strand_id := (SELECT x.strand_id FROM bus.line x
                             WHERE x.thread = line_strand.thread AND x.line_id = p.line_id AND x.supplier = mine AND x.phase <> 'over'
                             ORDER BY x.first_seq DESC LIMIT 1);
            p.is_new := p.strand_id IS NULL;
        ELSIF m.type = 166 THEN
            p.is_new := true;
            p.from_state := '';
        ELSIF bus.is_unasked(m, r, p) THEN
            p.is_new := m.forced;
        ELSE
            p.supplier := bus.supplier_addressed(m);
            few := bus.line_meant(m, thread, p);
            IF p.supplier IS NOT NULL AND few = '{}' AND p.from_state <> '' THEN
                p.is_new := true;
            END IF;
            IF cardinality(few) > 1 THEN
                p.from_state := 'several';
            ELSE
                p.strand_id := few[1];
            END IF;
        END IF;
    END IF;
    p.is_request := m.type = 160 OR p.strand_id IS NULL AND (p.event = 'EXPIRE' OR m.type = 162 AND (p.from_state = '' OR m.body ? 'recall'));
    IF p.strand_id IS NOT NULL THEN
        SELECT * INTO s FROM bus.line x WHERE x.strand_id = p.strand_id;
        p.from_state := s.state;
        IF p.event = 'UNASK' AND EXISTS (SELECT FROM bus.line_message x WHERE x.thread = line_strand.thread
                                            AND x.strand_id = p.strand_id AND x.type = 166) THEN
            p.event := 'UNASK_OFFER';
        ELSE
            p.event := bus.event_of_part(m, bus.line_untold(m, s, p), p);
        END IF;
    END IF;
    RETURN p;
END
$$;

-- An event told of a part of the line is another one than told of all of it. `s`: the line without what is taken back.
CREATE FUNCTION bus.event_of_part(m bus.said, s bus.line, p bus.line_part) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    n numeric := coalesce(p.quantity, nullif(cardinality(p.items), 0));
BEGIN
    CASE p.event
    WHEN 'RETURN_DECLINE', 'TAKE_BACK' THEN -- what is still on the road goes on where it is
        RETURN p.event || CASE WHEN s.arrived_at IS NULL AND (p.event = 'RETURN_DECLINE' OR m.type = 168) THEN '_ON_ROAD' ELSE '' END;
    WHEN 'SPEND' THEN
        RETURN CASE WHEN p.quantity < s.quantity - s.lost - s.released THEN 'LOSE' ELSE 'SPEND' END;
    WHEN 'RELEASE' THEN
        RETURN CASE WHEN bus.is_part_of(p, s) THEN 'RELEASE_PART' ELSE 'RELEASE' END;
    WHEN 'RETURN_DEPART' THEN
        RETURN CASE WHEN s.released > 0 AND s.phase <> 'due back' THEN 'RETURN_DEPART_PART' ELSE 'RETURN_DEPART' END;
    WHEN 'RETURN_ARRIVE' THEN
        RETURN CASE WHEN s.released > 0 AND s.phase IN ('under way', 'on scene') OR s.back + n < s.quantity - s.lost THEN 'RETURN_PART'
                    ELSE 'RETURN_ARRIVE' END;
    WHEN 'UNSAY' THEN -- others of it are there all the same
        RETURN CASE WHEN (p.took).event = 'ARRIVE' AND s.arrived > 0 THEN 'UNCOUNT' ELSE 'UNSAY' END;
    WHEN 'UNSPEND' THEN
        RETURN (SELECT CASE f.phase WHEN 'promised' THEN 'UNSPEND_AT_HOME' WHEN 'under way' THEN 'UNSPEND_ON_ROAD'
                                    WHEN 'due back' THEN 'UNSPEND_RELEASED' ELSE 'UNSPEND' END
                  FROM (SELECT s.spent_from AS state) AS x LEFT JOIN bus.line_phase f USING (state));
    ELSE
        RETURN p.event;
    END CASE;
END
$$;

-- Somebody brings it who has promised none of it, while others have, or nobody has: not who asked for it, nor an office
-- of the place, which tells of what others bring.
CREATE FUNCTION bus.is_unasked(m bus.said, r bus.request, p bus.line_part) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
    n bus.said := m;
BEGIN
    IF m.type <> 173 OR m.sender_id = 0 OR p.event NOT IN ('DEPART', 'ARRIVE') OR r.thread IS NULL OR r.agency = m.agency
       OR EXISTS (SELECT FROM bus.line x WHERE x.thread = r.thread AND x.line_id = r.line_id AND x.agency = m.agency) THEN
        RETURN false;
    ELSIF NOT EXISTS (SELECT FROM bus.line x WHERE x.thread = r.thread AND x.line_id = r.line_id AND x.phase <> 'over') THEN
        RETURN true;
    END IF;
    n.forced := false;
    RETURN NOT bus.sees_line(n, r, r.places);
END
$$;

-- Whose part a requisition orders: the one supplier among those it is sent to, as agency and unit, or an agency. Null: it
-- names none, or several. Of then, when the log is judged again.
CREATE FUNCTION bus.supplier_addressed(m bus.said) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    of_them text[];
BEGIN
    IF m.type <> 162 OR coalesce(cardinality(m.to_whom), 0) = 0 THEN
        RETURN NULL;
    ELSIF coalesce(current_setting('bus.rejudging', true), '') <> '' THEN
        RETURN (SELECT x.detail FROM bus.rested_on x WHERE x.seq = m.seq AND x.what = 'supplier');
    END IF;
    of_them := ARRAY(SELECT DISTINCT CASE WHEN p.agency = t THEN t ELSE bus.unit_of(t) END
                       FROM unnest(m.to_whom) AS t JOIN bus.principal p ON p.name = t OR p.agency = t
                      WHERE 'supplier' = ANY (string_to_array(p.roles, ' ')));
    IF cardinality(of_them) <> 1 THEN
        RETURN NULL;
    END IF;
    INSERT INTO bus.rested_on (seq, what, detail) VALUES (m.seq, 'supplier', of_them[1]) ON CONFLICT DO NOTHING;
    RETURN of_them[1];
END
$$;

-- The suppliers of a line that this can be about: to whom it is sent, or for whom it is legal, if it names none; for a
-- fact, who can be meant at all, its own sender first. What a person alone applies is not what is meant.
CREATE FUNCTION bus.line_meant(m bus.said, thread uuid, p bus.line_part) RETURNS uuid[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    legal uuid[];
    meant uuid[];
BEGIN
    SELECT array_agg(x.strand_id ORDER BY x.first_seq), array_agg(x.strand_id ORDER BY x.first_seq) FILTER (WHERE EXISTS (
               SELECT FROM bus.transition t WHERE t.cycle = 'line' AND t.from_state = x.state AND t.event = p.event AND 'promised' <> ALL (t.guards)))
      INTO meant, legal
      FROM (SELECT * FROM (SELECT l.*, rank() OVER (ORDER BY l.items && p.items DESC,
                                                    m.type = 173 AND l.agency = m.agency DESC, m.type = 173 AND l.phase <> 'over' DESC) AS nearest
                             FROM bus.line l WHERE l.thread = line_meant.thread AND l.line_id = p.line_id
                              AND (p.supplier IS NULL OR p.supplier IN (l.supplier, l.agency))) AS y
             WHERE y.nearest = 1) AS x;
    RETURN coalesce(legal, CASE WHEN m.type = 173 THEN meant END, '{}');
END
$$;

-- Agency and unit of a sender: one depot of an agency may decline and another one deliver.
CREATE FUNCTION bus.unit_of(sender text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN split_part(sender, '.', 3) = '' THEN sender ELSE split_part(sender, '.', 1) || '.' || split_part(sender, '.', 2) END;
END
$$;

CREATE FUNCTION bus.line_event(m bus.said, p bus.line_part, lm bus.line_message) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    plain text := bus.line_plain_event(m, p);
BEGIN
    RETURN CASE m.body->'recall'->>'type'
        WHEN 'RECALL_TYPE_UPDATE' THEN CASE WHEN lm.event = 'RELEASE_PART' THEN 'TAKE_BACK' WHEN m.type = 173 OR plain IS DISTINCT FROM lm.event THEN plain ELSE 'UPDATE' END
        WHEN 'RECALL_TYPE_CANCEL' THEN
            CASE WHEN m.type IN (164, 165, 172) THEN 'ASK' WHEN m.type = 170 THEN 'UNASK' WHEN m.type = 163 THEN 'WITHDRAW' WHEN m.type IN (167, 168, 169, 174, 175) THEN 'TAKE_BACK'
                 WHEN m.type = 173 THEN CASE WHEN lm.event = 'REPORT' THEN 'REPORT' WHEN lm.event = 'SPEND' THEN 'UNSPEND'
                                             WHEN lm.event IN ('LOSE', 'RETURN_PART', 'RETURN_DEPART_PART') THEN 'UNCOUNT' ELSE 'UNSAY' END
                 ELSE 'CANCEL' END
        ELSE plain END;
END
$$;

CREATE FUNCTION bus.line_plain_event(m bus.said, p bus.line_part) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    word text := CASE m.type WHEN 161 THEN 'RESPOND' WHEN 163 THEN 'COMMIT' WHEN 169 THEN 'RETURN' WHEN 171 THEN 'QUOTE' WHEN 175 THEN 'EXTEND' END;
    said text := p.body->>'schedules';
BEGIN
    IF word IS NOT NULL THEN
        RETURN word || CASE p.body->'response'->>'type' WHEN 'RESPONSE_TYPE_DECLINE' THEN '_DECLINE' WHEN 'RESPONSE_TYPE_PROVISIONAL' THEN '_PROVISIONAL'
                            ELSE CASE WHEN m.type IN (169, 175) THEN '_ACCEPT' ELSE '' END END;
    ELSIF m.type = 173 THEN
        -- Of several times the latest step says where it is now.
        RETURN CASE WHEN p.body->'resource'->'status'->>'readiness' = 'READINESS_OUT_OF_SERVICE' THEN 'SPEND'
                    WHEN position('"SCHEDULE_TYPE_ACTUAL_RETURN_ARRIVAL"' IN said) > 0 THEN 'RETURN_ARRIVE'
                    WHEN position('"SCHEDULE_TYPE_ACTUAL_RETURN_DEPARTURE"' IN said) > 0 THEN 'RETURN_DEPART'
                    WHEN position('"SCHEDULE_TYPE_ACTUAL_ARRIVAL"' IN said) > 0 THEN 'ARRIVE'
                    WHEN position('"SCHEDULE_TYPE_ACTUAL_DEPARTURE"' IN said) > 0 THEN 'DEPART' ELSE 'REPORT' END;
    END IF;
    RETURN CASE m.type WHEN 160 THEN 'REQUEST' WHEN 162 THEN 'REQUISITION' WHEN 166 THEN 'OFFER' WHEN 167 THEN 'RELEASE' WHEN 168 THEN 'ASK_RETURN'
                       WHEN 170 THEN 'ASK_QUOTE' WHEN 172 THEN 'ASK_STATUS' WHEN 174 THEN 'EXTEND' ELSE 'ASK' END;
END
$$;
