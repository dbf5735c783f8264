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

-- Is this a word of people? Not what a machine says by itself: detections, stations, sirens, a dish on a roof, what the
-- bus and brokers say; a receipt below ACCEPTED is one that no person need have seen; BACKFILL is what was said once.
-- Observations and the status of stations have no document and are not even asked.
CREATE FUNCTION bus.is_word(type int2, status int2, doc jsonb) RETURNS bool LANGUAGE sql IMMUTABLE AS $$
    SELECT status = 1 AND type <> ALL ('{101,103,105,107,108,182,243,244,281,282}')
           AND (type <> 181 OR doc->'receipt'->>'level' IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED'))
           AND coalesce((doc->>'flags')::int4, 0) & 1 = 0
$$;
-- Keeps the newest of each sender, of a batch that is stored; called by the append, with its search_path. From behind,
-- so that it looks at one document of a sender, mostly.
CREATE FUNCTION bus.words_said(res bus.append_result, m_sender int4[], m_type int2[], m_status int2[], m_received timestamptz[],
                               d_ordinal int4[], d_doc jsonb[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    is_one bool := m_sender[1] = ALL (m_sender);
    before int8 := res.before;
    outcome int2[] := res.outcome;
    seqs int8[] := res.seq;
    heard int4[] := '{}';
    i int4;
BEGIN
    FOR k IN REVERSE cardinality(d_ordinal) .. 1 LOOP
        i := d_ordinal[k];
        CONTINUE WHEN m_sender[i] = ANY (heard) OR outcome[i] <> 1 OR m_sender[i] = 0;
        IF bus.is_word(m_type[i], m_status[i], d_doc[k]) THEN
            PERFORM bus.word_said(m_sender[i], coalesce(seqs[i], before + i), m_received[i]);
            EXIT WHEN is_one;
            heard := heard || m_sender[i];
        END IF;
    END LOOP;
END
$$;
CREATE FUNCTION bus.word_said(sender_id int4, seq int8, at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bus.last_word AS w (principal_id, seq, at) VALUES (word_said.sender_id, word_said.seq, word_said.at)
        ON CONFLICT ON CONSTRAINT last_word_pkey DO UPDATE SET seq = excluded.seq, at = excluded.at WHERE excluded.seq > w.seq;
END
$$;

-- For each of these places: how many offices it has of its own, and the newest word of their people. Readers hear
-- this of every place, and no more than this: what the message was they may have no right to. Gateways, brokers and
-- whoever hands on what others signed are no offices: that a station ticks says nothing of people.
CREATE FUNCTION bus.places_heard(places text[])
RETURNS TABLE (place text, offices int4, last_seq int8, last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
BEGIN
    RETURN QUERY
    WITH own AS MATERIALIZED (
        SELECT DISTINCT c.code, p.principal_id
          FROM bus.principal p CROSS JOIN LATERAL unnest(string_to_array(p.places, ' ')) AS of_it(code)
         CROSS JOIN LATERAL unnest(bus.codes_over(of_it.code)) AS c(code)
         WHERE c.code = ANY (places_heard.places)
           -- As bus.is_in_force, which takes longer than all the rest.
           AND p.principal_id > 0 AND p.revoked_at IS NULL AND (p.not_after IS NULL OR p.not_after > clock_timestamp())
           AND NOT (p.roles <> '' AND string_to_array(p.roles, ' ') <@ '{gateway,broker,carrier,counter,witness}')
    )
    SELECT u.code, count(o.principal_id)::int4, max(l.seq), (array_agg(l.at ORDER BY l.seq DESC NULLS LAST))[1]
      FROM (SELECT DISTINCT x.code FROM unnest(places_heard.places) AS x(code)) AS u
      LEFT JOIN own o ON o.code = u.code LEFT JOIN bus.last_word l ON l.principal_id = o.principal_id
     GROUP BY u.code;
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
