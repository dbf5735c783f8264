-- 0056 draft_right: a draft of a public alert is turned down by who may write one there, and alerts are found by their time.
SET LOCAL ROLE bus_owner;

-- Those of a month, of one status: actual alerts apart from drafts, which are SYSTEM.
CREATE INDEX document_alert ON bus.document (received_at, status) WHERE type = 180;

-- Until now whoever said so turned it down; what was decided by that stays decided.
INSERT INTO bus.rested_on (seq, what, detail)
SELECT x.seq, 'right', coalesce(d.places, '')
  FROM bus.document d JOIN bus.document x
    ON x.type = 181 AND x.doc->'receipt'->>'message_id' = d.message_id::text
   AND x.doc->'receipt'->>'level' IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED')
   AND x.doc->'receipt'->>'level' = 'RECEIPT_LEVEL_REJECTED' AND coalesce(x.doc->>'author', '') <> ''
 WHERE d.type = 180 AND d.doc->'public_alert'->>'status' = 'CAP_STATUS_DRAFT'
    ON CONFLICT DO NOTHING;
