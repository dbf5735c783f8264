-- epoch: what happens to the log as a whole.

-- Raises the log epoch, if it still is `expected`: of several who see that the log lost something, one does
-- it. The new one is above `above` too, since a restored log may be older than an epoch that was in use.
-- Answers the epoch that is in force now, and whether this call raised it.
CREATE FUNCTION bus.raise_epoch(expected int4, above int4, why text, OUT log_epoch int4, OUT raised bool)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    h bus.log_head;
BEGIN
    UPDATE bus.log_head l SET log_epoch = greatest(expected, above) + 1
     WHERE l.log_epoch = expected RETURNING * INTO h;
    raised := FOUND;
    IF raised THEN
        INSERT INTO bus.epoch (log_epoch, because, head_then) VALUES (h.log_epoch, why, h.seq);
        PERFORM pg_notify('eocbus_log', h.seq::text);
    ELSE
        SELECT * INTO STRICT h FROM bus.log_head;
    END IF;
    raise_epoch.log_epoch := h.log_epoch;
END
$$;
GRANT EXECUTE ON FUNCTION bus.raise_epoch TO bus_ingest, bus_admin;
