-- ledger_site: how many plots a site has, as its office says, against what was given away of them.

-- What the owner of the land says. Never less than what is promised and lived on; and never what he said before
-- something that came sooner: that is kept, and counts nothing.
CREATE FUNCTION bus.judge_site(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s bus.site;
    j bus.judgement;
BEGIN
    SELECT * INTO s FROM bus.site x WHERE x.site_id = m.body->>'site_id' AND x.status = m.status;
    j := bus.site_not_yours(m, s);
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    ELSIF m.event_at < s.declared_at THEN
        RETURN bus.apply();
    END IF;
    j := bus.site_numbers(m, s);
    IF j.verdict = 1 THEN
        PERFORM bus.wake(bus.site_uuid(m.body->>'site_id', m.status));
    END IF;
    RETURN j;
END
$$;

-- A site is spoken of from its place, and by the agency that declared it; another one, and a person settles it.
CREATE FUNCTION bus.site_not_yours(m bus.said, s bus.site) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT bus.is_place_of(m, coalesce(m.body->>'pcode', '')) THEN
        RETURN bus.not_yours(m, m.body->>'pcode', 'plot_site.pcode', 'site');
    ELSIF NOT bus.is_place_of(m, coalesce(s.places, '')) THEN
        RETURN bus.not_yours(m, s.places, 'plot_site.site_id', 'site');
    ELSIF s.site_id IS NOT NULL AND NOT bus.is_same_agency(m, s.sender_id) THEN
        RETURN bus.contest(bus.site_uuid(s.site_id, s.status), 'agency', 'plot_site.site_id', format(
            'Site %s was declared by another agency. That one says its numbers; or a person applies this, and it is yours.', s.site_id));
    END IF;
    RETURN NULL;
END
$$;

-- What he says as numbers that fit, or why they do not.
CREATE FUNCTION bus.site_numbers(m bus.said, s bus.site) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    site_name text := m.body->>'site_id';
    total int4 := (m.body->>'capacity_total')::int4;
    ours int4 := coalesce(s.reserved + s.allocated + s.occupied, 0);
    n record;
    shut int4;
    given int4;
BEGIN
    SELECT * INTO n FROM bus.site_numbered(m, s);
    shut := greatest(coalesce((m.body->>'blocked')::int4, 0), n.blocked);
    given := greatest(bus.given_elsewhere(m, s, n.echoed), n.elsewhere);
    IF m.forced AND ours <= total AND n.plots <= total THEN -- as much of it as there is room for
        shut := least(shut, total - ours);
        given := least(given, total - ours - shut);
    END IF;
    IF n.plots > total THEN
        RETURN bus.site_too_small(m, s, shut, format('%s cannot be where %s named.', bus.count_of(total, 'plot'),
                                                     CASE n.plots WHEN 1 THEN '1 is' ELSE n.plots || ' are' END));
    ELSIF n.lost > 0 AND NOT m.forced THEN
        RETURN bus.site_too_small(m, s, shut, format('%s that messages here promised would be blocked.', bus.count_of(n.lost, 'plot')));
    ELSIF given::int8 + ours + shut > total THEN
        RETURN bus.site_too_small(m, s, shut, format(
            '%s would not be enough. Promised or lived on by messages here: %s; given elsewhere: %s; blocked: %s.',
            bus.count_of(total, 'plot'), ours, given, shut));
    END IF;
    INSERT INTO bus.site AS x (site_id, status, seq, declared_at, sender_id, capacity, blocked, elsewhere, said, is_safe, places, name)
    VALUES (site_name, m.status, m.seq, m.event_at, m.sender_id, total, shut, given, bus.said_given(m),
            m.body->>'hazard_checked' = 'ANSWER_YES', coalesce(m.body->>'pcode', m.places[1], ''), coalesce(m.body->>'name', site_name))
        ON CONFLICT ON CONSTRAINT site_pkey DO UPDATE
       SET seq = excluded.seq, declared_at = excluded.declared_at, sender_id = excluded.sender_id,
           capacity = excluded.capacity, blocked = excluded.blocked, elsewhere = excluded.elsewhere, said = excluded.said,
           is_safe = excluded.is_safe, places = excluded.places, name = excluded.name;
    PERFORM bus.keep_plots(m);
    RETURN bus.apply();
END
$$;

-- Plots that the message names, each once, as it stands there last; what an offer of this log holds is an echo of it.
CREATE FUNCTION bus.said_plots(m bus.said) RETURNS TABLE (plot_id text, area_m2 int4, state text, held text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT DISTINCT ON (p->>'plot_id') p->>'plot_id', (p->>'area_m2')::int4, eoc.word(p->>'state', 'PLOT_STATE_'),
           (SELECT o.holds FROM bus.offer o
             WHERE (o.site_id, o.status, o.plot_id) = (m.body->>'site_id', m.status, p->>'plot_id') AND o.holds IS NOT NULL
               AND o.plot_id <> '')
      FROM jsonb_array_elements(coalesce(m.body->'plots', '[]')) WITH ORDINALITY AS x(p, n)
     ORDER BY p->>'plot_id', n DESC;
END
$$;

-- The plots with numbers, those of earlier messages too: how many there are, are blocked, are given elsewhere; of ours
-- how many this message would block, and how many it only echoes, by the kind that it says.
CREATE FUNCTION bus.site_numbered(m bus.said, s bus.site, OUT plots int4, OUT blocked int4, OUT elsewhere int4, OUT lost int4,
                                  OUT echoed jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_array_length(coalesce(m.body->'plots', '[]')) = 0
       AND NOT EXISTS (SELECT FROM bus.plot p WHERE (p.site_id, p.status) = (s.site_id, s.status)) THEN
        plots := 0; blocked := 0; elsewhere := 0; lost := 0; echoed := '{}';
        RETURN;
    END IF;
    SELECT count(*), count(*) FILTER (WHERE x.state = 'BLOCKED' AND x.held IS NULL),
           count(*) FILTER (WHERE x.is_elsewhere), count(*) FILTER (WHERE x.is_said AND x.state = 'BLOCKED' AND x.held IS NOT NULL),
           jsonb_build_object(
               'said_reserved', count(*) FILTER (WHERE x.is_said AND x.state = 'RESERVED' AND x.held IS NOT NULL),
               'said_allocated', count(*) FILTER (WHERE x.is_said AND x.state = 'ALLOCATED' AND x.held IS NOT NULL),
               'said_occupied', count(*) FILTER (WHERE x.is_said AND x.state = 'OCCUPIED' AND x.held IS NOT NULL),
               'reserved', count(*) FILTER (WHERE x.is_echo AND x.held = 'reserved'),
               'allocated', count(*) FILTER (WHERE x.is_echo AND x.held = 'allocated'),
               'occupied', count(*) FILTER (WHERE x.is_echo AND x.held = 'occupied'))
      INTO plots, blocked, elsewhere, lost, echoed
      FROM (SELECT coalesce(n.state, p.said_state) AS state, n.held, n.plot_id IS NOT NULL AS is_said,
                   n.state IN ('RESERVED', 'ALLOCATED', 'OCCUPIED') AND n.held IS NOT NULL AS is_echo,
                   CASE WHEN n.plot_id IS NULL THEN p.is_elsewhere
                        ELSE n.state IN ('RESERVED', 'ALLOCATED', 'OCCUPIED') AND n.held IS NULL END AS is_elsewhere
              FROM bus.said_plots(m) AS n
              FULL JOIN (SELECT * FROM bus.plot y WHERE (y.site_id, y.status) = (s.site_id, s.status)) AS p USING (plot_id)) AS x;
END
$$;

CREATE FUNCTION bus.keep_plots(m bus.said) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO bus.plot (site_id, status, plot_id, area_m2, said_state, is_elsewhere)
    SELECT m.body->>'site_id', m.status, n.plot_id, n.area_m2, n.state,
           n.state IN ('RESERVED', 'ALLOCATED', 'OCCUPIED') AND n.held IS NULL
      FROM bus.said_plots(m) AS n
        ON CONFLICT ON CONSTRAINT plot_pkey DO UPDATE
       SET area_m2 = excluded.area_m2, said_state = excluded.said_state, is_elsewhere = excluded.is_elsewhere;
END
$$;

CREATE FUNCTION bus.said_given(m bus.said) RETURNS int4 LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce((m.body->>'reserved')::int4, 0) + coalesce((m.body->>'allocated')::int4, 0)
           + coalesce((m.body->>'occupied')::int4, 0)
$$;

-- Plots that the owner gave away without this log. His numbers may hold ours or not. Kind by kind what is more than
-- ours is his, but no more than he says more of than the last time: a family that moves in is no new one. What was his
-- stays so as long as his numbers hold it, and what is more than all of ours is his for certain. Plots that he names
-- and an offer here holds are left out, by whatever kind he counts them (`e`: bus.site_numbered).
CREATE FUNCTION bus.given_elsewhere(m bus.said, s bus.site, e jsonb) RETURNS int4
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (
    SELECT greatest(least(greatest(x.reserved - x.our_reserved, 0) + greatest(x.allocated - x.our_allocated, 0)
                              + greatest(x.occupied - x.our_occupied, 0),
                          x.was + greatest(bus.said_given(m) - coalesce(s.said, 0), 0)),
                    x.reserved + x.allocated + x.occupied - x.our_reserved - x.our_allocated - x.our_occupied,
                    least(x.was, x.reserved + x.allocated + x.occupied))
      FROM (SELECT greatest(coalesce((m.body->>'reserved')::int4, 0) - coalesce((e->>'said_reserved')::int4, 0), 0) AS reserved,
                   greatest(coalesce((m.body->>'allocated')::int4, 0) - coalesce((e->>'said_allocated')::int4, 0), 0) AS allocated,
                   greatest(coalesce((m.body->>'occupied')::int4, 0) - coalesce((e->>'said_occupied')::int4, 0), 0) AS occupied,
                   coalesce(s.reserved, 0) - coalesce((e->>'reserved')::int4, 0) AS our_reserved,
                   coalesce(s.allocated, 0) - coalesce((e->>'allocated')::int4, 0) AS our_allocated,
                   coalesce(s.occupied, 0) - coalesce((e->>'occupied')::int4, 0) AS our_occupied,
                   coalesce(s.elsewhere, 0) AS was) AS x);
END
$$;

-- An owner cannot take back what is promised; but that the place is not safe, or plots are lost, is a fact: nothing
-- more is offered there, and a person sees to those who hold a promise.
CREATE FUNCTION bus.site_too_small(m bus.said, s bus.site, shut int4, text text) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_bad bool := coalesce(m.body->>'hazard_checked' = 'ANSWER_NO', false);
BEGIN
    IF s.site_id IS NULL OR NOT (is_bad OR shut > s.blocked
                                 OR EXISTS (SELECT FROM bus.said_plots(m) AS n WHERE n.state = 'BLOCKED' AND n.held IS NOT NULL)) THEN
        RETURN bus.refuse('capacity', 'plot_site.capacity_total', text);
    END IF;
    UPDATE bus.site x
       SET is_safe = x.is_safe AND NOT is_bad,
           blocked = greatest(x.blocked, least(shut, x.capacity - x.elsewhere - x.reserved - x.allocated - x.occupied))
     WHERE x.site_id = s.site_id AND x.status = s.status;
    RETURN bus.contest(bus.site_uuid(s.site_id, s.status), 'capacity', 'plot_site.capacity_total', text);
END
$$;
