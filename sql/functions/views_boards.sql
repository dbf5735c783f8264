-- views_boards: what the room's boards show beside the views: families as numbers, who is heard, and what gateways measure.
--
-- Dispatchers may read no household, offer or ration; they hear numbers of them (household_counts). These are the numbers
-- as they stand, drawn under the same right and with the same shyness: of real families none below five is told, nor a
-- total from which one would follow. Families of an exercise are invented, and told as they are.

-- Does this login read everything, whatever its principal?
CREATE FUNCTION bus.reads_whole() RETURNS bool LANGUAGE sql STABLE AS
$$ SELECT pg_has_role(session_user, 'bus_admin', 'MEMBER') OR pg_has_role(session_user, 'bus_audit', 'MEMBER') $$;

-- May the reader hear messages of this type and label (1 PUBLIC .. 4) about these places? `map` and `own` are bus.reader_map()
-- and bus.reader_places(), asked once.
CREATE FUNCTION bus.is_heard(whole bool, map int2[], own text, of_type int4, label int4, places text) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN whole OR coalesce(CASE map[of_type * 4 + label] WHEN 1 THEN true WHEN 2 THEN places ~ own WHEN 3 THEN places ~ own
                                  WHEN 5 THEN bus.reader_asks(of_type::int2, places, label, NULL, NULL) END, false);
END
$$;

-- Whether a total may be told: `few` of its numbers, together `hidden`, are below five and not told, and nobody is to find
-- one of them, or that they are few together, by taking the others away.
CREATE FUNCTION bus.tells_total(few int8, hidden int8) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT few = 0 OR few > 1 AND hidden >= 5 $$;

-- what: household (word = state), total (word empty), ration (word = OVER, DAYS_3, DAYS_7, LATER: when it runs out), offer
-- (word = state), decline (word = reason, offers of a year), clock. An exercise runs by its own clock: the newest that
-- was said in it of any family.
CREATE FUNCTION eoc.families(of_status text, of_incident uuid DEFAULT NULL)
RETURNS TABLE (what text, word text, pcode text, families int4, persons int4, is_few bool, at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    played int2 := array_position(ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'], of_status);
    clock timestamptz := now();
    whole bool := bus.reads_whole();
    map int2[] := bus.reader_map();
    own text := bus.reader_places();
BEGIN
    IF played <> 1 THEN
        clock := least(now(), greatest((SELECT max(h.since) FROM bus.household h WHERE h.status = played),
                                       (SELECT max(o.since) FROM bus.offer o WHERE o.status = played)));
    END IF;
    RETURN QUERY
    WITH placed AS MATERIALIZED (
        SELECT h.household_id, bus.district_of(split_part(h.places, ' ', 1)) AS pcode, h.state, coalesce(h.members, 0) AS members, h.fed_until
          FROM bus.household h
         WHERE h.status = played AND of_incident IS NULL AND h.state NOT IN ('CLOSED', 'WITHDRAWN', 'DUPLICATE', 'SETTLED')
        UNION ALL
        SELECT h.household_id, bus.district_of(split_part(h.places, ' ', 1)), h.state, coalesce(h.members, 0), h.fed_until
          FROM bus.household h
         WHERE h.status = played AND h.incident_id = of_incident AND h.state NOT IN ('WITHDRAWN', 'DUPLICATE')
    ), told AS MATERIALIZED (
        SELECT d.pcode, played <> 1 OR bus.is_heard(whole, map, own, 220, 4, d.pcode) AS exactly
          FROM (SELECT DISTINCT p.pcode FROM placed p) AS d
         WHERE bus.is_heard(whole, map, own, 228, 2, d.pcode)
    ), family AS MATERIALIZED (
        SELECT p.*, t.exactly FROM placed p JOIN told t ON t.pcode = p.pcode
    ), offer AS MATERIALIZED (
        SELECT o.state, o.reasons, o.since, f.exactly FROM family f JOIN bus.offer o ON o.household_id = f.household_id
         WHERE of_incident IS NOT NULL
        UNION ALL
        SELECT o.state, o.reasons, o.since, t.exactly
          FROM bus.offer o JOIN told t ON t.pcode = bus.district_of(split_part(o.places, ' ', 1))
         WHERE of_incident IS NULL AND o.status = played AND o.since > clock - interval '1 year'
    ), cell AS MATERIALIZED (
        SELECT 'household' AS what, f.state AS word, NULL AS pcode, count(*)::int4 AS n, sum(f.members)::int4 AS persons,
               bool_and(f.exactly) AS exactly, NULL::timestamptz AS at
          FROM family f GROUP BY f.state
        UNION ALL
        SELECT 'ration', CASE WHEN f.fed_until <= clock THEN 'OVER' WHEN f.fed_until <= clock + interval '3 days' THEN 'DAYS_3'
                              WHEN f.fed_until <= clock + interval '7 days' THEN 'DAYS_7' ELSE 'LATER' END,
               f.pcode, count(*)::int4, sum(f.members)::int4, bool_and(f.exactly), min(f.fed_until)
          FROM family f WHERE f.fed_until IS NOT NULL AND f.state NOT IN ('SETTLED', 'CLOSED') GROUP BY 2, 3
        UNION ALL
        SELECT 'offer', o.state, NULL, count(*)::int4, NULL, bool_and(o.exactly), max(o.since) FROM offer o GROUP BY o.state
        UNION ALL
        SELECT 'decline', r.reason, NULL, count(*)::int4, NULL, bool_and(o.exactly), NULL
          FROM offer o CROSS JOIN LATERAL unnest(o.reasons) AS r(reason) GROUP BY r.reason
    ), shy AS (
        SELECT c.*, NOT c.exactly AND c.n < 5 AS few FROM cell c
    )
    SELECT s.what, s.word, s.pcode, CASE WHEN NOT s.few THEN s.n END, CASE WHEN NOT s.few THEN s.persons END, s.few, s.at FROM shy s
    UNION ALL
    SELECT 'total', '', NULL, sum(s.n)::int4, CASE WHEN NOT bool_or(s.few) THEN sum(s.persons)::int4 END, false, NULL
      FROM shy s WHERE s.what = 'household'
    HAVING count(*) > 0 AND bus.tells_total(count(*) FILTER (WHERE s.few), sum(s.n) FILTER (WHERE s.few))
    UNION ALL
    SELECT 'clock', '', NULL, NULL, NULL, false, clock;
END
$$;
COMMENT ON FUNCTION eoc.families IS 'families as numbers, of an incident or of all whose case goes on: by state, rations, offers, reasons of declining';

-- Of each of these incidents how many families; null: where eoc.families, which tells them by state, gives no total.
CREATE FUNCTION eoc.incident_families(incidents uuid[]) RETURNS TABLE (incident_id uuid, families int4)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    whole bool := bus.reads_whole();
    map int2[] := bus.reader_map();
    own text := bus.reader_places();
BEGIN
    RETURN QUERY
    WITH placed AS MATERIALIZED (
        SELECT h.incident_id, h.status, h.state, bus.district_of(split_part(h.places, ' ', 1)) AS pcode, count(*)::int4 AS n
          FROM bus.household h WHERE h.incident_id = ANY (incidents) AND h.state NOT IN ('WITHDRAWN', 'DUPLICATE') GROUP BY 1, 2, 3, 4
    ), told AS MATERIALIZED (
        SELECT d.pcode, bus.is_heard(whole, map, own, 220, 4, d.pcode) AS exactly
          FROM (SELECT DISTINCT p.pcode FROM placed p) AS d WHERE bus.is_heard(whole, map, own, 228, 2, d.pcode)
    ), shy AS (
        SELECT p.incident_id, p.status, sum(p.n)::int4 AS n, p.status = 1 AND NOT bool_and(t.exactly) AND sum(p.n) < 5 AS few
          FROM placed p JOIN told t ON t.pcode = p.pcode GROUP BY p.incident_id, p.status, p.state
    )
    SELECT s.incident_id, CASE WHEN bus.tells_total(count(*) FILTER (WHERE s.few), sum(s.n) FILTER (WHERE s.few)) THEN sum(s.n)::int4 END
      FROM shy s GROUP BY s.incident_id, s.status;
END
$$;
COMMENT ON FUNCTION eoc.incident_families IS 'how many families each of these incidents struck, under the right to hear numbers of them';

-- Every office and gateway whose reports the reader may hear: when a broker last had anything from it, and which
-- broker serves its durable listener now. Receipts and ticks count: this asks for the link, not for people (eoc.silence).
CREATE FUNCTION eoc.links()
RETURNS TABLE (principal text, pcode text, roles text, heard_at timestamptz, served_by text, confirmed_at timestamptz, behind int8, last_by text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    whole bool := bus.reads_whole();
    map int2[] := bus.reader_map();
    mine text := bus.reader_places();
BEGIN
    RETURN QUERY
    WITH own AS MATERIALIZED (
        SELECT p.principal_id, p.name, split_part(p.places, ' ', 1) AS pcode, p.roles FROM bus.principal p
         WHERE p.principal_id > 0 AND p.places <> '' AND p.revoked_at IS NULL AND (p.not_after IS NULL OR p.not_after > now())
           AND NOT (p.roles <> '' AND string_to_array(p.roles, ' ') <@ '{broker,carrier,counter,witness}')
    ), seen AS MATERIALIZED (
        SELECT r.sender_id, max(r.seq_last) AS seq FROM bus.lane_run r GROUP BY r.sender_id
    ), listens AS MATERIALIZED (
        SELECT c.principal_id, min(c.broker) FILTER (WHERE c.leased_until > now()) AS served_by, max(c.moved_at) AS confirmed_at,
               max(greatest(h.seq - c.seq, 0)) AS behind, (array_agg(c.broker ORDER BY c.leased_until DESC NULLS LAST))[1] AS last_by
          FROM bus.cursor c CROSS JOIN bus.log_head h GROUP BY c.principal_id
    )
    SELECT o.name, o.pcode, o.roles, m.received_at, l.served_by, l.confirmed_at, l.behind, l.last_by
      FROM own o LEFT JOIN seen s ON s.sender_id = o.principal_id LEFT JOIN listens l ON l.principal_id = o.principal_id
      LEFT JOIN LATERAL (SELECT x.received_at FROM bus.message x WHERE x.seq = s.seq LIMIT 1) AS m ON true
     WHERE bus.is_heard(whole, map, mine, 121, 2, o.pcode);
END
$$;
COMMENT ON FUNCTION eoc.links IS 'when the last message of each office and gateway came, whatever it was, which broker serves its durable listener (null: none), how far that is, and which broker served it last';

-- Channels of gateways that the reader may see, with the time of their newest sample; eoc.observation has the values.
CREATE FUNCTION eoc.channels()
RETURNS TABLE (sender text, sender_id int4, datastream_id int4, status text, pcode text, newest_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
    seen int4multirange := CASE WHEN bus.reads_whole() THEN '{(,)}' ELSE bus.reader_senders(100) END;
BEGIN
    RETURN QUERY
    SELECT p.name, l.sender_id, l.datastream_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[l.status],
           split_part(p.places, ' ', 1), l.time
      FROM bus.last_value l JOIN bus.principal p ON p.principal_id = l.sender_id
     WHERE l.sender_id <@ seen;
END
$$;
COMMENT ON FUNCTION eoc.channels IS 'streams of samples and when their newest was taken';

GRANT EXECUTE ON FUNCTION eoc.families, eoc.incident_families, eoc.links, eoc.channels TO bus_reader, bus_admin, bus_audit;
