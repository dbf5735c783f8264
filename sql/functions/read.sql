-- read: the log read back, and what a broker asks of it.

CREATE FUNCTION bus.schema_version() RETURNS int4
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(max(version), 0) FROM bus.migration
$$;

-- Digest of sql/functions that this database runs.
CREATE FUNCTION bus.function_digest() RETURNS int8
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT digest FROM bus.function_text
$$;
GRANT EXECUTE ON FUNCTION bus.schema_version, bus.function_digest TO bus_ingest;

-- One page of the log: numbers are gapless, so a page is a span of numbers, and the BRIN index reads
-- that span alone. Stops after max_bytes of content (at least one row). lanes is a set: bit n stands for
-- lane n; what is of other lanes counts for nothing.
CREATE FUNCTION bus.replay(after int8, upto int8, max_bytes int8, lanes int4)
RETURNS TABLE (seq int8, log_epoch int4, sender_id int4, epoch int8, lane int2, lane_seq int8, message_id uuid,
               type int2, status int2, places text, event_at timestamptz, received_at timestamptz,
               not_after timestamptz, clock_offset_ms int4, verdict int2, expired bool, marks int2,
               content bytea, signature bytea, reach text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    -- Planned with the numbers at hand, so that other partitions are not even opened.
    RETURN QUERY
    SELECT p.seq, p.log_epoch, p.sender_id, p.epoch, p.lane, p.lane_seq, p.message_id, p.type, p.status,
           p.places, p.event_at, p.received_at, p.not_after, p.clock_offset_ms,
           CASE WHEN p.verdict IN (2, 3) THEN bus.verdict_now(p.seq, p.verdict) ELSE p.verdict END, p.expired, p.marks,
           p.content, p.signature, t.reach
      FROM (SELECT m.*, sum(octet_length(m.content)) OVER (ORDER BY m.seq ROWS UNBOUNDED PRECEDING)
                        - octet_length(m.content) AS bytes_before
              FROM bus.message m WHERE m.seq > after AND m.seq <= upto AND lanes >> m.lane & 1 = 1) AS p
      -- Principals it is for; few messages have any.
      LEFT JOIN (SELECT r.seq, string_agg(DISTINCT q.name, ' ') AS reach
                   FROM bus.recipient_reach r JOIN bus.principal q USING (principal_id)
                  WHERE r.seq > after AND r.seq <= upto GROUP BY r.seq) AS t ON t.seq = p.seq
     WHERE p.bytes_before < max_bytes
     ORDER BY p.seq;
END
$$;
GRANT EXECUTE ON FUNCTION bus.replay TO bus_ingest;

-- The same of what is for one principal: found by the index of whom messages reached, so that a log of any
-- length costs what is in it for that principal (about a millisecond for one that stands alone: the BRIN
-- index finds it to some 2,000 rows, so what lies that near together is fetched together). Stops after
-- `most` of them, too; with less than both bounds allow, everything up to `upto` was looked at.
CREATE FUNCTION bus.replay_to(after int8, upto int8, max_bytes int8, lanes int4, named text, most int8)
RETURNS SETOF bus.message
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
    who int4 := (SELECT p.principal_id FROM bus.principal p WHERE p.name = named);
    looked_at int8 := after;
    numbers int8[];
    m bus.message;
    found_rows int8 := 0;
    found_bytes int8 := 0;
BEGIN
    LOOP
        SELECT array_agg(DISTINCT r.seq ORDER BY r.seq) INTO numbers
          FROM (SELECT min(e.seq) AS first FROM bus.recipient_reach e
                 WHERE e.principal_id = who AND e.seq > looked_at AND e.seq <= upto) AS f
          JOIN bus.recipient_reach r ON r.principal_id = who AND r.seq >= f.first AND r.seq < f.first + 2000
                                    AND r.seq <= upto;
        EXIT WHEN numbers IS NULL;
        looked_at := numbers[cardinality(numbers)];
        -- Not all of them need be there: partitions are taken away. With + 0 the index is asked once for
        -- all of them, not once for each.
        FOR m IN SELECT * FROM bus.message x WHERE x.seq >= numbers[1] AND x.seq <= looked_at
                    AND x.seq + 0 = ANY (numbers) AND lanes >> x.lane & 1 = 1 ORDER BY x.seq LOOP
            m.verdict := bus.verdict_now(m.seq, m.verdict);
            RETURN NEXT m;
            found_rows := found_rows + 1;
            found_bytes := found_bytes + octet_length(m.content);
            IF found_rows >= most OR found_bytes >= max_bytes THEN
                RETURN;
            END IF;
        END LOOP;
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION bus.replay_to TO bus_ingest;

-- One page of the last values in (after, upto], as bus.replay and of at most `most` messages; none: that was
-- all. The batch with the newest sample of each stream, and all batches that the projector has not looked
-- at yet. (Of these the last 65536 numbers: were it further behind, the rest would be no news of a stream.)
CREATE FUNCTION bus.last_values(after int8, upto int8, max_bytes int8, most int4)
RETURNS TABLE (seq int8, log_epoch int4, sender_id int4, epoch int8, lane int2, lane_seq int8, message_id uuid,
               type int2, status int2, places text, event_at timestamptz, received_at timestamptz,
               not_after timestamptz, clock_offset_ms int4, verdict int2, expired bool, marks int2,
               content bytea, signature bytea, reach text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    projected int8 := (SELECT p.seq FROM bus.projection p WHERE p.name = 'sensor');
    wanted int8[];
BEGIN
    LOOP
        wanted := ARRAY(SELECT l.seq FROM bus.last_value l WHERE l.seq > after AND l.seq <= upto
                        UNION
                        SELECT m.seq FROM bus.message m
                         WHERE m.seq > greatest(after, projected, upto - 65536) AND m.seq <= upto AND m.type = 100
                        ORDER BY 1 LIMIT most);
        EXIT WHEN cardinality(wanted) = 0;
        RETURN QUERY
        SELECT p.seq, p.log_epoch, p.sender_id, p.epoch, p.lane, p.lane_seq, p.message_id, p.type, p.status,
               p.places, p.event_at, p.received_at, p.not_after, p.clock_offset_ms, p.verdict, p.expired, p.marks,
               p.content, p.signature, t.reach
          FROM (SELECT m.*, sum(octet_length(m.content)) OVER (ORDER BY m.seq ROWS UNBOUNDED PRECEDING)
                            - octet_length(m.content) AS bytes_before
                  FROM bus.message m WHERE m.seq = ANY (wanted)) AS p
          LEFT JOIN (SELECT r.seq, string_agg(DISTINCT q.name, ' ') AS reach
                       FROM bus.recipient_reach r JOIN bus.principal q USING (principal_id)
                      WHERE r.seq = ANY (wanted) GROUP BY r.seq) AS t ON t.seq = p.seq
         WHERE p.bytes_before < max_bytes
         ORDER BY p.seq;
        EXIT WHEN FOUND;
        after := wanted[cardinality(wanted)]; -- their partitions were taken away
    END LOOP;
END
$$;

-- The number behind which everything lies that was received at or after a time. Brokers' clocks differ a
-- little, so ten seconds more are given. A partition lies in the order of its numbers but for the last
-- block of each writer, so the least of the first thousand found is the first.
CREATE FUNCTION bus.seq_at("time" timestamptz) RETURNS int8
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off
SET max_parallel_workers_per_gather = 0 AS $$
BEGIN
    RETURN coalesce((SELECT min(f.seq) - 1 FROM (SELECT m.seq FROM bus.message m
                                                  WHERE m.received_at >= seq_at.time - interval '10 seconds'
                                                  LIMIT 1000) AS f),
                    (SELECT h.seq FROM bus.log_head h));
END
$$;
GRANT EXECUTE ON FUNCTION bus.last_values, bus.seq_at TO bus_ingest;

-- Where the log stands, whether principals changed, whether commits wait for a standby, and how many
-- servers are taking this one's log: what a broker polls.
CREATE FUNCTION bus.head(OUT log_epoch int4, OUT seq int8, OUT principals int8, OUT has_standby bool, OUT standbys int4,
                         OUT past text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.log_epoch, h.seq, p.version, current_setting('synchronous_standby_names') <> '',
           (SELECT count(*)::int4 FROM pg_stat_get_wal_senders()), bus.log_past()
      FROM bus.log_head h, bus.principal_version p
$$;
GRANT EXECUTE ON FUNCTION bus.head TO bus_ingest;
