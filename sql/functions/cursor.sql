-- cursor: the places of listeners with a durable name. Only bus.cursor_open gives one to a session;
-- only the session that has it moves it, and only forward.

-- The i-th name is opened by the i-th principal for a set of lanes (bit n: lane n). Where it goes on: at
-- `after` if that is given, else at what is kept, else at the head (from_first: at 0). A kept place of an
-- older log epoch lies in what both logs have in common, since a cursor is restored with its log; it
-- is never beyond the head. An `after` of another epoch than the log's (a broker was asked before it
-- saw the restore) lies anywhere: what is kept counts, else 0. No row: the principal has 64 names already, or this
-- database (a backup that came back) does not know it.
CREATE FUNCTION bus.cursor_open(principal int4[], name text[], lanes int4[], patterns text[],
                                after_epoch int4[], after int8[], from_first bool[], broker text)
RETURNS TABLE (ordinal int4, lane int2, log_epoch int4, seq int8, generation int8)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    head record;
    born int8;
    told int8;
    i int4;
BEGIN
    SELECT h.log_epoch, h.seq INTO head FROM bus.log_head h;
    -- In the order in which places are moved too, so that two brokers do not wait for each other.
    FOR i IN SELECT a.ordinal::int4
               FROM unnest(principal, cursor_open.name) WITH ORDINALITY AS a (principal_id, name, ordinal)
              ORDER BY a.principal_id, a.name, a.ordinal LOOP
        CONTINUE WHEN NOT EXISTS (SELECT FROM bus.cursor c
                                   WHERE c.principal_id = principal[i] AND c.name = cursor_open.name[i])
                  AND (SELECT count(DISTINCT c.name) FROM bus.cursor c WHERE c.principal_id = principal[i]) >= 64;
        -- One of them must not keep the others waiting.
        CONTINUE WHEN NOT EXISTS (SELECT FROM bus.principal p WHERE p.principal_id = principal[i]);
        born := nextval('bus.cursor_generation');
        told := CASE WHEN after_epoch[i] = head.log_epoch THEN after[i] END;
        RETURN QUERY
        INSERT INTO bus.cursor AS c (principal_id, name, lane, log_epoch, seq, generation, patterns, broker,
                                     leased_until)
        SELECT principal[i], cursor_open.name[i], l, head.log_epoch,
               least(coalesce(told, CASE WHEN from_first[i] OR after[i] IS NOT NULL THEN 0 ELSE head.seq END), head.seq),
               born, patterns[i], cursor_open.broker, now() + interval '1 minute'
          FROM generate_series(1, 5) AS l WHERE lanes[i] >> l & 1 = 1
        ON CONFLICT ON CONSTRAINT cursor_pkey DO UPDATE
           SET seq = least(coalesce(told, c.seq), head.seq), log_epoch = excluded.log_epoch,
               generation = excluded.generation, patterns = excluded.patterns, broker = excluded.broker,
               leased_until = excluded.leased_until, opened_at = now()
        RETURNING i, c.lane, c.log_epoch, c.seq, c.generation;
    END LOOP;
END
$$;

-- Moves what is still of this generation, and renews its lease; `closing` gives the lease up. A place of
-- another log epoch moves nothing. What a place passes is delivered to its principal. Answers the
-- ordinals of those that somebody else has taken, once for each lane.
CREATE FUNCTION bus.cursor_move(principal int4[], name text[], lanes int4[], generation int8[], log_epoch int4[],
                                upto int8[], closing bool[])
RETURNS SETOF int4
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    m record;
BEGIN
    FOR m IN
        WITH asked AS MATERIALIZED (
            SELECT a.ordinal::int4 AS ordinal, a.principal_id, a.name, l::int2 AS lane, a.generation, a.log_epoch,
                   a.upto, a.closing
              FROM unnest(principal, cursor_move.name, lanes, cursor_move.generation, cursor_move.log_epoch, upto,
                          closing)
                   WITH ORDINALITY AS a (principal_id, name, lanes, generation, log_epoch, upto, closing, ordinal),
                   generate_series(1, 5) AS l
             WHERE a.lanes >> l & 1 = 1
        ), was AS MATERIALIZED (
            -- In one order for everybody, so that two brokers do not wait for each other.
            SELECT c.principal_id, c.name, c.lane, c.seq, a.ordinal, a.closing,
                   CASE WHEN a.log_epoch = h.log_epoch AND c.log_epoch = h.log_epoch
                        THEN greatest(c.seq, least(a.upto, h.seq)) ELSE c.seq END AS next
              FROM asked a
              JOIN bus.cursor c ON c.principal_id = a.principal_id AND c.name = a.name AND c.lane = a.lane
                               AND c.generation = a.generation
              CROSS JOIN bus.log_head h
             ORDER BY c.principal_id, c.name, c.lane FOR UPDATE OF c
        ), moved AS (
            UPDATE bus.cursor c
               SET seq = w.next, moved_at = CASE WHEN w.next > w.seq THEN now() ELSE c.moved_at END,
                   leased_until = CASE WHEN w.closing THEN now() ELSE now() + interval '1 minute' END
              FROM was w
             WHERE c.principal_id = w.principal_id AND c.name = w.name AND c.lane = w.lane
            RETURNING w.ordinal, c.principal_id, c.name, c.lane, w.seq AS passed, c.seq AS next, c.patterns
        )
        SELECT a.ordinal, m.principal_id, m.name, m.lane, m.passed, m.next, m.patterns
          FROM asked a LEFT JOIN moved m ON m.ordinal = a.ordinal AND m.lane = a.lane
    LOOP
        IF m.next IS NULL THEN
            RETURN NEXT m.ordinal;
        ELSIF m.next > m.passed AND EXISTS (SELECT FROM bus.recipient_reach r
                                             WHERE r.principal_id = m.principal_id AND r.level = 1
                                               AND r.seq > m.passed AND r.seq <= m.next) THEN
            PERFORM bus.delivered(m.principal_id, m.passed, m.next, ARRAY[m.lane], string_to_array(m.patterns, ' '),
                                  m.name);
        END IF;
    END LOOP;
END
$$;

-- A name that nobody will come back for. False: somebody is listening under it, or there is none.
CREATE FUNCTION bus.cursor_forget(principal text, name text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM bus.cursor c USING bus.principal p
     WHERE p.name = principal AND c.principal_id = p.principal_id AND c.name = cursor_forget.name
       AND NOT EXISTS (SELECT FROM bus.cursor o WHERE o.principal_id = c.principal_id AND o.name = c.name
                                                  AND o.leased_until > now());
    RETURN FOUND;
END
$$;

GRANT EXECUTE ON FUNCTION bus.cursor_open, bus.cursor_move TO bus_ingest;
GRANT EXECUTE ON FUNCTION bus.cursor_forget TO bus_admin;
