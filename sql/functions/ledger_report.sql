-- ledger_report: reports of districts. They are facts and have no verdict; note is taken of which version
-- of a report stands.
--
-- Versions of one report are a thread: one that follows another (preceding_id) or begins with it (originating_id), of
-- the same agency, is a version of it, and so is one with the same number, of the same office about the same
-- incident. Of a thread stands what nothing follows, the newest if that is several. Whichever comes first, the
-- same versions in any order end up the same.

CREATE FUNCTION bus.report_filed(m bus.said) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number text := coalesce(m.body->>'report_no', m.body->>'act_no', '');
    period_to timestamptz := eoc.at(m.body->'period'->>'to_us');
    thread uuid := coalesce(bus.report_thread(m, number), m.message_id);
BEGIN
    INSERT INTO bus.report (message_id, thread_id, preceding_id, seq, received_at, event_at, about_at, period_from, period_to,
                            authorised_at, next_contact_at, sender_id, type, status, label, is_cancel, agency, version,
                            number, prepared_by, authorised_by, places, incident_ids)
    VALUES (m.message_id, thread, m.preceding_id, m.seq, m.received_at, m.event_at,
            -- A period that is over at midnight is of the day before.
            coalesce(period_to - interval '1 microsecond', eoc.at(m.body->>'as_of_us'), m.event_at),
            eoc.at(m.body->'period'->>'from_us'), period_to, eoc.at(m.body->>'authorised_us'),
            eoc.at(m.body->>'next_contact_us'), m.sender_id, m.type, m.status, m.label, coalesce(m.kind = 'CANCEL', false),
            coalesce(m.agency, ''), coalesce(eoc.word(m.body->>'version', 'REPORT_VERSION_'), ''), number,
            coalesce(m.body->'prepared_by'->>'name', m.body->'signatories'->0->>'name', ''),
            coalesce(m.body->'authorised_by'->>'name', m.body->'signatories'->1->>'name', ''),
            coalesce(array_to_string(m.places, ' '), ''), m.incident_ids)
        ON CONFLICT DO NOTHING;
    -- What follows it may be here already, as a thread of its own.
    UPDATE bus.report r SET thread_id = thread
     WHERE r.thread_id = ANY (ARRAY(SELECT f.thread_id FROM bus.report f -- by these two indexes, and by no other, whatever statistics say
                                     WHERE f.preceding_id = m.message_id AND f.type IS NOT DISTINCT FROM m.type AND f.status = m.status
                                       AND f.agency = m.agency AND f.thread_id <> thread));
    PERFORM bus.report_stand(thread);
END
$$;

-- The thread of which it is a version; null: it begins one.
CREATE FUNCTION bus.report_thread(m bus.said, number text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(
        (SELECT r.thread_id FROM bus.report r
          WHERE r.message_id IN (m.preceding_id, m.originating_id) AND r.message_id <> m.message_id
            AND r.type IS NOT DISTINCT FROM m.type AND r.status = m.status AND r.agency = m.agency
          ORDER BY r.message_id <> m.preceding_id LIMIT 1),
        -- Offices count their reports anew for each incident; what names none is not known by its number.
        (SELECT r.thread_id FROM bus.report r
          WHERE r.number <> '' AND r.sender_id = m.sender_id AND r.type = m.type AND r.number = report_thread.number
            AND r.status = m.status AND r.incident_ids[1] = m.incident_ids[1]
          ORDER BY r.seq LIMIT 1));
END
$$;

CREATE FUNCTION bus.report_stand(thread uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stands bus.report;
BEGIN
    SELECT * INTO stands FROM bus.report r
     WHERE r.thread_id = thread
     ORDER BY EXISTS (SELECT FROM bus.report f WHERE f.preceding_id = r.message_id AND f.thread_id = thread
                                                 AND f.message_id <> r.message_id),
              r.event_at DESC, r.seq DESC LIMIT 1;
    -- What was replaced before keeps what came then: an office that counts badly may have hundreds of versions.
    UPDATE bus.report r
       SET stands_id = nullif(stands.message_id, r.message_id), is_withdrawn = stands.is_cancel
     WHERE r.thread_id = thread AND (r.stands_id IS NULL OR r.message_id = stands.message_id)
       AND (r.stands_id IS DISTINCT FROM nullif(stands.message_id, r.message_id) OR r.is_withdrawn <> stands.is_cancel);
END
$$;

-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_report() RETURNS void LANGUAGE sql AS $$ DELETE FROM bus.report $$;
