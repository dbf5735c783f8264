-- views_hubs: which brokers run, and through which of them offices and posts have their link.
--
-- A hub is what people call the brokers of one centre (setting `hub` of a broker: a P-code or a name). Brokers keep
-- nothing, so what is behind is what a hub's brokers have not read of the log yet, and not what it has lost.

-- A broker runs. Nobody waits for the disk because of it: what a crash takes of this is said again a second later.
CREATE FUNCTION bus.broker_here(broker text, log_epoch int4, seq int8) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO bus.broker_seen AS b (broker, seen_at, log_epoch, seq)
    VALUES (broker_here.broker, clock_timestamp(), broker_here.log_epoch, broker_here.seq)
        ON CONFLICT (broker) DO UPDATE SET seen_at = excluded.seen_at, log_epoch = excluded.log_epoch, seq = excluded.seq;
END
$$;
GRANT EXECUTE ON FUNCTION bus.broker_here TO bus_ingest;

-- A broker that will not come back is no hub that is down. False: there is none of that name, or it runs.
CREATE FUNCTION bus.broker_forget(broker text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM bus.broker_seen b WHERE b.broker = broker_forget.broker AND b.seen_at < clock_timestamp() - interval '1 minute';
    RETURN FOUND;
END
$$;
GRANT EXECUTE ON FUNCTION bus.broker_forget TO bus_admin;

-- Every broker: its hub, whether it runs, how far it is. All who read may know; whose links they are is eoc.links'.
CREATE FUNCTION eoc.brokers()
RETURNS TABLE (hub text, broker text, is_alive bool, seen_at timestamptz, behind int8)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT coalesce(nullif(s.value, ''), b.broker), b.broker, b.seen_at > clock_timestamp() - interval '6 seconds', b.seen_at,
           CASE WHEN b.log_epoch = h.log_epoch THEN greatest(h.seq - b.seq, 0) ELSE h.seq END
      FROM bus.broker_seen b CROSS JOIN bus.log_head h
      LEFT JOIN bus.broker_setting s ON s.broker = b.broker AND s.name = 'hub';
END
$$;
COMMENT ON FUNCTION eoc.brokers IS 'every broker with its hub (P-code or name), whether the database heard it in the last 6 s, when it did, and how many messages of the log it has not read';
GRANT EXECUTE ON FUNCTION eoc.brokers TO bus_reader, bus_admin, bus_audit;

-- Hubs, those that are down first. Offices are those whose durable listener a broker of the hub served last, as far as
-- the reader may hear of them; silent are those of them that nobody serves now.
CREATE FUNCTION eoc.hubs(language text DEFAULT 'en')
RETURNS TABLE (hub text, name text, is_alive bool, seen_at timestamptz, behind int8, brokers jsonb, offices int4, silent int4)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH b AS MATERIALIZED (SELECT * FROM eoc.brokers()), link AS MATERIALIZED (
        SELECT b.hub, l.served_by IS NULL OR NOT coalesce(s.is_alive, false) AS is_silent
          FROM eoc.links() AS l JOIN b ON b.broker = l.last_by LEFT JOIN b AS s ON s.broker = l.served_by
    )
    SELECT b.hub, eoc.place_name(b.hub, hubs.language), bool_or(b.is_alive), max(b.seen_at), min(b.behind),
           jsonb_agg(jsonb_build_object('broker', b.broker, 'is_alive', b.is_alive, 'seen_at', b.seen_at, 'behind', b.behind) ORDER BY b.broker),
           (SELECT count(*)::int4 FROM link l WHERE l.hub = b.hub), (SELECT count(*)::int4 FROM link l WHERE l.hub = b.hub AND l.is_silent)
      FROM b GROUP BY b.hub ORDER BY bool_or(b.is_alive), bool_and(b.is_alive), b.hub;
END
$$;
COMMENT ON FUNCTION eoc.hubs IS 'centres with their brokers: alive while one of them is; behind is what the best of them has not read of the log; offices: whose link it served last, silent: those without a link now';
GRANT EXECUTE ON FUNCTION eoc.hubs TO bus_reader, bus_admin, bus_audit;
