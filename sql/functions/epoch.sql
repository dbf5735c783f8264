-- epoch: what happens to the log as a whole.

-- Raises the log epoch, if it still is `expected`: of several who see that the log lost something, one does
-- it. The new one is above `above` too, since a restored log may be older than an epoch that was in use.
-- Who sees the loss before anybody has come to store something sees a promotion, too: that raise is the better
-- one, since it knows what is left, and one is enough. Answers the epoch that is in force now, and whether this call raised it.
CREATE FUNCTION bus.raise_epoch(expected int4, above int4, why text, OUT log_epoch int4, OUT raised bool)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    h bus.log_head;
    seen record;
BEGIN
    SELECT * INTO seen FROM bus.see_timeline();
    UPDATE bus.log_head l SET log_epoch = greatest(l.log_epoch, above) + 1
     WHERE l.log_epoch = CASE WHEN seen.raised AND seen.log_epoch <= above THEN seen.log_epoch
                              ELSE expected END RETURNING * INTO h;
    raised := FOUND OR seen.raised;
    IF FOUND THEN
        INSERT INTO bus.epoch (log_epoch, because, head_then) VALUES (h.log_epoch, why, h.seq);
        PERFORM pg_notify('eocbus_log', h.seq::text);
    ELSE
        SELECT * INTO STRICT h FROM bus.log_head;
    END IF;
    raise_epoch.log_epoch := h.log_epoch;
END
$$;
GRANT EXECUTE ON FUNCTION bus.raise_epoch TO bus_ingest, bus_admin;

-- The last raises as "epoch:same_upto ...", for proto/wire/log_past. The first epoch was never raised.
CREATE FUNCTION bus.log_past() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(e.log_epoch || ':' || e.same_upto, ' ' ORDER BY e.log_epoch)
      FROM (SELECT x.log_epoch, x.same_upto
              FROM (SELECT 1 AS log_epoch, 0::int8 AS same_upto
                    UNION ALL SELECT b.log_epoch, b.same_upto FROM bus.epoch b) x
             ORDER BY x.log_epoch DESC LIMIT 8) e
$$;

-- A broker has come to this server: is it the one on which the log was last written to? A promotion begins a
-- new timeline, and a lower one has a copy (a dump, say). Then the epoch is raised before the first new number
-- is given: nobody can say what is gone. What was acknowledged is here if commits waited for the
-- standby, but a wait that was cut short has let numbers be seen which this server never had. Everybody is told up
-- to where the log is the same (same_upto), so a switchover that lost nothing has nobody offer or read again.
-- Each timeline has sixteen epochs of its own (timeline 2 begins with 32), so that one which was given on a server that
-- is gone, for whatever reason, is not given again by the next. Answers where the log stands then, and whether this call raised its epoch.
CREATE FUNCTION bus.see_timeline(OUT log_epoch int4, OUT seq int8, OUT raised bool, OUT past text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    here int4 := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int4;
    was int4;
    waited bool;
    h bus.log_head;
BEGIN
    raised := false;
    SELECT * INTO STRICT h FROM bus.log_head;
    IF h.timeline IS DISTINCT FROM here THEN
        SELECT * INTO STRICT h FROM bus.log_head FOR UPDATE; -- of several who come at once, one does it
        was := h.timeline;
        waited := h.waits_for_standby;
        raised := coalesce(was <> here, false);
        -- No session is kept waiting for a standby that is not there yet: whatever is stored under the new
        -- epoch commits behind this, and takes it along.
        PERFORM set_config('synchronous_commit', 'local', true);
        UPDATE bus.log_head l
           SET timeline = here, waits_for_standby = current_setting('synchronous_standby_names') <> '',
               log_epoch = CASE WHEN raised THEN greatest(l.log_epoch + 1, here * 16) ELSE l.log_epoch END
        RETURNING * INTO h;
    END IF;
    IF raised THEN
        INSERT INTO bus.epoch (log_epoch, because, head_then, same_upto)
        VALUES (h.log_epoch, format('the server is on timeline %s; the log was written to on timeline %s, and %s', here, was,
                                    CASE WHEN was > here THEN 'this is a copy of it'
                                         WHEN waited THEN 'its last commit waited for a standby'
                                         ELSE 'its last commit did not wait for a standby' END), h.seq, h.seq);
        PERFORM pg_notify('eocbus_log', h.seq::text);
    END IF;
    see_timeline.log_epoch := h.log_epoch;
    see_timeline.seq := h.seq;
    past := bus.log_past();
END
$$;
GRANT EXECUTE ON FUNCTION bus.see_timeline TO bus_ingest;
