-- ledger_alert_ladder: whom the ladder of an alert asks, who of them had his turn, and how many have taken it.

-- The one that fits best: by level (the first of `levels` weighs most), then the narrowest place, then the hazard.
CREATE FUNCTION bus.ladder_for(of_type int2, levels text[], struck text, at_places text[]) RETURNS bus.escalation_rule
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT r FROM bus.escalation_rule r
     WHERE r.type = of_type AND (r.level = '' OR r.level = ANY (levels)) AND r.hazard IN ('', struck)
       AND (r.place = '' OR EXISTS (SELECT FROM unnest(at_places) AS p WHERE bus.is_within(p, r.place)))
     ORDER BY coalesce(array_position(levels, r.level), 99), length(r.place) DESC, r.hazard = '', r.acks_needed DESC LIMIT 1);
END
$$;
CREATE FUNCTION bus.ladder_of(a bus.alert) RETURNS SETOF bus.escalation_rule
LANGUAGE sql STABLE AS $$
    SELECT r.* FROM bus.escalation_rule r
     WHERE (r.type, r.level, r.hazard, r.place) = (a.type, a.rule_level, a.rule_hazard, a.rule_place) ORDER BY r.step
$$;

-- role@place of a step, for every district or region of the alert.
CREATE FUNCTION bus.escalation_targets(r bus.escalation_rule, places text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT format('%s@%s', r.role, at)
      FROM (SELECT u.ord, CASE WHEN r.at_place NOT IN ('district', 'region') THEN r.at_place
                               WHEN code ~ '^[0-9]{7}' THEN
                                    CASE WHEN r.at_place = 'region' THEN left(code, 4) || '000'
                                         WHEN substr(code, 5, 3) <> '000' THEN left(code, 7) END
                               WHEN r.at_place = 'region' THEN left(code, 4)
                               WHEN length(code) > 4 THEN code END AS at
              FROM string_to_table(coalesce(nullif(places, ''), '-'), ' ') WITH ORDINALITY AS u(code, ord)) AS x
     WHERE at ~ '^[0-9A-Za-z]' GROUP BY at ORDER BY min(ord)
$$;

-- Whom an EscalationEvent to role@place has to name, besides its author: the role, or those who have it by
-- delegation for messages like the alert alone. Null: nobody is on duty.
CREATE FUNCTION bus.escalation_entries(a bus.alert, target text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT CASE WHEN EXISTS (SELECT FROM bus.on_duty(split_part(target, '@', 1), split_part(target, '@', 2),
                                                     clock_timestamp(), 182::int2) AS o WHERE o.principal_id <> a.sender_id)
                THEN target
                ELSE (SELECT string_agg(DISTINCT o.principal, ' ')
                        FROM bus.on_duty(split_part(target, '@', 1), split_part(target, '@', 2), clock_timestamp(),
                                         a.type) AS o WHERE o.principal_id <> a.sender_id) END);
END
$$;

-- Had this principal the role at that time, as far as rosters before `before_seq` say?
CREATE FUNCTION bus.was_on_duty(target text, who int4, at timestamptz, before_seq int8, of_type int2) RETURNS bool
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM (SELECT * FROM bus.duty_roster d
                      WHERE d.role = split_part(target, '@', 1) AND d.place = split_part(target, '@', 2)
                        AND d.from_at <= was_on_duty.at AND d.seq < before_seq ORDER BY d.seq DESC LIMIT 1) AS r
          JOIN bus.duty_shift s ON s.roster_seq = r.seq
          JOIN bus.principal p ON p.name = s.principal
         WHERE p.principal_id = who AND was_on_duty.at < r.to_at AND was_on_duty.at >= s.from_at AND was_on_duty.at < s.to_at
           AND (s.delegated_types = '{}' OR s.delegated_types && ARRAY(SELECT t.name FROM bus.type t WHERE t.number IN (182, of_type))))
$$;

-- Steps and roles that the principal has: now, of the whole ladder; or had when they were asked.
CREATE FUNCTION bus.alert_turns(a bus.alert, who int4, at timestamptz, before_seq int8) RETURNS TABLE (step int2, target text)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT x.step, x.target
      FROM (SELECT r.step, t AS target, alert_turns.at AS at, alert_turns.before_seq AS before
              FROM bus.ladder_of(a) AS r, bus.escalation_targets(r, a.places) AS t
            UNION ALL
            SELECT c.step, c.target, u.at, u.before
              FROM bus.alert_call c, unnest(ARRAY[c.asked_at, alert_turns.at], ARRAY[c.seq, alert_turns.before_seq]) AS u(at, before)
             WHERE c.alert_id = a.alert_id AND c.outcome = 'ASKED') AS x
     WHERE bus.was_on_duty(x.target, who, x.at, x.before, a.type)
$$;
CREATE FUNCTION bus.alert_steps(a bus.alert, who int4, at timestamptz, before_seq int8) RETURNS int2[]
LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT x.step ORDER BY x.step), '{}') FROM bus.alert_turns(a, who, at, before_seq) AS x
$$;

-- In how many of its districts nobody has taken it, of those that were asked or will be at once: each answers for
-- itself, or somebody does who is asked later and whose place it lies in. Answers before `before_seq` count.
CREATE FUNCTION bus.alert_untaken(a bus.alert, before_seq int8) RETURNS int8
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT count(*)
      FROM bus.ladder_of(a) AS r CROSS JOIN LATERAL bus.escalation_targets(r, a.places) AS t
     WHERE r.at_place = 'district'
       AND (a.step = 0 AND r.step = 1
            OR EXISTS (SELECT FROM bus.alert_call c WHERE c.alert_id = a.alert_id AND c.step = r.step AND c.target = t
                                                      AND c.outcome = 'ASKED' AND c.sender_id = 0))
       AND NOT EXISTS (
           SELECT FROM bus.alert_answer n CROSS JOIN LATERAL unnest(n.targets) AS its
            WHERE n.alert_id = a.alert_id AND n.counts AND n.seq < before_seq
              AND (its IN (t, '*')
                   OR EXISTS (SELECT FROM bus.ladder_of(a) AS l CROSS JOIN LATERAL bus.escalation_targets(l, a.places) AS lt
                               WHERE lt = its AND l.step > r.step
                                 AND EXISTS (SELECT FROM bus.ladder_of(a) AS w WHERE w.step > r.step AND w.step <= l.step AND w.after > '0')
                                 AND (l.at_place NOT IN ('district', 'region')
                                      OR bus.is_within(split_part(t, '@', 2), split_part(its, '@', 2)))))));
END
$$;

-- How many acknowledgements there are: different persons of different steps, as many as can be told apart, and whoever
-- took its incident without having been asked.
CREATE FUNCTION bus.alert_acks(id uuid) RETURNS int2
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE who AS (
        SELECT row_number() OVER (ORDER BY n.seq) AS n, n.steps FROM bus.alert_answer n WHERE n.alert_id = id AND n.counts AND n.steps <> '{}'
    ), taken AS (
        SELECT 0::int8 AS n, '{}'::int2[] AS steps
        UNION
        SELECT w.n, o.steps FROM taken t JOIN who w ON w.n = t.n + 1
         CROSS JOIN LATERAL (SELECT t.steps UNION ALL
                             SELECT ARRAY(SELECT u FROM unnest(t.steps || s) AS u ORDER BY u)
                               FROM unnest(w.steps) AS s WHERE s <> ALL (t.steps)) AS o
    )
    SELECT (max(cardinality(steps))
            + (SELECT count(DISTINCT n.principal_id) FROM bus.alert_answer n WHERE n.alert_id = id AND n.counts AND n.steps = '{}'))::int2
      FROM taken
$$;
