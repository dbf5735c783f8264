-- views_counts: households as numbers.
CREATE VIEW eoc.household_counts AS
SELECT l.seq, l.received_at, l.event_at, l.sender, l.status, l.message_id,
       eoc.at(b->'period'->>'from_us') AS period_from, eoc.at(b->'period'->>'to_us') AS period_to,
       nullif(p.place->>'pcode', '') AS pcode, (b->>'suppress_below')::int4 AS suppress_below,
       (p.place->>'affected')::int4 AS affected, (p.place->>'assessed')::int4 AS assessed,
       (p.place->>'assisted')::int4 AS assisted, (p.place->>'offered')::int4 AS offered,
       (p.place->>'accepted')::int4 AS accepted, (p.place->>'declined')::int4 AS declined,
       (SELECT jsonb_object_agg(eoc.word(r->>'reason', 'OFFER_DECLINE_REASON_'), (r->>'households')::int4)
          FROM jsonb_array_elements(p.place->'reasons') AS r) AS declined_for
  FROM bus.ledger l CROSS JOIN LATERAL (SELECT l.doc->'household_counts' AS b) AS x
  CROSS JOIN LATERAL jsonb_array_elements(b->'places') AS p(place)
 WHERE l.type = 228;
COMMENT ON VIEW eoc.household_counts IS 'numbers of households, one row per place and period; a null is not told';
COMMENT ON COLUMN eoc.household_counts.pcode IS 'district; null = all the places of the message together';
COMMENT ON COLUMN eoc.household_counts.suppress_below IS 'households: no number below this one is told';
COMMENT ON COLUMN eoc.household_counts.declined_for IS 'households by reason; one may have several';
GRANT SELECT ON eoc.household_counts TO bus_reader, bus_admin;
