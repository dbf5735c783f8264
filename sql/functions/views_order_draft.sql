-- views_order_draft: orders to machines as people write them at a page, approve them, and see what became of them.
--
--   one writes      ─▶ siren_command, sensor_control ..., status SYSTEM (TEST if it is meant for an exercise): machines ignore it
--   others approve  ─▶ the same with their signatures so far, preceding_id = the draft; by any desk that speaks for them
--   the first desk  ─▶ the order itself, ACTUAL or EXERCISE, with all of them, preceding_id = the draft
--   it was refused  ─▶ a receipt REJECTED of the first desk, in nobody's name: what a broker refuses is not in the log
--
-- What the signatures are worth brokers and the machine judge, each by the order alone; here is only shown.

-- Of a week, and of each person the newest hundred.
CREATE VIEW eoc.order_draft AS
WITH recent AS MATERIALIZED (
    SELECT d.seq, d.message_id, d.received_at, d.sender_id, d.status, d.type, d.places, d.doc, t.name AS type_name,
           coalesce(d.doc->'siren_command', d.doc->'sensor_control', d.doc->'sensor_configuration') AS b
      FROM bus.document d JOIN bus.type t ON t.number = d.type
     WHERE d.type IN (103, 104, 106) AND d.status IN (3, 4) AND d.received_at > now() - interval '7 days' AND NOT d.doc ? 'preceding_id'
), drafts AS (
    SELECT r.*, coalesce(r.b->>'site', r.b->>'target') AS machine, row_number() OVER (PARTITION BY r.sender_id, r.doc->>'author' ORDER BY r.seq DESC) AS nth
      FROM recent r
)
SELECT r.message_id, r.received_at AS since, coalesce(nullif(r.doc->>'author', ''), p.name) AS author, p.name AS desk,
       CASE r.status WHEN 3 THEN 'ACTUAL' ELSE 'EXERCISE' END AS status, r.type_name AS type, r.machine,
       coalesce(eoc.word(eoc.word(r.b->>'action', 'SIREN_ACTION_'), 'SENSOR_ACTION_'), '') AS action,
       coalesce(eoc.word(r.b->>'pattern', 'SIREN_PATTERN_'), eoc.word(r.b->>'mode', 'SENSOR_MODE_'), '') AS how,
       coalesce((r.b->>'duration_s')::int4, 0) AS duration_s, coalesce(r.b->>'reason', '') AS reason, r.places,
       eoc.at(r.doc->>'not_after_us') AS not_after, w.needed, coalesce(a.approved_by, '{}') AS approved_by,
       CASE WHEN o.message_id IS NOT NULL THEN 'SAID' WHEN t.author = '' THEN 'REFUSED' WHEN t.author <> '' THEN 'TURNED_DOWN'
            WHEN eoc.at(r.doc->>'not_after_us') <= now() THEN 'OVER' ELSE 'WAITING' END AS state,
       o.message_id AS order_id, nullif(t.author, '') AS answered_by, t.text AS why, coalesce(t.code, '') AS code, (r.doc->'incident_ids'->>0)::uuid AS incident_id, r.seq
  FROM drafts r
  LEFT JOIN bus.principal p ON p.principal_id = r.sender_id
 CROSS JOIN LATERAL (SELECT bus.approvers_needed(r.type_name, lower(coalesce(eoc.word(eoc.word(r.b->>'action', 'SIREN_ACTION_'), 'SENSOR_ACTION_'), ''))) AS needed) AS w
  LEFT JOIN LATERAL (SELECT x.message_id FROM bus.document x
                      WHERE x.type IN (103, 104, 106) AND x.doc ? 'preceding_id' AND x.doc->>'preceding_id' = r.message_id::text
                        AND x.type = r.type AND x.sender_id = r.sender_id AND x.status IN (1, 2) ORDER BY x.seq LIMIT 1) AS o ON true
  LEFT JOIN LATERAL (SELECT array_agg(DISTINCT s->>'principal' ORDER BY s->>'principal') AS approved_by
                       FROM bus.document x
                      CROSS JOIN LATERAL jsonb_array_elements(coalesce(coalesce(x.doc->'siren_command', x.doc->'sensor_control', x.doc->'sensor_configuration')->'approvals', '[]')) AS s
                      WHERE x.type IN (103, 104, 106) AND x.doc ? 'preceding_id' AND x.doc->>'preceding_id' = r.message_id::text
                        AND x.type = r.type AND (x.sender_id = r.sender_id OR x.status IN (3, 4) AND bus.speaks_for(x.sender_id, s->>'principal', r.type, r.places))
                        AND (x.status IN (1, 2) OR bus.approval_stands(s, r.type_name, r.machine))) AS a ON true
  LEFT JOIN LATERAL (SELECT y.author, x.doc->'receipt'->>'text' AS text, x.doc->'receipt'->>'code' AS code
                       FROM bus.document x CROSS JOIN LATERAL (SELECT coalesce(x.doc->>'author', '') AS author) AS y
                      WHERE x.type = 181 AND x.doc->'receipt'->>'message_id' = r.message_id::text
                        AND x.doc->'receipt'->>'level' IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED') -- as its index has it
                        AND x.doc->'receipt'->>'level' = 'RECEIPT_LEVEL_REJECTED'
                        AND (x.sender_id = r.sender_id OR y.author <> '' AND bus.speaks_for(x.sender_id, y.author, x.type, r.places))
                        AND (y.author IN ('', r.doc->>'author') OR bus.may_at(y.author, 'approve', r.type_name, r.machine))
                      ORDER BY x.seq LIMIT 1) AS t ON true
 WHERE r.nth <= 100 AND r.machine IS DISTINCT FROM p.name;
COMMENT ON VIEW eoc.order_draft IS 'orders to machines that one person wrote at a page, who approved them, and whether they were said: ORDER BY since DESC';
COMMENT ON COLUMN eoc.order_draft.author IS 'who wrote it, and cannot approve it';
COMMENT ON COLUMN eoc.order_draft.desk IS 'principal of the pages where it was written: it signs the order and says it, wherever it is approved';
COMMENT ON COLUMN eoc.order_draft.status IS 'as what it is meant: ACTUAL or EXERCISE';
COMMENT ON COLUMN eoc.order_draft.how IS 'pattern of a siren, mode of a gateway; empty: neither';
COMMENT ON COLUMN eoc.order_draft.duration_s IS 'seconds; 0 = none is said';
COMMENT ON COLUMN eoc.order_draft.needed IS 'persons beside who wrote it, by the policy of now; the machine asks for no fewer than its own list does';
COMMENT ON COLUMN eoc.order_draft.approved_by IS 'of one that was said those of the order; else those whose approval counts now: a key that is gone, or a right, takes it along';
COMMENT ON COLUMN eoc.order_draft.code IS 'of one that was REFUSED: a stable word of PROTOCOL.md, and why it was in `why`';
COMMENT ON COLUMN eoc.order_draft.state IS 'WAITING, SAID (order_id is the order), TURNED_DOWN (by answered_by), REFUSED by the bus, or OVER: too few approved it before its end';

GRANT SELECT ON eoc.order_draft TO bus_reader, bus_admin;
