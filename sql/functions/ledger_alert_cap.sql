-- ledger_alert_cap: public alerts, which answer, end or begin alerts as CAP 1.2 has it (msgType, references).

CREATE FUNCTION bus.alert_public(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql AS $$
DECLARE
    b jsonb := m.body;
    says text := coalesce(eoc.word(b->>'msg_type', 'CAP_MSG_TYPE_'), '');
    a bus.alert;
    d record;
    alone bus.judgement;
BEGIN
    alone := bus.alert_elsewhere(m);
    IF alone.verdict IS NOT NULL THEN
        RETURN alone;
    ELSIF b->>'status' = 'CAP_STATUS_DRAFT' THEN
        RETURN NULL;
    END IF;
    alone := bus.alert_alone(m);
    IF alone.verdict IS NOT NULL THEN
        RETURN alone;
    END IF;
    FOR d IN SELECT * FROM bus.alerts_referred(m) LOOP
        SELECT * INTO a FROM bus.alert x WHERE x.alert_id = d.alert_id AND x.type = 180 AND x.status = m.status;
        IF says IN ('ACK', 'ERROR') AND FOUND THEN
            PERFORM bus.alert_answered(m, a, CASE says WHEN 'ACK' THEN 'ACCEPTED' ELSE 'REJECTED' END);
        ELSIF says IN ('CANCEL', 'UPDATE') AND (m.sender_id = d.sender_id OR bus.is_each_place_of(m, d.places)) THEN
            INSERT INTO bus.alert_ended (alert_id, seq) VALUES (d.alert_id, m.seq) ON CONFLICT DO NOTHING;
            IF a.alert_id IS NOT NULL THEN
                PERFORM bus.alert_move(m, a.alert_id, CASE says WHEN 'CANCEL' THEN 'CANCEL' ELSE 'SUPERSEDE' END);
            END IF;
        END IF;
    END LOOP;
    IF says IN ('ALERT', 'UPDATE') THEN
        PERFORM bus.alert_begin(
            m, bus.cap_levels(b), coalesce(b->>'identifier', ''), coalesce(b->>'cap_sender', ''), 0,
            least(m.not_after, (SELECT max(eoc.at(i->>'expires_us')) FROM jsonb_array_elements(b->'infos') AS i)),
            coalesce(eoc.word(b->'infos'->0->>'hazard', 'HAZARD_'), ''));
        PERFORM bus.response_started(m);
    END IF;
    RETURN CASE WHEN m.author <> '' THEN bus.apply() END;
END
$$;
-- Rights are asked for the places of the envelope, and the public is warned of the areas: an area's P-codes lie in
-- those places. A message without places says its sender may speak anywhere. What was stored before this was so is
-- judged as it was. A judgement REFUSED, or one with verdict null.
CREATE FUNCTION bus.alert_elsewhere(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql STABLE AS $$
DECLARE
    code text;
BEGIN
    IF coalesce(current_setting('bus.rejudging', true), '') <> '' OR coalesce(cardinality(array_remove(m.places, '')), 0) = 0 THEN
        RETURN NULL;
    END IF;
    SELECT g->>'value' INTO code
      FROM jsonb_array_elements(coalesce(m.body->'infos', '[]')) AS i, jsonb_array_elements(coalesce(i->'areas', '[]')) AS a,
           jsonb_array_elements(coalesce(a->'geocodes', '[]')) AS g
     WHERE upper(g->>'name') = 'PCODE' AND NOT EXISTS (SELECT FROM unnest(m.places) AS p WHERE p <> '' AND bus.is_within(g->>'value', p))
     LIMIT 1;
    RETURN CASE WHEN code IS NOT NULL THEN bus.refuse(
        'place', 'public_alert.infos.areas',
        format('It warns of %s, and area.pcodes names %s; every P-code of an area lies in one of those places.', bus.cut(code, 40),
               array_to_string(m.places, ' and '))) END;
END
$$;
-- The public alerts that it refers to, by id or by identifier and issuer.
CREATE FUNCTION bus.alerts_referred(m bus.said) RETURNS TABLE (alert_id uuid, sender_id int4, places text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.message_id, bus.said_by(d.seq, d.sender_id, d.doc->>'author'), coalesce(d.places, '')
      FROM (SELECT x.seq FROM jsonb_array_elements(coalesce(m.body->'references', '[]')) AS r
              JOIN bus.document x ON x.message_id = nullif(r->>'message_id', '')::uuid AND x.type = 180
            UNION
            SELECT x.seq FROM jsonb_array_elements(coalesce(m.body->'references', '[]')) AS r
              JOIN bus.document x ON x.type = 180 AND x.doc->'public_alert'->>'identifier' = nullif(r->>'identifier', '')
             WHERE coalesce(nullif(r->>'cap_sender', ''), x.doc->'public_alert'->>'cap_sender', '') = coalesce(x.doc->'public_alert'->>'cap_sender', '')) AS n
      JOIN bus.document d ON d.seq = n.seq
     WHERE d.status = m.status AND d.seq < m.seq ORDER BY d.seq;
END
$$;
-- EVACUATE if any language asks for it, then its most pressing urgency.
CREATE FUNCTION bus.cap_levels(b jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (SELECT ARRAY(SELECT 'EVACUATE' FROM jsonb_array_elements(b->'infos') AS i
                  WHERE i->'response_types' ? 'CAP_RESPONSE_TYPE_EVACUATE' LIMIT 1)
           || ARRAY(SELECT eoc.word(i->>'urgency', 'URGENCY_') FROM jsonb_array_elements(b->'infos') AS i
                     WHERE i ? 'urgency'
                     ORDER BY array_position(ARRAY['URGENCY_IMMEDIATE', 'URGENCY_EXPECTED', 'URGENCY_FUTURE'], i->>'urgency')
                     LIMIT 1));
END
$$;

-- Who warns the public of a confirmed incident has begun to respond: the bus says so.
CREATE FUNCTION bus.response_started(m bus.said) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    i bus.incident;
BEGIN
    FOR i IN SELECT * FROM bus.incident x
              WHERE x.incident_id = ANY (m.incident_ids) AND x.status = m.status AND x.state = 'CONFIRMED' LOOP
        PERFORM bus.say_later(
            3::int2, m.status, 1, 141::int2, NULL, m.message_id,
            bus.pb_bytes(1, uuid_send(i.incident_id)) || bus.pb_number(2, 6) || bus.pb_number(3, 3) || bus.pb_number(4, 4)
                || bus.pb_bytes(9, uuid_send(m.message_id)),
            jsonb_build_object('incident_transition', jsonb_build_object(
                'incident_id', i.incident_id, 'event', 'INCIDENT_EVENT_RESPONSE_STARTED',
                'from_state', 'INCIDENT_STATE_CONFIRMED', 'to_state', 'INCIDENT_STATE_RESPONDING',
                'evidence_ids', jsonb_build_array(m.message_id))),
            i.label, bus.now_of(m), i.places);
    END LOOP;
END
$$;
