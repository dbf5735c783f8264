-- ledger_incident: the life of an incident. Judges Incident and IncidentTransition, and takes note of what an
-- incident rests on: detections, flash reports, assessments. Those are never judged themselves.
--
-- Whose it is: decided about is an incident by who may speak for all of its places, told of by who may for one of
-- them. It spreads when it is described anew with further places; to take one away nobody can.
--
-- What was merged into an incident is of it: households, requests and papers of the one count for the other. Closed is
-- an incident when its parts are over, too.

CREATE FUNCTION bus.judge_incident(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF m.type IN (140, 141) THEN
        RETURN bus.judge_incident_move(m);
    ELSIF m.type IN (101, 120) THEN
        PERFORM bus.incident_reported(m);
        RETURN NULL;
    END IF;
    PERFORM bus.report_filed(m);
    IF m.body->>'version' = 'REPORT_VERSION_FINAL' THEN -- it may be what a move waits for
        INSERT INTO bus.incident_filed (incident_id, seq, type, status, message_id)
        SELECT DISTINCT i, m.seq, m.type, m.status, m.message_id FROM unnest(m.incident_ids) AS i;
        PERFORM bus.wake(w.id) FROM unnest(m.incident_ids) AS i CROSS JOIN LATERAL bus.incident_stays(i) AS w(id);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION bus.judge_incident_move(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event text := CASE m.type WHEN 140 THEN 'DESCRIBE' ELSE substr(m.body->>'event', length('INCIDENT_EVENT_') + 1) END;
    path text := CASE m.type WHEN 140 THEN 'incident.' ELSE 'incident_transition.' END;
    fails jsonb;
    i bus.incident;
    d bus.decision;
    j bus.judgement;
BEGIN
    SELECT * INTO i FROM bus.incident x WHERE x.incident_id = (m.body->>'incident_id')::uuid;
    IF bus.is_old_news(m, i, event) THEN
        RETURN NULL;
    END IF;
    j := bus.incident_waits(m, i, path);
    IF j.verdict IS NULL THEN
        j := bus.incident_not_yours(m, i, event, path);
    END IF;
    IF j.verdict IS NOT NULL THEN
        RETURN j;
    END IF;
    fails := bus.incident_fails(m, i, event);
    d := bus.decide('incident', coalesce(i.state, ''), event, fails, m.forced);
    IF d.verdict <> 1 THEN
        -- The assessment may still be on its way.
        RETURN CASE WHEN d.code = 'no_assessment' THEN bus.hold(i.incident_id, d.code, path || 'event', d.text)
                    ELSE bus.judgement_of(d, path || CASE m.type WHEN 140 THEN 'incident_id' ELSE 'event' END, i.incident_id) END;
    END IF;
    PERFORM bus.incident_apply(m, i, event, d.to_state);
    RETURN bus.apply();
END
$$;

-- That help is under way the bus says by itself, whenever something is sent or the public is warned; where nothing
-- follows from that it is no contradiction.
CREATE FUNCTION bus.is_old_news(m bus.said, i bus.incident, event text) RETURNS bool
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN m.sender_id = 0 AND event = 'RESPONSE_STARTED'
           AND NOT EXISTS (SELECT FROM bus.transition t
                            WHERE t.cycle = 'incident' AND t.from_state = i.state AND t.event = 'RESPONSE_STARTED'
                              AND t.to_state <> t.from_state);
END
$$;

CREATE FUNCTION bus.incident_waits(m bus.said, i bus.incident, path text) RETURNS bus.judgement
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent uuid := nullif(m.body->>'parent_id', '')::uuid;
    p bus.incident;
BEGIN
    IF i.incident_id IS NULL AND m.type = 141 OR i.incident_id IS NULL AND m.kind = 'UPDATE' THEN
        RETURN bus.hold((m.body->>'incident_id')::uuid, 'incident_unknown', path || 'incident_id',
                        format('Incident %s was not opened here yet; it begins with an Incident.', m.body->>'incident_id'));
    ELSIF i.incident_id IS NOT NULL THEN
        RETURN bus.mixed_status(m, i.status, 'incident');
    ELSIF parent IS NOT NULL THEN
        SELECT * INTO p FROM bus.incident x WHERE x.incident_id = parent;
        RETURN CASE WHEN p.incident_id IS NULL
                    THEN bus.hold(parent, 'incident_unknown', 'incident.parent_id',
                                  format('Incident %s, of which it is a part, was not opened here yet.', parent))
                    ELSE bus.mixed_status(m, p.status, 'larger incident') END;
    END IF;
    RETURN NULL;
END
$$;

-- The sender does not speak for where it is: of a promise for each of its places, of a fact for one of them; and for
-- the incident that it becomes one with, or a part of.
CREATE FUNCTION bus.incident_not_yours(m bus.said, i bus.incident, event text, path text) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_decided bool := bus.is_promise(m);
    one_of text[] := CASE WHEN i.incident_id IS NULL THEN '{}' WHEN is_decided THEN string_to_array(i.places, ' ')
                          ELSE ARRAY[i.places] END;
    other bus.incident;
    place text;
BEGIN
    FOREACH place IN ARRAY one_of LOOP
        IF NOT bus.is_place_of(m, place) THEN
            RETURN bus.not_yours(m, i.places, path || 'incident_id', 'incident', i.incident_id);
        END IF;
    END LOOP;
    SELECT * INTO other FROM bus.incident x
     WHERE x.incident_id = CASE WHEN event = 'MERGED' THEN nullif(m.body->>'merged_into', '')::uuid
                                WHEN i.incident_id IS NULL THEN nullif(m.body->>'parent_id', '')::uuid END;
    IF FOUND AND NOT bus.is_place_of(m, other.places) THEN
        RETURN bus.not_yours(m, other.places, path || CASE event WHEN 'MERGED' THEN 'merged_into' ELSE 'parent_id' END,
                             'other incident', other.incident_id);
    END IF;
    RETURN NULL;
END
$$;

-- Guards that are not met. Only those of the event are worked out.
CREATE FUNCTION bus.incident_fails(m bus.said, i bus.incident, event text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN jsonb_strip_nulls(CASE
        WHEN event = 'CONFIRMED' AND coalesce(m.body->>'certainty', '') NOT IN ('CERTAINTY_OBSERVED', 'CERTAINTY_LIKELY')
        THEN '{"certain": "Confirmed is what was OBSERVED or is LIKELY."}'
        WHEN event IN ('JUDGED_FALSE', 'REOPENED') AND coalesce(m.body->>'reason', '') = ''
        THEN '{"reason": "It takes a reason."}'
        WHEN event = 'HAZARD_OVER' THEN jsonb_build_object(
            'two_agree', CASE WHEN NOT bus.two_distinct(m.body->>'decided_by', m.body->>'agreed_by')
                              THEN 'The dispatcher and the head of the district agree on it: decided_by and agreed_by are two people.' END,
            'alerts_over', bus.live_alert_text(m, i))
        WHEN event = 'MERGED' THEN jsonb_build_object('target', bus.not_the_incident(m, i))
        WHEN event = 'ASSESSED' AND NOT bus.is_filed(m, i, 122::int2)
        THEN '{"assessed": "No FINAL DamageNeedsAssessment of its place names the incident yet, as it is now."}'
        WHEN event = 'CLOSED' THEN bus.not_to_be_closed(m, i)
        ELSE '{}' END);
END
$$;

-- What is open of it, of those that are one with it, and of its parts. Only numbers: households and requests are not
-- for everybody who may close an incident.
CREATE FUNCTION bus.not_to_be_closed(m bus.said, i bus.incident) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    whole uuid[] := bus.incident_whole(i.incident_id);
    to_help int8 := (SELECT count(*) FROM bus.household h
                      WHERE h.incident_id = ANY (whole) AND h.status = i.status AND h.state IN ('AFFECTED', 'ASSESSED'));
    parts int8 := (SELECT count(*) FROM bus.incident x WHERE x.incident_id = ANY (whole) AND x.incident_id <> i.incident_id
                                                         AND x.status = i.status AND x.ended_at IS NULL);
BEGIN
    RETURN jsonb_build_object(
        'helped', CASE WHEN to_help > 0 THEN format('%s of it %s still AFFECTED or ASSESSED.', bus.count_of(to_help, 'household'),
                                                    CASE to_help WHEN 1 THEN 'is' ELSE 'are' END) END,
        'requests_closed', (SELECT min(bus.open_requests_text(w, i.status)) FROM unnest(whole) AS w),
        'parts_closed', CASE WHEN parts > 0 THEN format('%s that %s of it %s still open.', bus.count_of(parts, 'incident'),
                                                        CASE parts WHEN 1 THEN 'is a part' ELSE 'are parts' END,
                                                        CASE parts WHEN 1 THEN 'is' ELSE 'are' END) END,
        'reported', CASE WHEN NOT bus.is_filed(m, i, 121::int2)
                         THEN 'No FINAL SituationReport of its place names the incident yet, as it is now.' END);
END
$$;

-- It and what was merged into it.
CREATE FUNCTION bus.incident_family(id uuid) RETURNS uuid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE f AS (
        SELECT incident_family.id
        UNION SELECT x.incident_id FROM bus.incident x JOIN f ON x.merged_into = f.id
    )
    SELECT array_agg(f.id) FROM f
$$;
-- And their parts, and what was merged into these, and so on.
CREATE FUNCTION bus.incident_whole(id uuid) RETURNS uuid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE w AS (
        SELECT incident_whole.id
        UNION SELECT x.incident_id FROM w CROSS JOIN LATERAL (
            SELECT a.incident_id FROM bus.incident a WHERE a.merged_into = w.id
            UNION ALL SELECT b.incident_id FROM bus.incident b WHERE b.parent_id = w.id) AS x
    )
    SELECT array_agg(w.id) FROM w
$$;
-- It and those into which it was merged, one after the other.
CREATE FUNCTION bus.incident_stays(id uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE s AS (
        SELECT incident_stays.id
        UNION SELECT x.merged_into FROM bus.incident x JOIN s ON x.incident_id = s.id WHERE x.merged_into IS NOT NULL
    )
    SELECT s.id FROM s
$$;

CREATE FUNCTION bus.not_the_incident(m bus.said, i bus.incident) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stays uuid := nullif(m.body->>'merged_into', '')::uuid;
    s bus.incident;
BEGIN
    SELECT * INTO s FROM bus.incident x WHERE x.incident_id = stays;
    RETURN CASE WHEN stays IS NULL THEN 'It does not say into which incident (merged_into).'
                WHEN stays = i.incident_id THEN 'An incident is not merged into itself.'
                WHEN s.incident_id IS NULL THEN format('There is no incident %s.', stays)
                WHEN s.status <> i.status THEN 'One of the two belongs to an exercise.'
                WHEN NOT (SELECT c.is_open FROM bus.cycle_state c WHERE c.cycle = 'incident' AND c.state = s.state)
                THEN format('Incident %s is %s.', stays, s.state) END;
END
$$;

-- A FINAL report of this type, of a place of the incident, names it or what was merged into it; it stands as FINAL, and
-- was written since the hazard came back or the incident was opened again.
CREATE FUNCTION bus.is_filed(m bus.said, i bus.incident, of_type int2) RETURNS bool
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM bus.incident_filed f JOIN bus.report r ON r.message_id = f.message_id
         WHERE f.incident_id = ANY (bus.incident_family(i.incident_id)) AND f.type = of_type AND f.status = i.status
           AND r.stands_id IS NULL AND NOT r.is_cancel AND r.seq > i.surge_seq
           AND r.event_at >= coalesce(i.surge_at, '-infinity') AND bus.is_beside(r.places, i.places));
END
$$;
-- One of these places lies in one of those, or the other way round; beside what is nowhere everything is.
CREATE FUNCTION bus.is_beside(places text, others text) RETURNS bool
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN others = '' OR EXISTS (SELECT FROM unnest(string_to_array(places, ' ')) AS p, unnest(string_to_array(others, ' ')) AS o
                                   WHERE bus.is_within(p, o) OR bus.is_within(o, p));
END
$$;

-- A public alert of the incident, or of what was merged into it, that is in force: neither over, nor cancelled or replaced.
CREATE FUNCTION bus.live_alert_text(m bus.said, i bus.incident) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    family uuid[] := bus.incident_family(i.incident_id);
    began_at timestamptz := (SELECT min(x.began_at) FROM bus.incident x WHERE x.incident_id = ANY (family));
BEGIN
    RETURN (SELECT format('Alert %s is in force%s: cancel it first.', a->>'identifier',
                          to_char(eoc.at(max(e->>'expires_us')) AT TIME ZONE 'UTC', '" until "YYYY-MM-DD HH24:MI"Z"'))
      FROM bus.document d CROSS JOIN LATERAL (SELECT d.doc->'public_alert' AS a) AS x
     CROSS JOIN LATERAL jsonb_array_elements(coalesce(a->'infos', '[]')) AS e
     WHERE d.type = 180 AND d.seq < m.seq AND d.event_at > began_at - interval '7 days' AND d.status = i.status
       AND d.doc->'incident_ids' ?| family::text[]
       AND a->>'status' <> 'CAP_STATUS_DRAFT' AND a->>'msg_type' IN ('CAP_MSG_TYPE_ALERT', 'CAP_MSG_TYPE_UPDATE')
       AND coalesce(eoc.at(e->>'expires_us'), 'infinity') > bus.now_of(m)
       AND NOT EXISTS (SELECT FROM bus.alert_ended x WHERE x.alert_id = d.message_id AND x.seq < m.seq)
       AND NOT EXISTS (SELECT FROM bus.contested c WHERE c.seq = d.seq AND c.settled_as IS DISTINCT FROM 1)
     GROUP BY d.seq, a->>'identifier' ORDER BY d.seq LIMIT 1);
END
$$;

CREATE FUNCTION bus.incident_apply(m bus.said, i bus.incident, event text, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid := (m.body->>'incident_id')::uuid;
BEGIN
    IF event = 'DESCRIBE' THEN
        PERFORM bus.incident_described(m, id, to_state);
    ELSE
        UPDATE bus.incident x
           SET seq = m.seq, since = CASE WHEN x.state = to_state THEN x.since ELSE m.event_at END, state = to_state,
               last_at = greatest(x.last_at, m.event_at),
               certainty = coalesce(substr(nullif(m.body->>'certainty', 'CERTAINTY_UNSPECIFIED'), length('CERTAINTY_') + 1), x.certainty),
               merged_into = CASE event WHEN 'MERGED' THEN (m.body->>'merged_into')::uuid
                                        WHEN 'REOPENED' THEN NULL ELSE x.merged_into END,
               surge_at = CASE WHEN event IN ('HAZARD_RESUMED', 'REOPENED') THEN m.event_at ELSE x.surge_at END,
               surge_seq = CASE WHEN event IN ('HAZARD_RESUMED', 'REOPENED') THEN m.seq ELSE x.surge_seq END
         WHERE x.incident_id = id;
    END IF;
    PERFORM bus.incident_opened_or_ended(id, m.event_at, to_state);
    PERFORM bus.incident_rests_on(m, id);
    PERFORM bus.note_move(m, 'incident', id, 0, event, coalesce(i.state, ''), to_state);
    PERFORM bus.wake(w.id) FROM bus.incident_stays(id) AS w(id); -- what is one with it has what it waits for, too
END
$$;

-- The reports that a message names are of its incident: those from beside it or from where the sender has a say, as
-- long as they are of no other that still goes on.
CREATE FUNCTION bus.incident_rests_on(m bus.said, id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    named uuid[] := ARRAY(SELECT jsonb_array_elements_text(coalesce(m.body->'cause_ids', m.body->'evidence_ids', '[]'))::uuid);
    its_places text := (SELECT x.places FROM bus.incident x WHERE x.incident_id = id);
    r bus.incident_report;
BEGIN
    FOR r IN SELECT * FROM bus.incident_report x
              WHERE x.message_id = ANY (named) AND x.status = m.status AND x.incident_id IS DISTINCT FROM id
                AND (x.incident_id IS NULL
                     OR EXISTS (SELECT FROM bus.incident o WHERE o.incident_id = x.incident_id AND o.ended_at IS NOT NULL))
              ORDER BY x.seq LOOP
        IF r.places = '' OR its_places <> '' AND bus.is_beside(r.places, its_places) OR bus.is_each_place_of(m, r.places) THEN
            UPDATE bus.incident_report x SET incident_id = id WHERE x.message_id = r.message_id;
        END IF;
    END LOOP;
END
$$;

-- Keeps when it was open. Clocks differ: it may end before it began, and was never open then.
CREATE FUNCTION bus.incident_opened_or_ended(id uuid, at timestamptz, to_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    opens bool := (SELECT c.is_open FROM bus.cycle_state c WHERE c.cycle = 'incident' AND c.state = to_state);
BEGIN
    UPDATE bus.incident x
       SET ended_at = CASE WHEN NOT opens THEN at END,
           open_during = CASE WHEN opens THEN x.open_during + tstzmultirange(tstzrange(at, NULL))
                              ELSE x.open_during * tstzmultirange(tstzrange(NULL, at)) END
     WHERE x.incident_id = id AND (x.open_during = '{}' OR (x.ended_at IS NULL) <> opens);
END
$$;

CREATE FUNCTION bus.incident_described(m bus.said, id uuid, in_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    b jsonb := m.body;
    places text := array_to_string(m.places, ' ');
BEGIN
    INSERT INTO bus.incident AS x (incident_id, parent_id, seq, first_seq, since, began_at, last_at, sender_id, status, label,
                                   state, hazard, certainty, severity, name, glide, command, places)
    VALUES (id, nullif(b->>'parent_id', '')::uuid, m.seq, m.seq, m.event_at, m.event_at, m.event_at, m.sender_id, m.status,
            m.label, in_state, eoc.word(b->>'hazard', 'HAZARD_'), eoc.word(b->>'certainty', 'CERTAINTY_'),
            eoc.word(b->>'severity', 'SEVERITY_'), coalesce(b->>'name', ''), coalesce(b->>'glide', ''),
            coalesce(b->>'command', ''), coalesce(places, ''))
        ON CONFLICT (incident_id) DO UPDATE
       SET seq = excluded.seq, last_at = greatest(x.last_at, excluded.last_at), hazard = excluded.hazard,
           certainty = coalesce(excluded.certainty, x.certainty), severity = coalesce(excluded.severity, x.severity),
           name = coalesce(nullif(excluded.name, ''), x.name), glide = coalesce(nullif(excluded.glide, ''), x.glide),
           command = coalesce(nullif(excluded.command, ''), x.command), places = bus.with_places(excluded.places, x.places),
           label = greatest(x.label, excluded.label);
    PERFORM bus.incident_proposed(id);
END
$$;
-- Reports of the same hazard, place and time that came before it was opened may belong to it, unless another one that
-- goes on was proposed.
CREATE FUNCTION bus.incident_proposed(id uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE bus.incident_report r SET proposed_id = id
      FROM bus.incident i
     WHERE i.incident_id = id AND i.ended_at IS NULL AND r.incident_id IS NULL AND r.over_seq IS NULL
       AND (r.proposed_id IS NULL OR EXISTS (SELECT FROM bus.incident o WHERE o.incident_id = r.proposed_id AND o.ended_at IS NOT NULL))
       AND r.status = i.status AND (r.hazard = '' OR r.hazard = i.hazard)
       AND r.event_at BETWEEN i.began_at - interval '12 hours' AND i.last_at + interval '12 hours'
       AND EXISTS (SELECT FROM unnest(string_to_array(r.places, ' ')) AS w WHERE w <> '' AND position(left(w, 7) IN i.places) > 0)
$$;

-- The first, and behind them what only the others have; at most 64.
CREATE FUNCTION bus.with_places(places text, others text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(string_agg(u.place, ' ' ORDER BY u.turn, u.ord), '')
      FROM (SELECT p AS place, 1 AS turn, ord FROM unnest(string_to_array(places, ' ')) WITH ORDINALITY AS a(p, ord)
            UNION ALL
            SELECT p, 2, ord FROM unnest(string_to_array(others, ' ')) WITH ORDINALITY AS b(p, ord)
             WHERE p <> ALL (string_to_array(places, ' '))
             ORDER BY 2, 3 LIMIT 64) AS u
$$;

-- Reports and proposals ----------------------------------------------------------------------------

-- A detection of WARNING or above, or a flash report: it belongs to the incident it names, else an open one of
-- the same district, and of the same hazard if it has one, not older than twelve hours is proposed. Whatever a
-- detector concludes ends its own warnings from before: those need no decision any more. An alarm does.
CREATE FUNCTION bus.incident_reported(m bus.said) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    struck text := coalesce(eoc.word(m.body->>'hazard', 'HAZARD_'), '');
    at_level text := CASE WHEN m.type = 101 THEN coalesce(eoc.word(m.body->>'level', 'DETECTION_LEVEL_'), '') ELSE '' END;
    torrent int4 := CASE WHEN m.type = 101 THEN coalesce((m.body->>'torrent_id')::int4, 0) ELSE 0 END;
    named uuid := (SELECT x FROM unnest(m.incident_ids) AS x
                    WHERE NOT EXISTS (SELECT FROM bus.incident i WHERE i.incident_id = x AND i.status <> m.status) LIMIT 1);
BEGIN
    IF m.type = 101 THEN
        UPDATE bus.incident_report x SET over_seq = m.seq
         WHERE x.sender_id = m.sender_id AND x.torrent_id = torrent AND x.status = m.status AND x.event_at < m.event_at
           AND x.level = 'WARNING' AND x.incident_id IS NULL AND x.over_seq IS NULL;
        IF at_level NOT IN ('WARNING', 'ALARM') THEN
            RETURN;
        END IF;
    END IF;
    INSERT INTO bus.incident_report (message_id, incident_id, proposed_id, seq, event_at, sender_id, type, status, label, hazard, places,
                                     torrent_id, level, over_seq)
    VALUES (m.message_id, named, CASE WHEN named IS NULL THEN bus.propose_incident(m, struck) END, m.seq, m.event_at,
            m.sender_id, m.type, m.status, m.label, struck, coalesce(array_to_string(m.places, ' '), ''),
            torrent, at_level, CASE WHEN at_level = 'WARNING' THEN bus.concluded_since(m, torrent) END)
        ON CONFLICT DO NOTHING;
    UPDATE bus.incident i SET last_at = greatest(i.last_at, m.event_at) WHERE i.incident_id = named;
END
$$;
-- What the same detector had concluded of a later time when this arrived; looked for among the newest 200
-- detections, since a warning comes late by hours and not by months.
CREATE FUNCTION bus.concluded_since(m bus.said, torrent int4) RETURNS int8
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(d.seq) FROM (SELECT x.seq, x.sender_id, x.status, x.event_at, x.doc FROM bus.document x
                             WHERE x.type = 101 AND x.seq < m.seq ORDER BY x.seq DESC LIMIT 200) AS d
     WHERE d.sender_id = m.sender_id AND d.status = m.status AND d.event_at > m.event_at
       AND coalesce((d.doc->'sensor_detection'->>'torrent_id')::int4, 0) = torrent
$$;
CREATE FUNCTION bus.propose_incident(m bus.said, struck text) RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.incident_id FROM bus.incident i JOIN bus.cycle_state c ON c.cycle = 'incident' AND c.state = i.state AND c.is_open
     WHERE i.status = m.status AND (struck = '' OR i.hazard = struck)
       AND i.last_at BETWEEN m.event_at - interval '12 hours' AND m.event_at + interval '12 hours'
       AND EXISTS (SELECT FROM unnest(m.places) AS p WHERE p <> '' AND position(left(p, 7) IN i.places) > 0)
     ORDER BY abs(extract(epoch FROM i.last_at - m.event_at)), i.first_seq LIMIT 1
$$;

-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_incident() RETURNS void LANGUAGE sql AS
$$ DELETE FROM bus.incident; DELETE FROM bus.incident_report; DELETE FROM bus.incident_filed $$;
