-- views_alert_draft: public alerts as people write, approve and follow them.

-- Of a month, and of each person the newest hundred: nobody pushes another's draft out of sight.
CREATE VIEW eoc.alert_draft AS
WITH recent AS MATERIALIZED (
    SELECT d.seq, d.message_id, d.received_at, d.sender_id, d.places, d.doc, d.doc->'public_alert' AS a
      FROM bus.document d WHERE d.type = 180 AND d.received_at > now() - interval '31 days'
), drafts AS (
    SELECT x.*, row_number() OVER (PARTITION BY x.sender_id, x.doc->>'author' ORDER BY x.seq DESC) AS nth
      FROM recent x WHERE x.a->>'status' = 'CAP_STATUS_DRAFT'
)
SELECT r.message_id, r.received_at AS since, coalesce(nullif(r.doc->>'author', ''), p.name) AS author,
       CASE WHEN r.a->'codes' ? 'eocbus:exercise' THEN 'EXERCISE' ELSE 'ACTUAL' END AS status,
       eoc.word(r.a->>'msg_type', 'CAP_MSG_TYPE_') AS msg_type, r.a->>'identifier' AS identifier, r.places,
       coalesce(eoc.word(r.a->'infos'->0->>'hazard', 'HAZARD_'), '') AS hazard,
       (SELECT jsonb_object_agg(coalesce(i->>'language', ''), i->>'headline') FROM jsonb_array_elements(r.a->'infos') AS i) AS headlines,
       e.expires_at, (r.doc->'incident_ids'->>0)::uuid AS incident_id,
       CASE WHEN approved.message_id IS NOT NULL THEN 'APPROVED' WHEN turned.message_id IS NOT NULL THEN 'TURNED_DOWN'
            WHEN e.expires_at <= now() THEN 'OVER' ELSE 'WAITING' END AS state,
       approved.message_id AS alert_id, coalesce(approved.author, turned.author) AS answered_by, turned.text AS why, r.seq
  FROM drafts r
  LEFT JOIN bus.principal p ON p.principal_id = r.sender_id
 CROSS JOIN LATERAL (SELECT max(eoc.at(i->>'expires_us')) AS expires_at FROM jsonb_array_elements(coalesce(r.a->'infos', '[]')) AS i) AS e
  LEFT JOIN LATERAL (SELECT x.message_id, x.doc->>'author' AS author FROM recent x
                      WHERE x.doc->>'preceding_id' = r.message_id::text AND x.a->>'status' <> 'CAP_STATUS_DRAFT'
                        AND NOT EXISTS (SELECT FROM bus.contested c WHERE c.seq = x.seq AND c.settled_as IS DISTINCT FROM 1)
                      ORDER BY x.seq LIMIT 1) AS approved ON true
  LEFT JOIN LATERAL (SELECT x.message_id, x.doc->>'author' AS author, x.doc->'receipt'->>'text' AS text FROM bus.document x
                      WHERE x.type = 181 AND x.doc->'receipt'->>'message_id' = r.message_id::text AND coalesce(x.doc->>'author', '') <> ''
                        AND x.doc->'receipt'->>'level' IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED')
                        AND x.doc->'receipt'->>'level' = 'RECEIPT_LEVEL_REJECTED'
                        AND bus.had_right(x.seq) -- as bus.draft_is_answered
                      ORDER BY x.seq LIMIT 1) AS turned ON true
 WHERE r.nth <= 100;
COMMENT ON VIEW eoc.alert_draft IS 'public alerts that one person wrote, and what another said of them: ORDER BY since DESC';
COMMENT ON COLUMN eoc.alert_draft.author IS 'who wrote it';
COMMENT ON COLUMN eoc.alert_draft.status IS 'as what it is meant: ACTUAL or EXERCISE';
COMMENT ON COLUMN eoc.alert_draft.headlines IS 'by language';
COMMENT ON COLUMN eoc.alert_draft.state IS 'WAITING, APPROVED, TURNED_DOWN, or OVER: nobody approved it before its end';
COMMENT ON COLUMN eoc.alert_draft.alert_id IS 'the alert that it became';
COMMENT ON COLUMN eoc.alert_draft.why IS 'of one that was turned down';

-- How far it got in each place, by the receipts of those who stand there. Who said it counts, once: the person, else
-- the sender; `by` is what they wrote, and anybody writes anything.
CREATE VIEW eoc.alert_receipts AS
SELECT x.alert_id, x.place, count(*) FILTER (WHERE x.level IN ('DELIVERED', 'DISPLAYED', 'ACCEPTED'))::int4 AS delivered,
       count(*) FILTER (WHERE x.level IN ('DISPLAYED', 'ACCEPTED'))::int4 AS displayed,
       count(*) FILTER (WHERE x.level = 'ACCEPTED')::int4 AS accepted, count(*) FILTER (WHERE x.level IN ('REJECTED', 'UNDELIVERABLE', 'EXPIRED'))::int4 AS undeliverable,
       max(x.at) AS last_at
  FROM (SELECT DISTINCT ON (r.about_id, r.who, r.place) r.*
          FROM (SELECT s.about_id, coalesce(nullif(d.doc->>'author', ''), s.sender) AS who, coalesce(nullif(s.place_name, ''), s.pcode, nullif(split_part(s.by, '@', 2), ''), '') AS place,
                       s.level, s.received_at AS at, s.about_id AS alert_id,
                       array_position(ARRAY['STORED', 'DELIVERED', 'DISPLAYED', 'EXPIRED', 'UNDELIVERABLE', 'REJECTED', 'ACCEPTED'], s.level) AS far
                  FROM eoc.receipt s JOIN bus.document d ON d.type = 181 AND d.seq = s.seq) AS r
         ORDER BY r.about_id, r.who, r.place, r.far DESC) AS x
 GROUP BY x.alert_id, x.place;
COMMENT ON VIEW eoc.alert_receipts IS 'how many of each place had a message, showed it, took it, or could not be reached; each counts once: WHERE alert_id = ...';
COMMENT ON COLUMN eoc.alert_receipts.place IS 'village as its receipt names it, else its P-code; empty: the receipt names none';
COMMENT ON COLUMN eoc.alert_receipts.delivered IS 'devices or people that had it, those that showed or took it too';
COMMENT ON COLUMN eoc.alert_receipts.undeliverable IS 'it did not get there, came too late, or was not taken';

GRANT SELECT ON eoc.alert_draft, eoc.alert_receipts TO bus_reader, bus_admin;

-- What everybody may know, for the feed: of a month. No number of drafts, or of what is over, hides one in force.
CREATE VIEW eoc.alert_published AS
WITH recent AS MATERIALIZED (
    SELECT n.seq, n.message_id, n.received_at, n.status, n.doc->'public_alert' AS a
      FROM bus.document n
     WHERE n.type = 180 AND n.status IN (1, 2) AND n.received_at > now() - interval '31 days' AND n.marks >> 4 = 1
)
SELECT r.message_id, (ARRAY['ACTUAL', 'EXERCISE'])[r.status] AS status, r.received_at,
       eoc.word(r.a->>'msg_type', 'CAP_MSG_TYPE_') AS msg_type, e.expires_at, r.a AS cap, r.seq
  FROM recent r
 CROSS JOIN LATERAL (SELECT max(eoc.at(i->>'expires_us')) AS expires_at FROM jsonb_array_elements(coalesce(r.a->'infos', '[]')) AS i) AS e
 WHERE r.a->>'status' <> 'CAP_STATUS_DRAFT' AND r.a->>'scope' = 'CAP_SCOPE_PUBLIC'
   AND r.a->>'msg_type' IN ('CAP_MSG_TYPE_ALERT', 'CAP_MSG_TYPE_UPDATE', 'CAP_MSG_TYPE_CANCEL')
   AND coalesce(e.expires_at, r.received_at + interval '7 days') > now()
   AND NOT EXISTS (SELECT FROM bus.alert_ended x WHERE x.alert_id = r.message_id)
   AND NOT EXISTS (SELECT FROM bus.contested c WHERE c.seq = r.seq AND c.settled_as IS DISTINCT FROM 1);
COMMENT ON VIEW eoc.alert_published IS 'public alerts in force that are labelled PUBLIC, and cancellations until their end: what the feed shows to everybody';
COMMENT ON COLUMN eoc.alert_published.cap IS 'PublicAlert as JSON';
COMMENT ON COLUMN eoc.alert_published.expires_at IS 'null: it names no end; it counts for seven days';
GRANT SELECT ON eoc.alert_published TO bus_reader, bus_admin;
