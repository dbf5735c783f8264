-- views_resource: what is wanted, who has promised what of it for when, and where it is now.

-- One row a line of a request, and one a line that was offered unasked; while anything of it is open.
CREATE VIEW eoc.board AS
WITH strand AS (
    SELECT l.thread, l.line_id, min(l.first_seq) AS first_seq, min(l.since) AS since, max(l.seq) AS seq,
           min(l.status) AS status, min(l.kind) AS kind, min(l.places) AS places, min(l.unit) AS unit,
           min(l.incident_id::text)::uuid AS incident_id, array_agg(l.supplier || ' ' || l.state ORDER BY l.first_seq) AS suppliers,
           sum(l.quantity - l.lost_away - l.released_away) FILTER (WHERE l.phase = 'promised') AS promised,
           sum(greatest(l.quantity - l.arrived - l.lost_away - l.released_away, 0)) FILTER (WHERE l.phase IN ('under way', 'on scene')) AS under_way,
           sum(greatest(l.arrived - (l.lost - l.lost_away) - (l.released - l.released_away), 0)) FILTER (WHERE l.phase IN ('under way', 'on scene')) AS on_scene,
           sum(CASE l.phase WHEN 'due back' THEN l.quantity - l.lost - l.back ELSE l.released - l.back END)
               FILTER (WHERE l.phase IN ('under way', 'on scene', 'due back')) AS due_back,
           count(*) FILTER (WHERE l.status = 1 AND (l.phase IN ('promised', 'under way') AND l.arrives_at < now()
                                                    OR l.phase IN ('on scene', 'due back') AND l.until_at < now()))::int4 AS late
      FROM bus.line l WHERE l.phase <> 'over' GROUP BY l.thread, l.line_id
)
SELECT coalesce(r.thread, s.thread) AS thread, coalesce(r.line_id, s.line_id) AS line_id,
       (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[coalesce(r.status, s.status)] AS status, coalesce(r.state, 'OFFERED') AS state,
       coalesce(r.kind, s.kind) AS kind, coalesce(r.places, s.places) AS places, coalesce(r.incident_id, s.incident_id) AS incident_id,
       r.agency AS asked_by, r.asked_at, r.needed_at, r.wanted, coalesce(r.unit, s.unit) AS unit, r.wanted_text,
       CASE WHEN NOT r.is_over THEN greatest(r.wanted - r.promised, 0) END AS open, r.promised AS committed, coalesce(s.promised, 0) AS promised,
       coalesce(s.under_way, 0) AS under_way, coalesce(s.on_scene, 0) AS on_scene, coalesce(s.due_back, 0) AS due_back,
       coalesce(s.late, 0) + (r.status = 1 AND NOT r.is_over AND r.state <> 'MET' AND coalesce(r.needed_at < now(), false))::int4 AS late,
       coalesce(r.promised > r.wanted, false) AS is_over_committed, coalesce(s.suppliers, '{}') AS suppliers,
       greatest(r.seq, s.seq) AS seq
  FROM (SELECT x.* FROM bus.request x WHERE NOT x.is_over
        UNION ALL SELECT x.* FROM bus.request x JOIN (SELECT DISTINCT l.thread, l.line_id FROM bus.line l WHERE l.phase <> 'over') AS y
                            USING (thread, line_id) WHERE x.is_over) AS r
  FULL JOIN strand s ON s.thread = r.thread AND s.line_id = r.line_id;
COMMENT ON VIEW eoc.board IS 'per line of a request or offer: what is open, promised, under way, on scene, due back and late, until all of it is over';
COMMENT ON COLUMN eoc.board.thread IS 'first message of the thread';
COMMENT ON COLUMN eoc.board.state IS 'of the request: OPEN, PARTLY, MET, or over with something still away; OFFERED: nobody asked for it';
COMMENT ON COLUMN eoc.board.wanted IS 'in `unit`; null: nobody could count, see wanted_text';
COMMENT ON COLUMN eoc.board.open IS 'wanted and not committed, in `unit`';
COMMENT ON COLUMN eoc.board.committed IS 'by all suppliers together, whatever became of it, in `unit`; what was withdrawn is not';
COMMENT ON COLUMN eoc.board.promised IS 'committed, and has not left';
COMMENT ON COLUMN eoc.board.due_back IS 'released, all of it or a part, and not home yet';
COMMENT ON COLUMN eoc.board.late IS 'how many are: the need, arrivals, returns; never in an exercise';
COMMENT ON COLUMN eoc.board.suppliers IS 'whose part is not over, and where it stands';

CREATE VIEW eoc.request_open AS
SELECT r.thread, r.line_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[r.status] AS status, r.state, left(r.places, 7) AS district,
       r.places, r.asked_at, now() - r.asked_at AS age, (ARRAY['FLASH', 'IMMEDIATE', 'PRIORITY', 'ROUTINE', 'BULK'])[r.priority] AS priority,
       r.kind, r.wanted, r.promised, greatest(r.wanted - r.promised, 0) AS missing, r.unit, r.wanted_text, r.needed_at, r.incident_id,
       r.agency AS asked_by, p.name AS sender, r.funding, r.message_id, r.seq
  FROM bus.request r LEFT JOIN bus.principal p ON p.principal_id = r.sender_id
 WHERE NOT r.is_over AND r.state <> 'MET';
COMMENT ON VIEW eoc.request_open IS 'what is still wanted: GROUP BY district, ORDER BY age';
COMMENT ON COLUMN eoc.request_open.district IS 'P-code of the first place; empty: the request names none';
COMMENT ON COLUMN eoc.request_open.priority IS 'ICS 213RR: IMMEDIATE = Urgent, ROUTINE = Routine, BULK = Low';
COMMENT ON COLUMN eoc.request_open.missing IS 'in `unit`';
COMMENT ON COLUMN eoc.request_open.funding IS 'as said: a list of {code, text}';

CREATE VIEW eoc.commitment AS
SELECT l.strand_id, l.thread, l.line_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[l.status] AS status, l.supplier, l.agency, l.state,
       l.is_provisional, l.kind, l.items, l.quantity, l.unit, l.arrived, l.lost, l.released, l.back, l.from_at, l.until_at, l.asked_until, l.arrives_at,
       l.departed_at, l.arrived_at, l.left_at, l.back_at,
       CASE WHEN l.currency IS NOT NULL THEN (l.price_minor / 100.0)::numeric(20, 2)::text || ' ' || l.currency END AS price,
       l.price_minor AS price_minor_units, l.currency, l.price_text, l.order_id, r.funding, r.agency AS for_agency, l.places, l.incident_id,
       r.wanted, r.promised AS committed, coalesce(r.promised > r.wanted, false) AS is_over_committed,
       coalesce(lower(r.unit) <> lower(l.unit), false) AS is_other_unit,
       CASE WHEN l.phase = 'over' THEN '{}' ELSE
           ARRAY(SELECT DISTINCT o.thread FROM bus.commitment c
                   JOIN bus.commitment o ON o.agency = c.agency AND lower(o.item COLLATE "und-x-icu") = lower(c.item COLLATE "und-x-icu")
                    AND o.status = c.status AND o.strand_id <> c.strand_id AND o.held && c.held WHERE c.strand_id = l.strand_id) END AS conflicts,
       l.since, l.seq
  FROM bus.line l LEFT JOIN bus.request r ON r.thread = l.thread AND r.line_id = l.line_id
 WHERE l.counts;
COMMENT ON VIEW eoc.commitment IS 'who has promised what for when, and what became of it';
COMMENT ON COLUMN eoc.commitment.quantity IS 'in `unit`; so are arrived, lost, released and back';
COMMENT ON COLUMN eoc.commitment.released IS 'in parts, before all of it was: see state';
COMMENT ON COLUMN eoc.commitment.back IS 'so much is home';
COMMENT ON COLUMN eoc.commitment.items IS 'stock numbers of the supplier';
COMMENT ON COLUMN eoc.commitment.from_at IS 'promised from then, until until_at; null: no end was said';
COMMENT ON COLUMN eoc.commitment.asked_until IS 'an extension that is asked for, or provisional';
COMMENT ON COLUMN eoc.commitment.price IS 'as said, exact: 1250.00 TJS';
COMMENT ON COLUMN eoc.commitment.price_minor_units IS 'dirams for TJS, cents for USD';
COMMENT ON COLUMN eoc.commitment.funding IS 'of the request or requisition: a list of {code, text}';
COMMENT ON COLUMN eoc.commitment.committed IS 'by all suppliers of the line together';
COMMENT ON COLUMN eoc.commitment.is_other_unit IS 'promised in another unit than was asked for, and not counted';
COMMENT ON COLUMN eoc.commitment.conflicts IS 'threads to which one of these items is promised at the same time';

CREATE VIEW eoc.line_part AS
SELECT l.strand_id, l.thread, l.line_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[l.status] AS status, l.supplier, l.agency, l.state,
       l.phase, l.is_provisional, l.quantity, l.unit, l.arrived, l.lost, l.released, l.back, l.items, l.arrives_at, l.until_at, l.asked_until,
       l.reason, l.reason_text, l.kind, l.places, l.incident_id, l.since, l.message_id, l.seq
  FROM bus.line l;
COMMENT ON VIEW eoc.line_part IS 'each supplier''s part of a line, promised or not, until and after it is over';
COMMENT ON COLUMN eoc.line_part.phase IS 'open, promised, under way, on scene, due back, over';
COMMENT ON COLUMN eoc.line_part.quantity IS 'in `unit`; so are arrived, lost, released and back';
COMMENT ON COLUMN eoc.line_part.message_id IS 'what moved it last: an answer names it as what it answers';

CREATE VIEW eoc.line_moves AS
SELECT m.step, m.at, m.cycle, m.thread, m.part AS line_id, m.supplier, m.event, nullif(m.from_state, '') AS from_state,
       m.to_state, p.name AS by, t.name AS type, m.message_id, m.seq
  FROM (SELECT x.*, x.entity AS thread, NULL::text AS supplier FROM bus.moved x WHERE x.cycle = 'request'
        UNION ALL SELECT x.*, l.thread, l.supplier FROM bus.line l JOIN bus.moved x ON x.cycle = 'line' AND x.entity = l.strand_id) AS m
  LEFT JOIN bus.principal p ON p.principal_id = m.principal_id
  LEFT JOIN bus.type t ON t.number = m.type;
COMMENT ON VIEW eoc.line_moves IS 'every move of every request and of its suppliers'' parts: ORDER BY step';
COMMENT ON COLUMN eoc.line_moves.supplier IS 'null: the request itself';
COMMENT ON COLUMN eoc.line_moves.by IS 'sender of the message that moved it';

GRANT SELECT ON eoc.board, eoc.request_open, eoc.commitment, eoc.line_part, eoc.line_moves TO bus_reader, bus_admin;
