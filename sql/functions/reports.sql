-- reports: what an affected district is expected to say (bus.report_rule), and when it said anything last.

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON bus.report_rule
    FOR EACH ROW EXECUTE FUNCTION bus.audit_rule();
CREATE TRIGGER audit_all AFTER TRUNCATE ON bus.report_rule FOR EACH STATEMENT EXECUTE FUNCTION bus.audit_table();

-- What the operator says: affected places in `place` report so often; null: nothing is expected there.
CREATE FUNCTION bus.report_rule_set(place text, type text, every interval, due_after interval, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM bus.give_reason(report_rule_set.reason);
    IF report_rule_set.type NOT IN ('*', 'situation_report', 'damage_needs_assessment', 'casualty_summary',
                                    'resource_totals') THEN
        RAISE EXCEPTION 'no report is called "%"', report_rule_set.type USING ERRCODE = 'no_data_found',
            HINT = 'situation_report, damage_needs_assessment, casualty_summary, resource_totals, or * for any message at all.';
    END IF;
    INSERT INTO bus.report_rule AS r (place, type, every, due_after, note)
    VALUES (report_rule_set.place, report_rule_set.type, report_rule_set.every,
            coalesce(report_rule_set.due_after, interval '0'), report_rule_set.reason)
        ON CONFLICT (place, type) DO UPDATE SET every = excluded.every, due_after = excluded.due_after, note = excluded.note;
END
$$;
CREATE FUNCTION bus.report_rule_drop(place text, type text, reason text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM bus.give_reason(report_rule_drop.reason);
    DELETE FROM bus.report_rule r WHERE r.place = report_rule_drop.place AND r.type = report_rule_drop.type;
    RETURN FOUND;
END
$$;
GRANT EXECUTE ON FUNCTION bus.report_rule_set, bus.report_rule_drop TO bus_admin;

-- The district of a P-code, "3505203001" -> "3505203"; what has letters is whole.
CREATE FUNCTION bus.district_of(pcode text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN pcode ~ '^[0-9]' THEN left(pcode, 7) ELSE pcode END $$;
-- The codes under which what is said of a place is looked for: itself, its district, its region.
CREATE FUNCTION bus.codes_over(pcode text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN pcode ~ '^[0-9]' THEN ARRAY[pcode, left(pcode, 7), left(pcode, 4) || '000'] ELSE ARRAY[pcode] END $$;

-- Silence -------------------------------------------------------------------------------------------

-- For each of these places: how many offices it has of its own, and their newest message of any kind. Readers
-- hear this of every place, and no more than this: what the message was they may have no right to. Gateways, brokers
-- and whoever hands on what others signed are no offices: that a station ticks says nothing of people.
--
-- The newest number of a sender is at the end of one of its runs: a few probes of an index however long the log is. What
-- comes as a backlog beside what is newer does not count.
CREATE FUNCTION bus.places_heard(places text[])
RETURNS TABLE (place text, offices int4, last_seq int8, last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE own AS MATERIALIZED (
        SELECT DISTINCT c.code, p.principal_id
          FROM bus.principal p CROSS JOIN LATERAL unnest(string_to_array(p.places, ' ')) AS of_it(code)
         CROSS JOIN LATERAL unnest(bus.codes_over(of_it.code)) AS c(code)
         WHERE c.code = ANY (places_heard.places)
           -- As bus.is_in_force, which takes longer than all the rest.
           AND p.principal_id > 0 AND p.revoked_at IS NULL AND (p.not_after IS NULL OR p.not_after > clock_timestamp())
           AND NOT (p.roles <> '' AND string_to_array(p.roles, ' ') <@ '{gateway,broker,carrier,counter,witness}')
    ), known AS (
        SELECT w.principal_id, (SELECT max(l.epoch) FROM bus.lane_run l WHERE l.sender_id = w.principal_id) AS epoch
          FROM (SELECT DISTINCT o.principal_id FROM own o) AS w
        UNION ALL
        SELECT k.principal_id, (SELECT max(l.epoch) FROM bus.lane_run l
                                 WHERE l.sender_id = k.principal_id AND l.epoch < k.epoch)
          FROM known k WHERE k.epoch IS NOT NULL
    ), ended AS (
        SELECT k.principal_id, max(x.seq_last) AS seq
          FROM known k CROSS JOIN unnest('{1,2,3,4,5}'::int2[]) AS of_it(lane)
         CROSS JOIN LATERAL (SELECT l.seq_last FROM bus.lane_run l
                              WHERE l.sender_id = k.principal_id AND l.epoch = k.epoch AND l.lane = of_it.lane
                              ORDER BY l.lane_first DESC LIMIT 1) AS x
         WHERE k.epoch IS NOT NULL GROUP BY k.principal_id
    ), heard AS MATERIALIZED (
        SELECT o.code, count(*)::int4 AS offices, max(e.seq) AS seq
          FROM own o LEFT JOIN ended e ON e.principal_id = o.principal_id GROUP BY o.code
    )
    SELECT w.code, coalesce(h.offices, 0), h.seq, m.received_at
      FROM (SELECT DISTINCT u.code FROM unnest(places_heard.places) AS u(code)) AS w
      LEFT JOIN heard h ON h.code = w.code
      LEFT JOIN bus.words_at(ARRAY(SELECT h2.seq FROM heard h2)) AS m ON m.seq = h.seq;
END
$$;
-- Single messages, those of them that the caller may read.
CREATE FUNCTION bus.words_at(numbers int8[])
RETURNS TABLE (seq int8, received_at timestamptz, sender_id int4, type int2, message_id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT m.seq, m.received_at, m.sender_id, m.type, m.message_id FROM bus.message m WHERE m.seq = ANY (numbers);
END
$$;
GRANT EXECUTE ON FUNCTION bus.district_of, bus.codes_over, bus.places_heard, bus.words_at TO bus_reader, bus_admin, bus_audit;
