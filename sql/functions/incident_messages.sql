-- incident_messages: everything that was said of an incident, of those merged into it, and of its parts; what replays
-- and asks about it goes through this.

CREATE FUNCTION eoc.incident_messages(incident uuid)
RETURNS TABLE (seq int8, received_at timestamptz, event_at timestamptz, type int2, message_id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    whole uuid[] := bus.incident_whole(incident);
    -- Households are moved by messages that name no incident any more.
    homes uuid[] := ARRAY(SELECT h.household_id FROM bus.household h WHERE h.incident_id = ANY (whole));
    things uuid[] := homes || ARRAY(SELECT o.offer_id FROM bus.offer o WHERE o.household_id = ANY (homes));
    -- Nothing can be offered without the site.
    sites text[] := ARRAY(SELECT DISTINCT o.site_id FROM bus.offer o WHERE o.household_id = ANY (homes));
    said uuid[] := ARRAY(SELECT d.message_id FROM unnest(whole) AS i
                           JOIN bus.document d ON d.doc ? 'incident_ids' AND d.doc->'incident_ids' @> to_jsonb(ARRAY[i::text])
                          UNION SELECT r.message_id FROM bus.incident_report r WHERE r.incident_id = ANY (whole)
                          UNION SELECT x.message_id FROM bus.moved x WHERE x.cycle = 'incident' AND x.entity = ANY (whole)
                          UNION SELECT x.message_id FROM unnest(ARRAY['household', 'offer']) AS c, bus.moved x
                                 WHERE x.cycle = c AND x.entity = ANY (things));
BEGIN
    RETURN QUERY
    SELECT d.seq, d.received_at, d.event_at, d.type, d.message_id FROM bus.document d WHERE d.message_id = ANY (said)
     UNION
    SELECT d.seq, d.received_at, d.event_at, d.type, d.message_id FROM bus.document d
     WHERE d.doc ? 'originating_id' AND d.doc->>'originating_id' = ANY (said::text[])
     UNION
    SELECT d.seq, d.received_at, d.event_at, d.type, d.message_id
      FROM (SELECT e.seq, e.type FROM bus.entitlement e WHERE e.household_id = ANY (homes)
            UNION ALL SELECT e.seq, e.type FROM bus.delivery e WHERE e.household_id = ANY (homes)) AS g
      JOIN bus.document d ON d.type = g.type AND d.seq = g.seq
     UNION
    SELECT d.seq, d.received_at, d.event_at, d.type, d.message_id FROM bus.document d
     WHERE d.type = 224 AND cardinality(sites) > 0 AND d.doc->'plot_site'->>'site_id' = ANY (sites);
END
$$;
COMMENT ON FUNCTION eoc.incident_messages IS 'messages that belong to an incident, its parts, and what was merged into it';
GRANT EXECUTE ON FUNCTION eoc.incident_messages TO bus_reader, bus_admin, bus_audit;
