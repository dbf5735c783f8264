-- page: public alerts: what waits for a second person, what is in force, what was before; and the incident that is warned of
-- takes: lang incident
SELECT json_build_object(
    'drafts', coalesce((SELECT json_agg(x ORDER BY x.since DESC) FROM (
        SELECT d.*, eoc.place_name(split_part(d.places, ' ', 1), coalesce($1::text, 'en')) AS place, d.headlines->>coalesce($1::text, 'en') AS headline
          FROM eoc.alert_draft d ORDER BY d.since DESC LIMIT 60) AS x), '[]'),
    'in_force', coalesce((SELECT json_agg(x ORDER BY x.seq DESC) FROM (
        SELECT f.*, eoc.place_name(split_part(f.places, ' ', 1), coalesce($1::text, 'en')) AS place, p.headline, p.msg_type, m.doc->>'author' AS author
          FROM eoc.alert_in_force f JOIN eoc.document m ON m.seq = f.seq AND m.type = 'public_alert'
          LEFT JOIN LATERAL (SELECT q.headline, q.msg_type FROM eoc.public_alert q WHERE q.seq = f.seq
                              ORDER BY q.language = $1::text DESC LIMIT 1) AS p ON true
         WHERE f.status IN ('ACTUAL', 'EXERCISE') ORDER BY f.seq DESC LIMIT 60) AS x), '[]'),
    'incident', (SELECT row_to_json(i) FROM (SELECT i.incident_id, i.name, i.hazard, i.places, i.status, i.state, i.certainty FROM eoc.incident_now i
                  WHERE i.incident_id = $2::text::uuid) AS i))::text;
