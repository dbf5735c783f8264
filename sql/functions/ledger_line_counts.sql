-- ledger_line_counts: what was reported of a line: when, and how much of it has arrived, is lost, released or home.

-- Times as they were told, and how much of it there is.
CREATE FUNCTION bus.strand_reported(m bus.said, s bus.line, p bus.line_part) RETURNS bus.line
LANGUAGE plpgsql STABLE AS $$
DECLARE
    t jsonb := coalesce(p.times, '{}');
    at timestamptz := m.event_at;
BEGIN
    IF p.event = 'UNCOUNT' OR p.event LIKE 'UNSPEND%' THEN
        RETURN s; -- see bus.line_untold
    ELSIF p.event = 'UNSAY' THEN
        s.departed_at := CASE p.to_state WHEN 'COMMITTED' THEN NULL ELSE s.departed_at END;
        s.arrived_at := CASE p.to_state WHEN 'EN_ROUTE' THEN NULL ELSE s.arrived_at END;
        s.left_at := CASE p.to_state WHEN 'RELEASED' THEN NULL ELSE s.left_at END;
        s.back_at := CASE p.to_state WHEN 'RETURNING' THEN NULL ELSE s.back_at END;
        RETURN s;
    END IF;
    s.departed_at := coalesce(s.departed_at, to_timestamp((t->>'ACTUAL_DEPARTURE')::float8), CASE p.event WHEN 'DEPART' THEN at END);
    s.arrived_at := coalesce(s.arrived_at, to_timestamp((t->>'ACTUAL_ARRIVAL')::float8), CASE p.event WHEN 'ARRIVE' THEN at END);
    s.left_at := coalesce(s.left_at, to_timestamp((t->>'ACTUAL_RETURN_DEPARTURE')::float8), CASE p.event WHEN 'RETURN_DEPART' THEN at END);
    s.back_at := coalesce(s.back_at, to_timestamp((t->>'ACTUAL_RETURN_ARRIVAL')::float8), CASE p.event WHEN 'RETURN_ARRIVE' THEN at END);
    s.arrives_at := coalesce(to_timestamp((t->>'ESTIMATED_ARRIVAL')::float8), s.arrives_at);
    IF NOT s.counts THEN -- what nobody promised came all the same
        s.quantity := coalesce(s.quantity, p.quantity);
        s.unit := CASE WHEN p.quantity IS NOT NULL THEN coalesce(p.unit, s.unit) ELSE s.unit END;
        s.items := CASE WHEN s.items = '{}' THEN p.items ELSE s.items END;
        s.from_at := coalesce(s.from_at, s.departed_at, s.arrived_at, at);
    END IF;
    IF p.event = 'ARRIVE' THEN
        s := bus.arrivals_of(m, s, p.counted);
    ELSIF p.event IN ('LOSE', 'SPEND') THEN
        s.spent_from := CASE p.event WHEN 'SPEND' THEN s.state ELSE s.spent_from END;
        s.lost := s.lost + p.counted;
        s.lost_away := s.lost_away + p.counted_away;
    ELSIF p.event IN ('RETURN_ARRIVE', 'RETURN_PART') THEN
        s.back := s.back + p.counted;
    END IF;
    RETURN s;
END
$$;

-- What the part adds to the sums of its line.
CREATE FUNCTION bus.line_counted(m bus.said, s bus.line, p bus.line_part) RETURNS bus.line_part
LANGUAGE plpgsql STABLE AS $$
DECLARE
    n numeric := coalesce(p.quantity, nullif(cardinality(p.items), 0));
BEGIN
    p.counted := CASE p.event
        WHEN 'ARRIVE' THEN coalesce(p.quantity, s.quantity - s.lost_away - s.released_away, 0)
        WHEN 'LOSE' THEN coalesce(p.quantity, 0)
        WHEN 'SPEND' THEN coalesce(s.quantity - s.released - s.lost, 0)
        WHEN 'RELEASE_PART' THEN coalesce(n, 0)
        WHEN 'RETURN_PART' THEN coalesce(n, s.released - s.back)
        WHEN 'RETURN_ARRIVE' THEN coalesce(greatest(s.quantity - s.lost - s.back, 0), 0) END;
    p.counted_away := CASE p.event -- it was there, or never came
        WHEN 'LOSE' THEN CASE WHEN s.phase IN ('promised', 'under way') THEN p.counted ELSE 0 END
        WHEN 'SPEND' THEN coalesce(s.quantity - s.arrived - s.released_away - s.lost_away, 0) END;
    RETURN p;
END
$$;

-- So many more, or fewer, have arrived, by the word of who says it. One arrival that both sides report is one.
CREATE FUNCTION bus.arrivals_of(m bus.said, s bus.line, n numeric) RETURNS bus.line
LANGUAGE plpgsql STABLE AS $$
DECLARE
    asks text := (SELECT r.agency FROM bus.request r WHERE r.thread = s.thread AND r.line_id = s.line_id);
BEGIN
    IF asks = s.agency AND bus.unit_of(m.sender) = s.supplier OR asks IS DISTINCT FROM s.agency AND m.agency = s.agency THEN
        s.arrived_own := greatest(s.arrived_own + n, 0);
    ELSE
        s.arrived_seen := greatest(s.arrived_seen + n, 0);
    END IF;
    s.arrived := least(s.quantity - s.lost_away - s.released_away, greatest(s.arrived_own, s.arrived_seen));
    RETURN s;
END
$$;

-- The line without what a report has counted that this one takes back or replaces.
CREATE FUNCTION bus.line_untold(m bus.said, s bus.line, p bus.line_part) RETURNS bus.line
LANGUAGE plpgsql STABLE AS $$
DECLARE
    n numeric := coalesce((p.took).counted, 0);
BEGIN
    IF m.type <> 173 OR s.strand_id IS NULL OR n = 0 THEN
        RETURN s;
    END IF;
    CASE (p.took).event
    WHEN 'ARRIVE' THEN
        s := bus.arrivals_of(m, s, - n);
    WHEN 'LOSE', 'SPEND' THEN
        s.lost := s.lost - n;
        s.lost_away := s.lost_away - coalesce((p.took).counted_away, 0);
    WHEN 'RETURN_PART', 'RETURN_ARRIVE' THEN
        s.back := s.back - n;
    ELSE
        NULL;
    END CASE;
    RETURN s;
END
$$;
