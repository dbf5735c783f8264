-- epoch: what happens to the log as a whole.

-- Raises the log epoch, if it still is `expected`: of several who see that the log lost something, one does
-- it. The new one is above `above` too, since a restored log may be older than an epoch that was in use.
-- It remembers the timeline too: of one promotion that a reading and an appending connection both meet, the
-- epoch is raised once, whichever comes first.
-- Answers the epoch that is in force now, and whether this call raised it.
CREATE FUNCTION bus.raise_epoch(expected int4, above int4, why text, OUT log_epoch int4, OUT raised bool)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    h bus.log_head;
BEGIN
    UPDATE bus.log_head l
       SET log_epoch = greatest(expected, above) + 1,
           timeline = ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int4,
           waits_for_standby = current_setting('synchronous_standby_names') <> ''
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

-- A broker has come to this server: is it the one on which the log was last written to? A promotion begins a
-- new timeline. If the last commit that is here waited for a standby, everything that was acknowledged is
-- here too, and the timeline is only remembered: a planned switchover makes nobody offer anything again. If
-- it did not wait, nobody can say what is gone, and the epoch is raised before the first new number is
-- given. So it is on a lower timeline: then this is a copy (a dump, say). An epoch is never below
-- its timeline, so that two promotions in a row do not give the same one, should the first raise be lost.
-- Answers where the log stands then, and whether this call raised its epoch.
CREATE FUNCTION bus.see_timeline(OUT log_epoch int4, OUT seq int8, OUT raised bool)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    here int4 := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int4;
    was int4;
    h bus.log_head;
BEGIN
    raised := false;
    SELECT * INTO STRICT h FROM bus.log_head;
    IF h.timeline IS DISTINCT FROM here THEN
        SELECT * INTO STRICT h FROM bus.log_head FOR UPDATE; -- of several who come at once, one does it
        was := h.timeline;
        raised := coalesce(was > here OR (was < here AND NOT h.waits_for_standby), false);
        -- No session is kept waiting for a standby that is not there yet: whatever is stored under the new
        -- epoch commits behind this, and takes it along.
        PERFORM set_config('synchronous_commit', 'local', true);
        UPDATE bus.log_head l
           SET timeline = here, waits_for_standby = current_setting('synchronous_standby_names') <> '',
               log_epoch = CASE WHEN raised THEN greatest(l.log_epoch + 1, here) ELSE l.log_epoch END
        RETURNING * INTO h;
    END IF;
    IF raised THEN
        INSERT INTO bus.epoch (log_epoch, because, head_then)
        VALUES (h.log_epoch, format('the server is on timeline %s; the log was written to on timeline %s, and %s', here, was,
                                    CASE WHEN was < here THEN 'its last commit did not wait for a standby'
                                         ELSE 'this is a copy of it' END), h.seq);
        PERFORM pg_notify('eocbus_log', h.seq::text);
    END IF;
    see_timeline.log_epoch := h.log_epoch;
    see_timeline.seq := h.seq;
END
$$;
GRANT EXECUTE ON FUNCTION bus.see_timeline TO bus_ingest;
