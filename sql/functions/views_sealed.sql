-- views_sealed: what people ask about sealed identities: which boxes there are, who opened them, and what
-- households asked for. What is in a box is nowhere here.

CREATE VIEW eoc.identity AS
SELECT b.household_id, b.message_id, b.seq, p.name AS sender, b.stored_at,
       CASE WHEN b.erased_at IS NULL
            THEN nullif((SELECT count(*)::int4 FROM bus.wrapped_key w WHERE w.seq = b.seq), 0) ELSE 0 END AS readers,
       b.erased_at, b.erased_seq,
       e.name AS erased_by, c.waits_until AS erase_due_at
  FROM bus.sealed_box b
  LEFT JOIN bus.principal p ON p.principal_id = b.sender_id
  LEFT JOIN bus.message m ON m.seq = b.erased_seq
  LEFT JOIN bus.principal e ON e.principal_id = m.sender_id
  LEFT JOIN bus.household_clock c ON c.household_id = b.household_id AND c.owner = bus.owner_of(b.sender_id);
COMMENT ON VIEW eoc.identity IS 'sealed boxes with identities, one row a box; what is in them is nowhere here';
COMMENT ON COLUMN eoc.identity.readers IS 'keys that still open it; 0 = nobody can; null = none that you may see: they take the right to open';
COMMENT ON COLUMN eoc.identity.erased_seq IS 'message that had its keys destroyed';
COMMENT ON COLUMN eoc.identity.erase_due_at IS 'when the retention clock destroys it; null = the case of its agency is open';

CREATE VIEW eoc.identity_read AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id, l.pcode,
       (b->>'household_id')::uuid AS household_id, b->'identity_read'->>'reader' AS reader,
       eoc.word(b->'identity_read'->>'purpose', 'PURPOSE_') AS purpose,
       (b->'identity_read'->>'identity_id')::uuid AS identity_id
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'household_event' AS b) AS x
 WHERE l.type = 220 AND b ? 'identity_read';
COMMENT ON VIEW eoc.identity_read IS 'who opened whose identity, when and what for';

CREATE VIEW eoc.household_request AS
SELECT DISTINCT ON (household_id, request_id)
       household_id, request_id, kind, min(l.event_at) OVER w AS asked_at, eoc.at(r->>'due_us') AS due_at,
       nullif(eoc.word(r->>'outcome', 'REQUEST_OUTCOME_'), 'UNSPECIFIED') AS outcome,
       coalesce(r->>'outcome', 'REQUEST_OUTCOME_UNSPECIFIED') = 'REQUEST_OUTCOME_UNSPECIFIED'
           AND eoc.at(r->>'due_us') <= now() AS is_overdue,
       l.sender, l.seq, l.pcode
  FROM bus.ledger l
  CROSS JOIN LATERAL (SELECT l.doc->'household_event' AS b, l.doc->'household_event'->'request' AS r) AS x
  CROSS JOIN LATERAL (SELECT (b->>'household_id')::uuid AS household_id, (r->>'request_id')::uuid AS request_id,
                             eoc.word(r->>'kind', 'HOUSEHOLD_REQUEST_KIND_') AS kind) AS y
 WHERE l.type = 220 AND b ? 'request'
WINDOW w AS (PARTITION BY (l.doc->'household_event'->>'household_id'), (l.doc->'household_event'->'request'->>'request_id'))
 ORDER BY household_id, request_id, l.seq DESC;
COMMENT ON VIEW eoc.household_request IS 'what households asked for (access, correction, deletion, appeal), as it stands now';
COMMENT ON COLUMN eoc.household_request.outcome IS 'null = still open';
COMMENT ON COLUMN eoc.household_request.is_overdue IS 'open, and due_at is over: somebody has to answer';

-- What has a mark together, and was not said to be one already. A mark that many have tells nothing.
CREATE VIEW eoc.household_match AS
SELECT t.household_id, h.state, p.name AS sender, h.places AS pcode, t.other_id, o.state AS other_state,
       q.name AS other_sender, o.places AS other_pcode, t.marks, t.seq
  FROM (SELECT least(a.household_id, b.household_id) AS household_id, greatest(a.household_id, b.household_id) AS other_id,
               count(DISTINCT a.mark)::int4 AS marks, max(greatest(a.seq, b.seq)) AS seq,
               max(CASE WHEN a.household_id < b.household_id THEN a.seq ELSE b.seq END) AS own_seq,
               max(CASE WHEN a.household_id < b.household_id THEN b.seq ELSE a.seq END) AS other_seq
          FROM bus.blind_mark a JOIN bus.blind_mark b ON b.mark = a.mark AND b.seq > a.seq
         WHERE a.household_id <> b.household_id
           AND (SELECT count(*) FROM (SELECT FROM bus.blind_mark c WHERE c.mark = a.mark LIMIT 11) AS few) <= 10
         GROUP BY 1, 2) AS t
  JOIN bus.sealed_box ab ON ab.seq = t.own_seq
  JOIN bus.sealed_box bb ON bb.seq = t.other_seq
  JOIN bus.message am ON am.seq = t.own_seq
  JOIN bus.message bm ON bm.seq = t.other_seq AND bm.status = am.status
  LEFT JOIN bus.principal p ON p.principal_id = ab.sender_id
  LEFT JOIN bus.principal q ON q.principal_id = bb.sender_id
  LEFT JOIN bus.household h ON h.household_id = t.household_id
  LEFT JOIN bus.household o ON o.household_id = t.other_id
 WHERE coalesce(h.state, '') <> 'DUPLICATE' AND coalesce(o.state, '') <> 'DUPLICATE';
COMMENT ON VIEW eoc.household_match IS 'proposals that two households are one family, by marks that registries make and nobody here can read; a person decides';
COMMENT ON COLUMN eoc.household_match.marks IS 'documents, or names with year of birth, that both have';
COMMENT ON COLUMN eoc.household_match.state IS 'null = nothing was said of it but the identity';

GRANT SELECT ON eoc.identity, eoc.identity_read, eoc.household_request, eoc.household_match TO bus_reader, bus_admin;
