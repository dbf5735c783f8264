-- ledger_line_strand: whose part of a line a message is about, and which event it is of that part.

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
