-- ledger_line: who wants what, and who has promised what of it. Judges the sixteen messages of EDXL-RM.
--
--   a message ─▶ its thread (preceding_id, recall, originating_id) ─▶ each line of it: whose strand ─▶ bus.decide
--
-- What is wanted moves in the cycle `request`: thread and line_id. Each supplier that answers has a strand of its
-- own (cycle `line`), which begins with its first answer where the message answered says (starts_as), so that one
-- that declines takes nothing from the others. All lines of a message move, or none. Whether they may:
-- ledger_line_guards.sql; whose part of it: ledger_line_strand.sql; what moves: ledger_line_moves.sql; how much there is:
-- ledger_line_counts.sql; items that are promised once: ledger_line_items.sql. Whether a message holds what EDXL-RM wants
-- was judged in the gate.

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
