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
           p.places, p.event_at, p.received_at, p.not_after, p.clock_offset_ms, p.verdict, p.expired, p.marks,
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

-- Where the log stands, whether principals changed, whether commits wait for a standby, and how many
-- servers are taking this one's log: what a broker polls.
CREATE FUNCTION bus.head(OUT log_epoch int4, OUT seq int8, OUT principals int8, OUT has_standby bool, OUT standbys int4)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.log_epoch, h.seq, p.version, current_setting('synchronous_standby_names') <> '',
           (SELECT count(*)::int4 FROM pg_stat_get_wal_senders())
      FROM bus.log_head h, bus.principal_version p
$$;
GRANT EXECUTE ON FUNCTION bus.head TO bus_ingest;
