-- ledger_alert_two: a public alert that people write at a page is said by two of them.
--
--   one writes  ─▶ public_alert, CAP status Draft, STATUS_SYSTEM: everybody ignores it
--   another     ─▶ the same public_alert, Actual or Exercise, preceding_id = the draft, author = who approves
--
-- Nothing but status and time of sending may differ. What has no draft by another person is contested: it has no
-- effect, and stands in the queue for somebody to decide. Principals that speak for themselves (no author) answer
-- for what they say with their own key, as before.

-- Who is meant by a message: the person, else the sender.
CREATE FUNCTION bus.author_of(doc jsonb, sender_id int4) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(nullif(doc->>'author', ''), (SELECT p.name FROM bus.principal p WHERE p.principal_id = author_of.sender_id), '');
END
$$;
-- What stays the same from the draft on. sent_us counts from the approval.
CREATE FUNCTION bus.alert_text(alert jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT alert - 'status' - 'sent_us' $$;
-- "eocbus:exercise": a draft, whose envelope is SYSTEM, says as what it is meant.
CREATE FUNCTION bus.alert_meant(status int2) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT 'eocbus:' || (ARRAY['actual', 'exercise', 'system', 'test'])[status] $$;

-- A judgement CONTESTED, or one with verdict null.
CREATE FUNCTION bus.alert_alone(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql STABLE AS $$
DECLARE
    says text := coalesce(eoc.word(m.body->>'msg_type', 'CAP_MSG_TYPE_'), '');
    d bus.document;
BEGIN
    IF m.author = '' OR m.author IS NULL OR m.forced OR says NOT IN ('ALERT', 'UPDATE', 'CANCEL') THEN
        RETURN NULL;
    ELSIF m.unheard IS NOT NULL THEN
        RETURN bus.not_heard(m);
    END IF;
    SELECT * INTO d FROM bus.document x
     WHERE x.message_id = m.preceding_id AND x.type = 180 AND x.seq < m.seq AND x.doc->'public_alert'->>'status' = 'CAP_STATUS_DRAFT'
     ORDER BY x.seq LIMIT 1;
    IF d.seq IS NULL THEN
        RETURN bus.contest(m.message_id, 'no_draft', 'preceding_id',
                           'Nobody wrote this alert as a draft before; one person writes it and another approves it.');
    ELSIF NOT bus.two_distinct(bus.author_of(d.doc, d.sender_id), m.author)
          OR bus.said_by(d.seq, d.sender_id, d.doc->>'author') = m.sender_id
          OR EXISTS (SELECT FROM bus.rested_on r WHERE r.seq = d.seq AND r.what = 'alone') THEN -- written in a name that was not vouched for
        RETURN bus.contest(m.message_id, 'own_draft', 'author', format('%s wrote the draft; another person approves it.', m.author));
    ELSIF bus.alert_text(m.body) IS DISTINCT FROM bus.alert_text(d.doc->'public_alert')
          OR coalesce(d.places, '') <> coalesce(array_to_string(m.places, ' '), '') THEN
        RETURN bus.contest(m.message_id, 'draft_differs', 'public_alert', 'This is not what the draft says; what is approved stays as it was written.');
    ELSIF NOT coalesce(m.body->'codes' ? bus.alert_meant(m.status), false) THEN
        RETURN bus.contest(m.message_id, 'status', 'status', 'The draft is not meant as this; an exercise and reality never mix.');
    ELSIF bus.draft_is_answered(d, m.seq) THEN
        RETURN bus.contest(m.message_id, 'answered', 'preceding_id', 'The draft was approved or turned down before; write a new one.');
    ELSIF says = 'ALERT' AND jsonb_array_length(coalesce(m.body->'references', '[]')) > 0
          OR says <> 'ALERT' AND NOT bus.refers_in_force(m) THEN
        RETURN bus.contest(m.message_id, 'reference', 'public_alert.references',
                           'An update or a cancellation names alerts in force, each by its sender, identifier and time; a first alert names none.');
    END IF;
    RETURN NULL;
END
$$;

-- Is there a word on the draft before number `seq`: the alert itself, or a person who turned it down and
-- had the right to say it (bus.alert_turned_down)?
CREATE FUNCTION bus.draft_is_answered(d bus.document, seq int8) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM bus.document x
                    WHERE x.type = 180 AND x.doc->'public_alert'->>'identifier' = d.doc->'public_alert'->>'identifier'
                      AND x.seq < draft_is_answered.seq AND (x.doc->>'preceding_id')::uuid = d.message_id
                      AND x.doc->'public_alert'->>'status' <> 'CAP_STATUS_DRAFT'
                      AND NOT EXISTS (SELECT FROM bus.contested c WHERE c.seq = x.seq AND c.settled_as IS DISTINCT FROM 1))
        OR EXISTS (SELECT FROM bus.document x
                    WHERE x.type = 181 AND x.doc->'receipt'->>'message_id' = d.message_id::text AND x.seq < draft_is_answered.seq
                      AND coalesce(x.doc->>'author', '') <> '' AND x.doc->'receipt'->>'level' IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED') -- as its index has it
                      AND x.doc->'receipt'->>'level' = 'RECEIPT_LEVEL_REJECTED'
                      AND bus.had_right(x.seq));
END
$$;

-- Who turns a draft down may write one there. What rests on that right of now is kept, for when the log is judged again.
CREATE FUNCTION bus.alert_turned_down(m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    d bus.document := bus.draft_of((m.body->>'message_id')::uuid);
BEGIN
    IF coalesce(current_setting('bus.rejudging', true), '') = '' AND d.seq IS NOT NULL AND m.unheard IS NULL
       AND (m.carried_by IS NULL OR bus.carried_author(m.carried_by, m.author, m.type, coalesce(d.places, ''), m.label) IS NOT NULL) -- there, too
       AND bus.may_draft((SELECT p.name FROM bus.principal p WHERE p.principal_id = m.sender_id), d) THEN
        INSERT INTO bus.rested_on (seq, what, detail) VALUES (m.seq, 'right', coalesce(d.places, '')) ON CONFLICT DO NOTHING;
    END IF;
END
$$;
-- Readers see by it what their own rights do not let them look up.
CREATE FUNCTION bus.had_right(seq int8) RETURNS bool
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM bus.rested_on o WHERE o.seq = had_right.seq AND o.what = 'right');
END
$$;
GRANT EXECUTE ON FUNCTION bus.had_right TO bus_reader, bus_admin, bus_audit;
CREATE FUNCTION bus.draft_of(id uuid) RETURNS bus.document
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT x FROM bus.document x
             WHERE x.message_id = id AND x.type = 180 AND x.doc->'public_alert'->>'status' = 'CAP_STATUS_DRAFT' ORDER BY x.seq LIMIT 1);
END
$$;
CREATE FUNCTION bus.may_draft(person text, d bus.document) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN bus.may(person, 'say', 'public_alert', coalesce(d.places, ''), 'INTERNAL');
END
$$;

-- Does every reference name an alert in force, in all three words of CAP, and is there one?
CREATE FUNCTION bus.refers_in_force(m bus.said) RETURNS bool
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(bool_and(EXISTS (
                SELECT FROM bus.document d CROSS JOIN LATERAL (SELECT d.doc->'public_alert' AS a) AS x
                 WHERE d.message_id = nullif(r->>'message_id', '')::uuid AND d.type = 180 AND d.seq < m.seq AND d.status = m.status
                   AND a->>'identifier' = r->>'identifier' AND a->>'cap_sender' = r->>'cap_sender' AND a->>'sent_us' = r->>'sent_us'
                   AND coalesce(a->>'sent_offset_min', '0') = coalesce(r->>'sent_offset_min', '0')
                   AND a->>'status' <> 'CAP_STATUS_DRAFT' AND a->>'msg_type' IN ('CAP_MSG_TYPE_ALERT', 'CAP_MSG_TYPE_UPDATE')
                   AND coalesce((SELECT max(eoc.at(i->>'expires_us')) FROM jsonb_array_elements(coalesce(a->'infos', '[]')) AS i),
                                'infinity') > bus.now_of(m)
                   AND NOT EXISTS (SELECT FROM bus.alert_ended e WHERE e.alert_id = d.message_id AND e.seq < m.seq)
                   AND NOT EXISTS (SELECT FROM bus.contested c WHERE c.seq = d.seq AND c.settled_as IS DISTINCT FROM 1))), false)
              FROM jsonb_array_elements(coalesce(m.body->'references', '[]')) AS r);
END
$$;
