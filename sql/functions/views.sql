-- views: what people ask, with real columns, units in comments.
--
-- Every view of a message type begins with the same columns (bus.ledger): number, times, sender,
-- status, ids, places. Words of enumerations stand without their prefix. Counts that are null
-- are unknown; 0 was counted. EXERCISE and TEST messages are here too: look at `status`.

-- Small helpers; plain SQL, so that the planner sees through them.
CREATE FUNCTION eoc.word(value text, prefix text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN starts_with(value, prefix) THEN substr(value, length(prefix) + 1) ELSE value END $$;
COMMENT ON FUNCTION eoc.word IS 'a word of an enumeration without its prefix';
-- STABLE as timestamptz + interval is, or it would not be seen through.
CREATE FUNCTION eoc.at(us text) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT '1970-01-01 00:00:00+00'::timestamptz + nullif(us, '0')::float8 * interval '1 microsecond' $$;
COMMENT ON FUNCTION eoc.at IS 'UTC microseconds since 1970 as a time; 0 = null';
CREATE FUNCTION eoc.amount(q jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN q IS NOT NULL THEN coalesce((q->>'value')::numeric, 0)
                                       / (10::numeric ^ coalesce((q->>'scale')::int4, 0)) END $$;
COMMENT ON FUNCTION eoc.amount IS 'value of a Quantity; its unit is q->>''unit''';
CREATE FUNCTION eoc.words(list jsonb, prefix text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT array_agg(eoc.word(w, prefix)) FROM jsonb_array_elements_text(list) AS w $$;
COMMENT ON FUNCTION eoc.words IS 'the words of a list of enumerations, without their prefix';
GRANT EXECUTE ON FUNCTION eoc.word, eoc.at, eoc.amount, eoc.words TO bus_reader, bus_admin;

CREATE VIEW bus.ledger AS
SELECT d.seq, d.received_at, d.event_at, p.name AS sender,
       (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[d.status] AS status, d.message_id,
       (d.doc->>'originating_id')::uuid AS originating_id, (d.doc->>'preceding_id')::uuid AS preceding_id,
       d.incident_id,
       d.doc->'area'->'pcodes'->>0 AS pcode, d.doc->'area'->>'place_name' AS place_name, d.type, d.doc
  FROM bus.document d LEFT JOIN bus.principal p ON p.principal_id = d.sender_id;
COMMENT ON VIEW bus.ledger IS 'documents with what all of them have';

CREATE VIEW eoc.message AS
SELECT m.seq, m.log_epoch, m.received_at, m.event_at, p.name AS sender,
       (ARRAY['FLASH', 'IMMEDIATE', 'PRIORITY', 'ROUTINE', 'BULK'])[m.lane] AS lane, m.lane_seq,
       coalesce(t.name, m.type::text) AS type, t.family,
       (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[m.status] AS status, m.places, m.message_id,
       (ARRAY['APPLIED', 'HELD', 'CONTESTED', 'DISMISSED'])
           [CASE WHEN m.verdict IN (2, 3)
                 THEN coalesce((SELECT c.settled_as FROM bus.contested c WHERE c.seq = m.seq),
                               (SELECT h.settled_as FROM bus.held h WHERE h.seq = m.seq), m.verdict)
                 ELSE m.verdict END] AS verdict, coalesce(m.expired, false) AS expired,
       m.not_after, m.clock_offset_ms, coalesce(m.marks & 1, 0) <> 0 AS clock_suspect,
       coalesce(m.marks & 2, 0) <> 0 AS late, octet_length(m.content) AS size_bytes,
       m.signature IS NOT NULL AS is_signed
  FROM bus.message m
  LEFT JOIN bus.principal p ON p.principal_id = m.sender_id
  LEFT JOIN bus.type t ON t.number = m.type;
COMMENT ON VIEW eoc.message IS 'the log, one row a message';
COMMENT ON COLUMN eoc.message.seq IS 'number: gapless, in commit order; ask by spans of it';
COMMENT ON COLUMN eoc.message.received_at IS 'clock of the broker when the bytes arrived';
COMMENT ON COLUMN eoc.message.event_at IS 'clock of the sender: when it happened';
COMMENT ON COLUMN eoc.message.places IS 'P-codes split by blanks, most affected first';
COMMENT ON COLUMN eoc.message.expired IS 'its time was over when it was stored; nobody got it as live';
COMMENT ON COLUMN eoc.message.clock_offset_ms IS 'sender''s clock minus the broker''s, ms; null = unknown';
COMMENT ON COLUMN eoc.message.clock_suspect IS 'the sender''s clock is further off than the sender says: times in the message may be wrong';
COMMENT ON COLUMN eoc.message.late IS 'it came more than five minutes after it was sent: a backlog, no news';
COMMENT ON COLUMN eoc.message.size_bytes IS 'of the content, bytes';

-- The log has no index of single numbers, only of spans. Each of these is asked if the one before had nothing.
CREATE VIEW eoc.newest AS
SELECT x.seq, x.received_at FROM (
    (SELECT m.seq, m.received_at FROM bus.message m WHERE m.received_at > now() - interval '1 minute' ORDER BY m.seq DESC LIMIT 1)
    UNION ALL
    (SELECT m.seq, m.received_at FROM bus.message m WHERE m.received_at > now() - interval '1 day' ORDER BY m.seq DESC LIMIT 1)
    UNION ALL
    (SELECT m.seq, m.received_at FROM bus.message m WHERE m.received_at > now() - interval '60 days' ORDER BY m.seq DESC LIMIT 1)
    UNION ALL
    (SELECT m.seq, m.received_at FROM bus.message m ORDER BY m.seq DESC LIMIT 1)) AS x
 LIMIT 1;
COMMENT ON VIEW eoc.newest IS 'the newest message of the log; ask it here: ordering the log itself reads all of it';
COMMENT ON COLUMN eoc.newest.received_at IS 'clock of the broker when the bytes arrived';

CREATE VIEW eoc.observation AS
SELECT r.time, r.seq, p.name AS sender, r.datastream_id, coalesce(t.name, r.type::text) AS type, r.value,
       coalesce(u.symbol, r.unit::text) AS unit, r.quality, (r.quality & 8) <> 0 AS is_missing, r.sender_id
  FROM bus.reading r
  LEFT JOIN bus.principal p ON p.principal_id = r.sender_id
  LEFT JOIN bus.observation_type t ON t.number = r.type
  LEFT JOIN bus.unit u ON u.number = r.unit;
COMMENT ON VIEW eoc.observation IS 'readings, one row a sample; ask by span of time, and by sender_id and datastream_id';
COMMENT ON COLUMN eoc.observation.time IS 'of the sample, clock of the sender (phenomenon time)';
COMMENT ON COLUMN eoc.observation.seq IS 'number of the message that brought it';
COMMENT ON COLUMN eoc.observation.datastream_id IS 'channel of the sender''s SensorRegistry';
COMMENT ON COLUMN eoc.observation.value IS 'in `unit`, scale applied; means nothing where is_missing';
COMMENT ON COLUMN eoc.observation.unit IS 'of value: m, mm, mm/h, m/min, m/s, m/s2, 1/s, Pa, Hz, m3/m3, mrad, Cel, V, dBm, %, m3/s; empty = a count or a state';
COMMENT ON COLUMN eoc.observation.quality IS 'bits, 0 = good: 1 good, 2 suspect, 4 bad, 8 missing, 16 estimated, 32 out of range, 64 stuck, 128 spike, 256 clock suspect, 512 low power, 1024 maintenance, 2048 tamper, 4096 iced or snowed, 8192 filled in later';

CREATE VIEW eoc.sensor_status AS
SELECT s.time, s.seq, p.name AS sender, s.uptime_s, nullif(s.battery_mv, 0) / 1000.0 AS battery_v,
       s.panel_mv / 1000.0 AS panel_v, s.temperature_dc / 10.0 AS temperature_c, nullif(s.rssi_dbm, 0) AS rssi_dbm,
       s.backlog_messages, s.backlog_bytes, s.clock_offset_ms, s.disk_free_kib,
       (ARRAY['NORMAL', 'EVENT', 'MAINTENANCE'])[s.mode] AS mode, s.tamper
  FROM bus.sensor_status s LEFT JOIN bus.principal p ON p.principal_id = s.sender_id;
COMMENT ON VIEW eoc.sensor_status IS 'how gateways are, one row a status message';
COMMENT ON COLUMN eoc.sensor_status.uptime_s IS 'since its last start, seconds';
COMMENT ON COLUMN eoc.sensor_status.battery_v IS 'volts; null = not measured';
COMMENT ON COLUMN eoc.sensor_status.panel_v IS 'volts; 0 = dark or not measured';
COMMENT ON COLUMN eoc.sensor_status.temperature_c IS 'inside the box, degrees Celsius';
COMMENT ON COLUMN eoc.sensor_status.clock_offset_ms IS 'own clock minus its best source, ms';

CREATE VIEW eoc.quarantine AS
SELECT q.quarantine_id, q.received_at, p.name AS sender, q.code, q.path, q.text,
       octet_length(q.content) AS size_bytes, q.content, q.seen_at
  FROM bus.quarantine q LEFT JOIN bus.principal p ON p.principal_id = q.sender_id;
COMMENT ON VIEW eoc.quarantine IS 'refused messages with their bytes and the reason';
COMMENT ON COLUMN eoc.quarantine.sender IS 'the authenticated sender, whatever the bytes say';
COMMENT ON COLUMN eoc.quarantine.path IS 'field in question; empty = the whole message';

CREATE VIEW eoc.sensor_detection AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       b->>'profile' AS profile, eoc.word(b->>'level', 'DETECTION_LEVEL_') AS level,
       eoc.word(b->>'previous_level', 'DETECTION_LEVEL_') AS previous_level,
       eoc.word(b->>'hazard', 'HAZARD_') AS hazard, (b->>'torrent_id')::int4 AS torrent_id,
       eoc.at(b->>'onset_us') AS onset_at, (b->>'confidence_pct')::int4 AS confidence_pct,
       coalesce((b->>'local_siren_sounded')::bool, false) AS local_siren_sounded,
       (b->>'front_speed_mm_s')::int4 / 1000.0 AS front_speed_m_s, b->'evidence' AS evidence,
       b->'etas' AS etas, b->>'text' AS text
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'sensor_detection' AS b) AS x
 WHERE l.type = 101;
COMMENT ON VIEW eoc.sensor_detection IS 'what gateways conclude from their readings';
COMMENT ON COLUMN eoc.sensor_detection.confidence_pct IS 'percent; null = not stated';
COMMENT ON COLUMN eoc.sensor_detection.front_speed_m_s IS 'metres per second';
COMMENT ON COLUMN eoc.sensor_detection.etas IS 'exposed points and the seconds until it is there';

CREATE VIEW eoc.flash_report AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       eoc.word(b->>'hazard', 'HAZARD_') AS hazard, b->>'village' AS village, (b->>'deaths')::int4 AS deaths,
       (b->>'injured')::int4 AS injured, (b->>'missing')::int4 AS missing, (b->>'houses')::int4 AS houses,
       eoc.word(b->>'road_cut', 'ANSWER_') AS road_cut, (b->>'to_evacuate')::int4 AS to_evacuate,
       eoc.word(b->>'confidence', 'CONFIDENCE_') AS confidence,
       eoc.word(b->>'reporter_role', 'REPORTER_ROLE_') AS reporter_role,
       (b->>'detection_id')::uuid AS detection_id, b->>'text' AS text
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'flash_report' AS b) AS x
 WHERE l.type = 120;
COMMENT ON VIEW eoc.flash_report IS 'the first word from the field; null counts are unknown';
COMMENT ON COLUMN eoc.flash_report.deaths IS 'persons';
COMMENT ON COLUMN eoc.flash_report.injured IS 'persons';
COMMENT ON COLUMN eoc.flash_report.missing IS 'persons';
COMMENT ON COLUMN eoc.flash_report.houses IS 'houses hit, of any degree';
COMMENT ON COLUMN eoc.flash_report.road_cut IS 'YES, NO; null = not known';
COMMENT ON COLUMN eoc.flash_report.to_evacuate IS 'persons to be taken away now';

CREATE VIEW eoc.situation_report AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       (b->>'report_no')::int4 AS report_no, eoc.word(b->>'version', 'REPORT_VERSION_') AS version,
       eoc.at(b->'period'->>'from_us') AS period_from, eoc.at(b->'period'->>'to_us') AS period_to,
       b->'prepared_by'->>'name' AS prepared_by, b->'authorised_by'->>'name' AS authorised_by,
       eoc.word(b->>'severity', 'SEVERITY_') AS severity, eoc.word(b->>'urgency', 'URGENCY_') AS urgency,
       eoc.word(b->>'confidence', 'CONFIDENCE_') AS confidence,
       eoc.at(b->>'next_contact_us') AS next_contact_at,
       (b->>'households_affected')::int4 AS households_affected,
       (b->>'people_displaced')::int4 AS people_displaced, b->>'situation' AS situation,
       b->>'actions' AS actions, b->>'plan' AS plan, b->>'outlook' AS outlook, b->'roads_cut' AS roads_cut,
       b->'needs' AS needs
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'situation_report' AS b) AS x
 WHERE l.type = 121;
COMMENT ON VIEW eoc.situation_report IS 'the periodic picture from one office';
COMMENT ON COLUMN eoc.situation_report.people_displaced IS 'persons not at home';
COMMENT ON COLUMN eoc.situation_report.needs IS 'see eoc.situation_need';

CREATE VIEW eoc.situation_need AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       (b->>'report_no')::int4 AS report_no, eoc.word(n.need->>'category', 'NEED_CATEGORY_') AS category,
       n.need->>'item' AS item, eoc.amount(n.need->'quantity') AS quantity,
       n.need->'quantity'->>'unit' AS unit, eoc.amount(n.need->'met') AS met,
       eoc.word(n.need->>'horizon', 'HORIZON_') AS horizon, (n.need->>'people')::int4 AS people,
       n.need->>'pcode' AS need_pcode, (n.need->>'request_id')::uuid AS request_id
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'situation_report' AS b) AS x
  CROSS JOIN LATERAL jsonb_array_elements(b->'needs') AS n(need)
 WHERE l.type = 121;
COMMENT ON VIEW eoc.situation_need IS 'critical needs of situation reports, one row a need (ICS 209 block 39)';
COMMENT ON COLUMN eoc.situation_need.quantity IS 'in `unit`';
COMMENT ON COLUMN eoc.situation_need.met IS 'already met, in `unit`';
COMMENT ON COLUMN eoc.situation_need.horizon IS 'by when: 12_H, 24_H, 48_H, 72_H, LATER';
COMMENT ON COLUMN eoc.situation_need.people IS 'persons it is for';

CREATE VIEW eoc.damage_assessment AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       eoc.word(b->>'version', 'REPORT_VERSION_') AS version, b->>'act_no' AS act_no,
       eoc.word(b->>'confidence', 'CONFIDENCE_') AS confidence, v.village->>'pcode' AS village_pcode,
       v.village->>'village' AS village, (v.village->>'households_affected')::int4 AS households_affected,
       (v.village->>'people_affected')::int4 AS people_affected,
       (v.village->>'households_displaced')::int4 AS households_displaced,
       coalesce((v.village->>'households_to_relocate')::int4, 0) AS households_to_relocate,
       eoc.word(a.loss->>'asset', 'ASSET_CLASS_') AS asset,
       eoc.word(a.loss->>'damage', 'DAMAGE_CLASS_') AS damage,
       eoc.word(a.loss->>'species', 'SPECIES_') AS species, eoc.amount(a.loss->'quantity') AS quantity,
       a.loss->'quantity'->>'unit' AS unit, (a.loss->>'lost_pct')::int4 AS lost_pct,
       (a.loss->'cost'->>'minor_units')::int8 AS cost_minor_units, a.loss->'cost'->>'currency' AS currency,
       a.loss->>'text' AS loss_text
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'damage_needs_assessment' AS b) AS x
  CROSS JOIN LATERAL jsonb_array_elements(b->'villages') AS v(village)
  LEFT JOIN LATERAL jsonb_array_elements(v.village->'losses') AS a(loss) ON true
 WHERE l.type = 122;
COMMENT ON VIEW eoc.damage_assessment IS 'what a commission found: one row per village, asset, degree and species (one without an asset where nothing was lost)';
COMMENT ON COLUMN eoc.damage_assessment.people_affected IS 'persons';
COMMENT ON COLUMN eoc.damage_assessment.quantity IS 'in `unit`: houses in pieces, crops in hectares, roads in kilometres, canals in metres';
COMMENT ON COLUMN eoc.damage_assessment.lost_pct IS 'share lost, percent';
COMMENT ON COLUMN eoc.damage_assessment.cost_minor_units IS 'dirams for TJS, cents for USD';

CREATE VIEW eoc.casualty_summary AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       coalesce(eoc.at(b->>'as_of_us'), l.event_at) AS as_of,
       eoc.word(c.count->>'kind', 'CASUALTY_KIND_') AS kind, eoc.word(c.count->>'sex', 'SEX_') AS sex,
       eoc.word(c.count->>'age', 'AGE_BAND_') AS age_band, coalesce((c.count->>'persons')::int4, 0) AS persons,
       c.count->>'pcode' AS count_pcode, b->>'source' AS source,
       eoc.word(b->>'confidence', 'CONFIDENCE_') AS confidence
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'casualty_summary' AS b) AS x
  CROSS JOIN LATERAL jsonb_array_elements(b->'counts') AS c(count)
 WHERE l.type = 123;
COMMENT ON VIEW eoc.casualty_summary IS 'numbers of people, totals since the incident began; one row per kind, sex, age band and place';
COMMENT ON COLUMN eoc.casualty_summary.sex IS 'null = both';
COMMENT ON COLUMN eoc.casualty_summary.age_band IS 'null = all ages';

CREATE VIEW eoc.resource_total AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       coalesce(eoc.at(b->>'as_of_us'), l.event_at) AS as_of, t.total->>'kind' AS kind,
       t.total->>'agency' AS agency, t.total->>'unit' AS unit,
       coalesce((t.total->>'on_scene')::int4, 0) AS on_scene,
       coalesce((t.total->>'en_route')::int4, 0) AS en_route, coalesce((t.total->>'needed')::int4, 0) AS needed
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'resource_totals' AS b) AS x
  CROSS JOIN LATERAL jsonb_array_elements(b->'totals') AS t(total)
 WHERE l.type = 124;
COMMENT ON VIEW eoc.resource_total IS 'what is there, under way and wanting; one row per kind and agency';
COMMENT ON COLUMN eoc.resource_total.agency IS 'null = all';
COMMENT ON COLUMN eoc.resource_total.needed IS 'wanted beyond both';

CREATE VIEW eoc.incident AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.pcode, l.place_name,
       (b->>'incident_id')::uuid AS incident_id, eoc.word(b->>'hazard', 'HAZARD_') AS hazard,
       b->>'glide' AS glide, b->>'name' AS name, eoc.word(b->>'severity', 'SEVERITY_') AS severity,
       eoc.word(b->>'urgency', 'URGENCY_') AS urgency, eoc.word(b->>'certainty', 'CERTAINTY_') AS certainty,
       (b->>'parent_id')::uuid AS parent_id, b->>'command' AS command, b->'cause_ids' AS cause_ids,
       b->>'text' AS text
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'incident' AS b) AS x
 WHERE l.type = 140;
COMMENT ON VIEW eoc.incident IS 'messages that open or describe an incident; the newest row of an incident_id is how it is described now';

CREATE VIEW eoc.incident_transition AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.pcode, l.place_name,
       (b->>'incident_id')::uuid AS incident_id, eoc.word(b->>'event', 'INCIDENT_EVENT_') AS event,
       eoc.word(b->>'from_state', 'INCIDENT_STATE_') AS from_state,
       eoc.word(b->>'to_state', 'INCIDENT_STATE_') AS to_state, b->>'decided_by' AS decided_by,
       b->>'agreed_by' AS agreed_by, b->>'reason' AS reason, (b->>'merged_into')::uuid AS merged_into,
       eoc.word(b->>'certainty', 'CERTAINTY_') AS certainty, b->'evidence_ids' AS evidence_ids
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'incident_transition' AS b) AS x
 WHERE l.type = 141;
COMMENT ON VIEW eoc.incident_transition IS 'moves of incidents; the newest row of an incident_id tells where it stands';

CREATE VIEW eoc.resource_message AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       t.name AS type, coalesce(l.originating_id, l.message_id) AS originating_id,
       l.preceding_id AS preceding_id, (r.line->>'line_id')::int4 AS line_id,
       eoc.word(r.line->'response'->>'type', 'RESPONSE_TYPE_') AS response,
       eoc.word(r.line->'response'->>'reason', 'DECLINE_REASON_') AS reason,
       r.line->'response'->>'text' AS response_text, r.line->'resource'->>'resource_id' AS resource_id,
       r.line->'resource'->>'name' AS resource_name, r.line->'resource'->>'kind' AS kind,
       r.line->'resource'->>'type' AS resource_type,
       eoc.word(r.line->'resource'->'status'->>'readiness', 'READINESS_') AS readiness,
       eoc.amount(r.line->'assignment'->'quantity') AS quantity,
       r.line->'assignment'->'quantity'->>'unit' AS unit,
       (r.line->'assignment'->'price'->>'minor_units')::int8 AS price_minor_units,
       r.line->'assignment'->'price'->>'currency' AS currency, r.line->'assignment'->>'order_id' AS order_id,
       (SELECT eoc.at(s->>'time_us') FROM jsonb_array_elements(r.line->'schedules') AS s WHERE s->>'type' = 'SCHEDULE_TYPE_REQUESTED_ARRIVAL' LIMIT 1) AS requested_arrival,
       (SELECT eoc.at(s->>'time_us') FROM jsonb_array_elements(r.line->'schedules') AS s WHERE s->>'type' = 'SCHEDULE_TYPE_ESTIMATED_ARRIVAL' LIMIT 1) AS estimated_arrival,
       (SELECT eoc.at(s->>'time_us') FROM jsonb_array_elements(r.line->'schedules') AS s WHERE s->>'type' = 'SCHEDULE_TYPE_ACTUAL_ARRIVAL' LIMIT 1) AS actual_arrival,
       (SELECT eoc.at(s->>'time_us') FROM jsonb_array_elements(r.line->'schedules') AS s WHERE s->>'type' = 'SCHEDULE_TYPE_ACTUAL_DEPARTURE' LIMIT 1) AS actual_departure,
       eoc.word(b->'recall'->>'type', 'RECALL_TYPE_') AS recall,
       (b->'recall'->>'recalled_id')::uuid AS recalled_id, b->>'description' AS description
  FROM bus.ledger l
  JOIN bus.type t ON t.number = l.type
 CROSS JOIN LATERAL (SELECT l.doc->t.name AS b) AS x
  LEFT JOIN LATERAL jsonb_array_elements(b->'lines') AS r(line) ON true
 WHERE l.type BETWEEN 160 AND 175;
COMMENT ON VIEW eoc.resource_message IS 'the sixteen EDXL-RM messages, one row a line; originating_id and line_id hold a thread together';
COMMENT ON COLUMN eoc.resource_message.originating_id IS 'first message of the thread';
COMMENT ON COLUMN eoc.resource_message.preceding_id IS 'message answered';
COMMENT ON COLUMN eoc.resource_message.quantity IS 'in `unit`';
COMMENT ON COLUMN eoc.resource_message.price_minor_units IS 'dirams for TJS, cents for USD';
COMMENT ON COLUMN eoc.resource_message.recall IS 'UPDATE or CANCEL of recalled_id';

CREATE VIEW eoc.public_alert AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       b->>'identifier' AS identifier, b->>'cap_sender' AS cap_sender, eoc.at(b->>'sent_us') AS sent_at,
       eoc.word(b->>'status', 'CAP_STATUS_') AS cap_status,
       eoc.word(b->>'msg_type', 'CAP_MSG_TYPE_') AS msg_type, eoc.word(b->>'scope', 'CAP_SCOPE_') AS scope,
       i.info->>'language' AS language, i.info->>'event' AS event,
       eoc.word(i.info->>'urgency', 'URGENCY_') AS urgency,
       eoc.word(i.info->>'severity', 'SEVERITY_') AS severity,
       eoc.word(i.info->>'certainty', 'CERTAINTY_') AS certainty,
       eoc.at(i.info->>'effective_us') AS effective_at, eoc.at(i.info->>'onset_us') AS onset_at,
       eoc.at(i.info->>'expires_us') AS expires_at, i.info->>'headline' AS headline,
       i.info->>'description' AS description, i.info->>'instruction' AS instruction, i.info->'areas' AS areas,
       b->'references' AS refers_to
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'public_alert' AS b) AS x
  LEFT JOIN LATERAL jsonb_array_elements(b->'infos') AS i(info) ON true
 WHERE l.type = 180;
COMMENT ON VIEW eoc.public_alert IS 'CAP 1.2 alerts, one row per language';
COMMENT ON COLUMN eoc.public_alert.refers_to IS 'earlier alerts';

CREATE VIEW eoc.receipt AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       (b->>'message_id')::uuid AS about_id, eoc.word(b->>'level', 'RECEIPT_LEVEL_') AS level, b->>'by' AS by,
       b->>'code' AS code, eoc.at(b->>'time_us') AS time, b->>'text' AS text
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'receipt' AS b) AS x
 WHERE l.type = 181;
COMMENT ON VIEW eoc.receipt IS 'how far a message got, said by those it reached';
COMMENT ON COLUMN eoc.receipt.about_id IS 'message it speaks of';
COMMENT ON COLUMN eoc.receipt.time IS 'when it got that far';

CREATE VIEW eoc.facility_status AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       b->>'facility_id' AS facility_id, eoc.word(b->>'kind', 'FACILITY_KIND_') AS kind, b->>'name' AS name,
       eoc.word(b->>'state', 'OPERATING_STATE_') AS state,
       eoc.word(b->>'road_access', 'ROAD_ACCESS_') AS road_access,
       coalesce(eoc.at(b->>'as_of_us'), l.event_at) AS as_of, eoc.at(b->>'next_contact_us') AS next_contact_at,
       (SELECT sum((c->>'total')::int8) FROM jsonb_array_elements(b->'capacities') AS c) AS places_total,
       (SELECT sum(coalesce((c->>'available')::int8, 0)) FROM jsonb_array_elements(b->'capacities') AS c) AS places_available,
       b->'capacities' AS capacities, b->'stock' AS stock, b->>'utilities' AS utilities
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'facility_status' AS b) AS x
 WHERE l.type = 202;
COMMENT ON VIEW eoc.facility_status IS 'boards of shelters, hospitals, warehouses; the newest row of a facility_id stands';
COMMENT ON COLUMN eoc.facility_status.places_total IS 'all kinds of capacity together';

CREATE VIEW eoc.household_event AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       (b->>'household_id')::uuid AS household_id,
       eoc.word(b->>'from_state', 'HOUSEHOLD_STATE_') AS from_state,
       eoc.word(b->>'to_state', 'HOUSEHOLD_STATE_') AS to_state,
       (SELECT k FROM jsonb_object_keys(b) AS k WHERE k IN ('affected', 'assessed', 'preferences', 'consent', 'follow_up', 'closed', 'duplicate', 'request', 'identity_read', 'erased')) AS event,
       b->>'actor' AS actor, b->>'authority' AS authority, (b->'affected'->>'members')::int4 AS members,
       (b->'affected'->>'children')::int4 AS children,
       eoc.word(b->'affected'->>'lodging', 'LODGING_') AS lodging,
       eoc.word(b->'assessed'->>'house', 'DAMAGE_CLASS_') AS house,
       (b->'assessed'->>'plot_lost_pct')::int4 AS plot_lost_pct,
       eoc.word(b->'assessed'->>'verdict', 'ZONE_VERDICT_') AS verdict,
       eoc.word(b->'assessed'->>'eligible', 'ANSWER_') AS eligible,
       eoc.words(b->'assessed'->'vulnerabilities', 'VULNERABILITY_') AS vulnerabilities,
       b - ARRAY['household_id', 'from_state', 'to_state', 'actor', 'authority', 'evidence'] AS details
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'household_event' AS b) AS x
 WHERE l.type = 220;
COMMENT ON VIEW eoc.household_event IS 'what happened to households, by random id; identities are not here';
COMMENT ON COLUMN eoc.household_event.members IS 'persons';
COMMENT ON COLUMN eoc.household_event.children IS 'of them under 18';
COMMENT ON COLUMN eoc.household_event.plot_lost_pct IS 'percent of the household plot';
COMMENT ON COLUMN eoc.household_event.details IS 'the event as JSON';

CREATE VIEW eoc.assistance AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       CASE l.type WHEN 222 THEN 'ENTITLEMENT' ELSE 'DELIVERY' END AS kind,
       (b->>'household_id')::uuid AS household_id, (b->>'entitlement_id')::uuid AS entitlement_id,
       eoc.word(b->>'item', 'ASSISTANCE_ITEM_') AS item, eoc.amount(b->'quantity') AS quantity,
       b->'quantity'->>'unit' AS unit, (b->>'ration_days')::int4 AS ration_days,
       eoc.at(b->>'from_us') AS valid_from, eoc.at(b->>'to_us') AS valid_to, b->>'provider' AS provider,
       b->>'distributor' AS distributor, b->>'point' AS point, b->>'programme' AS programme
  FROM bus.ledger l
  CROSS JOIN LATERAL (SELECT CASE l.type WHEN 222 THEN l.doc->'assistance_entitlement' ELSE l.doc->'assistance_delivery' END AS b) AS x
 WHERE l.type IN (222, 223);
COMMENT ON VIEW eoc.assistance IS 'what households are to get (ENTITLEMENT) and got (DELIVERY)';
COMMENT ON COLUMN eoc.assistance.quantity IS 'in `unit`';
COMMENT ON COLUMN eoc.assistance.ration_days IS 'days a ration feeds the household';

CREATE VIEW eoc.plot_site AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       b->>'site_id' AS site_id, b->>'pcode' AS site_pcode, b->>'name' AS name,
       (b->>'capacity_total')::int4 AS capacity_total, coalesce((b->>'reserved')::int4, 0) AS reserved,
       coalesce((b->>'allocated')::int4, 0) AS allocated, coalesce((b->>'occupied')::int4, 0) AS occupied,
       coalesce((b->>'blocked')::int4, 0) AS blocked, b->>'blocked_reason' AS blocked_reason,
       eoc.word(b->'services'->>'water', 'ANSWER_') AS water,
       eoc.word(b->'services'->>'irrigation', 'ANSWER_') AS irrigation,
       eoc.word(b->'services'->>'road', 'ANSWER_') AS road,
       eoc.word(b->'services'->>'school', 'ANSWER_') AS school,
       eoc.word(b->'services'->>'clinic', 'ANSWER_') AS clinic,
       eoc.word(b->'services'->>'electricity', 'ANSWER_') AS electricity,
       eoc.word(b->>'hazard_checked', 'ANSWER_') AS hazard_checked,
       eoc.at(b->>'hazard_checked_us') AS hazard_checked_at
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'plot_site' AS b) AS x
 WHERE l.type = 224;
COMMENT ON VIEW eoc.plot_site IS 'places that take families; the newest row of a site_id stands';
COMMENT ON COLUMN eoc.plot_site.capacity_total IS 'plots';
COMMENT ON COLUMN eoc.plot_site.reserved IS 'plots offered';
COMMENT ON COLUMN eoc.plot_site.allocated IS 'plots accepted';
COMMENT ON COLUMN eoc.plot_site.occupied IS 'plots lived on';
COMMENT ON COLUMN eoc.plot_site.blocked IS 'plots that cannot be given now';
COMMENT ON COLUMN eoc.plot_site.water IS 'drinking water: YES, NO; null = not known';

CREATE VIEW eoc.plot_offer AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       (b->>'offer_id')::uuid AS offer_id, (b->>'household_id')::uuid AS household_id,
       eoc.word(b->>'action', 'OFFER_ACTION_') AS action, b->>'site_id' AS site_id, b->>'plot_id' AS plot_id,
       (b->>'area_m2')::int4 AS area_m2, eoc.at(b->>'valid_until_us') AS valid_until,
       (b->'package'->'cash'->>'minor_units')::int8 AS cash_minor_units,
       b->'package'->'cash'->>'currency' AS currency, (b->'package'->>'ration_days')::int4 AS ration_days,
       b->'services' AS services, b->'package' AS package, b->>'actor' AS actor, b->>'authority' AS authority,
       b->>'reason' AS reason
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'plot_offer' AS b) AS x
 WHERE l.type = 225;
COMMENT ON VIEW eoc.plot_offer IS 'offers of plots to households, one row per action';
COMMENT ON COLUMN eoc.plot_offer.area_m2 IS 'square metres; 800 = 0.08 ha';
COMMENT ON COLUMN eoc.plot_offer.cash_minor_units IS 'dirams for TJS';
COMMENT ON COLUMN eoc.plot_offer.ration_days IS 'for the whole household';

CREATE VIEW eoc.offer_response AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       (b->>'offer_id')::uuid AS offer_id, (b->>'household_id')::uuid AS household_id,
       eoc.word(b->>'answer', 'OFFER_ANSWER_') AS answer,
       eoc.words(b->'reasons', 'OFFER_DECLINE_REASON_') AS reasons, b->'support_gap' AS support_gap,
       eoc.at(b->>'move_on_us') AS move_on, (b->>'move_now')::int4 AS move_now,
       (b->>'move_later')::int4 AS move_later, b->>'taken_by' AS taken_by, b->>'text' AS text
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'offer_response' AS b) AS x
 WHERE l.type = 226;
COMMENT ON VIEW eoc.offer_response IS 'what households say to offers, and why they decline';
COMMENT ON COLUMN eoc.offer_response.support_gap IS 'what would have made it a yes';
COMMENT ON COLUMN eoc.offer_response.move_now IS 'persons who move now';
COMMENT ON COLUMN eoc.offer_response.move_later IS 'persons who come later';

CREATE VIEW eoc.move_event AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       (b->>'household_id')::uuid AS household_id, (b->>'offer_id')::uuid AS offer_id,
       eoc.word(b->>'kind', 'MOVE_KIND_') AS kind, (b->>'persons')::int4 AS persons,
       (b->>'transport_request_id')::uuid AS transport_request_id, b->>'from_pcode' AS from_pcode,
       b->>'to_pcode' AS to_pcode, coalesce((b->>'keys_given')::bool, false) AS keys_given,
       b->>'certificate_no' AS certificate_no, eoc.word(b->>'lodging', 'LODGING_') AS lodging
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'move_event' AS b) AS x
 WHERE l.type = 227;
COMMENT ON VIEW eoc.move_event IS 'legs of moves: off, there, back';
COMMENT ON COLUMN eoc.move_event.persons IS 'on this trip';

CREATE VIEW eoc.document AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.incident_id, l.pcode, l.place_name,
       t.name AS type, l.originating_id, l.preceding_id, l.doc
  FROM bus.ledger l LEFT JOIN bus.type t ON t.number = l.type;
COMMENT ON VIEW eoc.document IS 'every message of a ledger type as JSON, for what has no view of its own';

-- Who listens under a durable name: how far each lane of it is, and how far behind. `waiting_since` is when
-- the first number it has not acknowledged was received, whether it is one for it or not.
CREATE VIEW eoc.listener AS
SELECT p.name AS principal, c.name, (ARRAY['FLASH', 'IMMEDIATE', 'PRIORITY', 'ROUTINE', 'BULK'])[c.lane] AS lane,
       c.log_epoch, c.seq,
       greatest(h.seq - c.seq, 0) AS behind,
       (SELECT m.received_at FROM bus.message m WHERE m.seq = c.seq + 1) AS waiting_since,
       CASE WHEN c.leased_until > now() THEN c.broker END AS served_by,
       c.moved_at, c.opened_at, string_to_array(c.patterns, ' ') AS patterns
  FROM bus.cursor c
  JOIN bus.principal p USING (principal_id)
  CROSS JOIN bus.log_head h;
COMMENT ON VIEW eoc.listener IS 'listeners with a durable name: place, how far behind, who serves them now';

CREATE VIEW eoc.audit AS
SELECT l.seq, l.event_at AS at, l.sender AS said_by, b->>'what' AS what, b->>'subject' AS subject, b->>'by' AS by,
       b->>'via' AS via, b->>'before' AS before, b->>'after' AS after, b->>'because' AS because,
       (b->>'message_id')::uuid AS about, (b->>'times')::int8 AS times
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'audit_event' AS b) AS x
 WHERE l.type = 243;
COMMENT ON VIEW eoc.audit IS 'what an inquiry may ask about: changes of rights and settings, personal data read, keys and messages refused';
COMMENT ON COLUMN eoc.audit.at IS 'when it happened';
COMMENT ON COLUMN eoc.audit.said_by IS 'who recorded it: bus = the database itself';
COMMENT ON COLUMN eoc.audit.what IS 'stable word, PROTOCOL.md "The record"';
COMMENT ON COLUMN eoc.audit.by IS 'login at the database, or principal';
COMMENT ON COLUMN eoc.audit.before IS 'JSON of what changed, or words';

GRANT SELECT ON ALL TABLES IN SCHEMA eoc TO bus_reader, bus_admin;
