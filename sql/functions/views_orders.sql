-- views_orders: what machines were ordered to do, who approved it, and what they did.

CREATE VIEW eoc.siren_report AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.pcode, l.place_name,
       b->>'site' AS site, (b->>'cause_id')::uuid AS cause_id, eoc.word(b->>'result', 'SIREN_RESULT_') AS result,
       coalesce(b->>'code', '') AS code, eoc.at(b->>'started_us') AS started_at,
       coalesce((b->>'sounded_s')::int4, 0) AS sounded_s, nullif((b->>'mic_level_ddb')::int4, 0) / 10.0 AS mic_level_db,
       nullif((b->>'battery_mv')::int4, 0) / 1000.0 AS battery_v,
       coalesce((l.doc->>'flags')::int4, 0) & 1 <> 0 AS told_later,
       EXISTS (SELECT FROM bus.document o WHERE o.message_id = (b->>'cause_id')::uuid AND o.type = 106
                  AND o.doc->'siren_command'->>'action' = 'SIREN_ACTION_SELF_TEST') AS is_test
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'siren_report' AS b) AS x
 WHERE l.type = 107;
COMMENT ON VIEW eoc.siren_report IS 'what sirens did, on an order or by their gateway''s own decision';
COMMENT ON COLUMN eoc.siren_report.cause_id IS 'message_id of the order, or of the detection that sounded it';
COMMENT ON COLUMN eoc.siren_report.result IS 'SOUNDED, HEARD, SILENCED, FAILED, EXPIRED, REFUSED; at the start of a sound and at its end';
COMMENT ON COLUMN eoc.siren_report.code IS 'why FAILED or REFUSED: a stable word of the runbook';
COMMENT ON COLUMN eoc.siren_report.sounded_s IS 'seconds; 0 = it began just then, or did not sound';
COMMENT ON COLUMN eoc.siren_report.mic_level_db IS 'dB(A) at its microphone; null = not measured';
COMMENT ON COLUMN eoc.siren_report.battery_v IS 'volts; null = not measured';
COMMENT ON COLUMN eoc.siren_report.is_test IS 'it answers an order to test itself: SOUNDED then means that it can, and nobody heard anything';
COMMENT ON COLUMN eoc.siren_report.told_later IS 'there was no link when it happened';

-- What a machine says with itself as target is its own state, and no order; nor is a draft (eoc.order_draft).
CREATE VIEW eoc.machine_order AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, t.name AS type,
       coalesce(b->>'site', b->>'target') AS machine,
       concat_ws(' ', eoc.word(eoc.word(b->>'action', 'SIREN_ACTION_'), 'SENSOR_ACTION_'),
                 eoc.word(b->>'pattern', 'SIREN_PATTERN_'), eoc.word(b->>'mode', 'SENSOR_MODE_'),
                 b->>'profile', b->>'profile_version') AS what,
       coalesce(b->>'reason', '') AS reason,
       ARRAY(SELECT a->>'principal' FROM jsonb_array_elements(coalesce(b->'approvals', '[]')) AS a) AS approved_by,
       eoc.at(l.doc->>'not_after_us') AS not_after,
       coalesce(r.answer, c.answer) AS answer, coalesce(r.code, c.code, '') AS code, coalesce(r.at, c.at) AS answered_at
  FROM bus.ledger l
  CROSS JOIN LATERAL (SELECT coalesce(l.doc->'siren_command', l.doc->'sensor_control', l.doc->'sensor_configuration') AS b) AS x
  JOIN bus.type t ON t.number = l.type
  LEFT JOIN LATERAL (
        SELECT eoc.word(d.doc->'siren_report'->>'result', 'SIREN_RESULT_') AS answer, d.doc->'siren_report'->>'code' AS code,
               d.event_at AS at
          FROM bus.document d
         WHERE d.type = 107 AND d.doc ? 'originating_id' AND d.doc->>'originating_id' = l.message_id::text
         ORDER BY d.seq DESC LIMIT 1) AS r ON l.type = 106
  LEFT JOIN LATERAL (
        SELECT eoc.word(d.doc->'receipt'->>'level', 'RECEIPT_LEVEL_') AS answer, d.doc->'receipt'->>'code' AS code,
               d.event_at AS at
          FROM bus.document d
         WHERE d.type = 181 AND d.doc->'receipt'->>'level' IN ('RECEIPT_LEVEL_ACCEPTED', 'RECEIPT_LEVEL_REJECTED')
           AND d.doc->'receipt'->>'message_id' = l.message_id::text
         ORDER BY d.seq DESC LIMIT 1) AS c ON l.type IN (103, 104)
 WHERE l.type IN (103, 104, 106) AND l.status IN ('ACTUAL', 'EXERCISE') AND l.sender IS DISTINCT FROM coalesce(b->>'site', b->>'target');
COMMENT ON VIEW eoc.machine_order IS 'orders to sirens and gateways: who gave them, who approved them, what became of them';
COMMENT ON COLUMN eoc.machine_order.machine IS 'principal that was to carry it out';
COMMENT ON COLUMN eoc.machine_order.what IS 'action and pattern or mode; profile and version of new numbers';
COMMENT ON COLUMN eoc.machine_order.approved_by IS 'beside the sender; their signatures stand in the message';
COMMENT ON COLUMN eoc.machine_order.answer IS 'newest word of the machine: result of a siren, ACCEPTED or REJECTED of a gateway; null = none yet';
COMMENT ON COLUMN eoc.machine_order.code IS 'why it did not: a stable word of the runbook';

-- What gateways say of themselves; who ordered it stands in the reason.
CREATE VIEW eoc.detector_numbers AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, b->>'profile' AS profile,
       (b->>'profile_version')::int8 AS version, p->>'name' AS parameter,
       coalesce((p->>'value')::numeric, 0) * 10::numeric ^ coalesce((p->>'exponent')::int4, 0) AS value,
       lower(eoc.word(p->>'unit', 'UNIT_')) AS unit, coalesce(b->>'reason', '') AS reason
  FROM bus.ledger l
  CROSS JOIN LATERAL (SELECT l.doc->'sensor_configuration' AS b) AS x
  CROSS JOIN LATERAL jsonb_array_elements(coalesce(b->'parameters', '[]')) AS p
 WHERE l.type = 103 AND l.sender = b->>'target';
COMMENT ON VIEW eoc.detector_numbers IS 'numbers that detectors of gateways went by, one row a number; the newest seq of a sender and profile is in force';
COMMENT ON COLUMN eoc.detector_numbers.value IS 'exact; in `unit`, or in the unit that ends the parameter''s name';
COMMENT ON COLUMN eoc.detector_numbers.unit IS 'word of the Unit in sensor.proto; one = a pure number';
COMMENT ON COLUMN eoc.detector_numbers.reason IS 'the order with its sender and approvers, or that its settings say so';

GRANT SELECT ON eoc.siren_report, eoc.machine_order, eoc.detector_numbers TO bus_reader, bus_admin;
