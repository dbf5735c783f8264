-- views_relocation: where households, offers and sites stand, and what an office asks of them.

CREATE VIEW eoc.household AS
SELECT h.household_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[h.status] AS status, h.state, h.since, h.affected_at,
       h.places AS pcode, h.incident_id, h.members, h.children, h.house, h.zone_verdict, h.is_eligible, h.harms, h.fed_until,
       h.offer_id, h.duplicate_of, p.name AS listed_by, h.first_seq, h.seq
  FROM bus.household h LEFT JOIN bus.principal p ON p.principal_id = h.sender_id;
COMMENT ON VIEW eoc.household IS 'where each household stands; a household is a random id, its names are sealed elsewhere';
COMMENT ON COLUMN eoc.household.since IS 'how long it stands there, clock of the office';
COMMENT ON COLUMN eoc.household.harms IS 'times it was listed as affected: 2 = struck again';
COMMENT ON COLUMN eoc.household.fed_until IS 'until when the rations it got last; null = it got none';
COMMENT ON COLUMN eoc.household.offer_id IS 'newest offer, see eoc.offer';

CREATE VIEW eoc.offer AS
SELECT o.offer_id, o.household_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[o.status] AS status, o.state, o.since,
       o.made_at, o.valid_until, o.holds IN ('reserved', 'allocated') AND o.valid_until <= now() AS is_overdue,
       o.site_id, nullif(o.plot_id, '') AS plot_id, o.area_m2, o.times, o.reasons, o.places AS from_pcode,
       o.site_places AS to_pcode, p.name AS made_by, o.seq
  FROM bus.offer o LEFT JOIN bus.principal p ON p.principal_id = o.sender_id;
COMMENT ON VIEW eoc.offer IS 'every offer of a plot and where it stands';
COMMENT ON COLUMN eoc.offer.area_m2 IS 'square metres; 800 = 0.08 ha';
COMMENT ON COLUMN eoc.offer.times IS '1 = as it was made; more: improved';
COMMENT ON COLUMN eoc.offer.reasons IS 'why it was declined';
COMMENT ON COLUMN eoc.offer.is_overdue IS 'counts as expired, though the bus has not said so yet';

CREATE VIEW eoc.site AS
SELECT s.site_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[s.status] AS status, s.name, s.places AS pcode, s.capacity,
       s.capacity - s.blocked - s.elsewhere - s.reserved - s.allocated - s.occupied AS free,
       s.reserved, s.allocated, s.occupied, s.elsewhere, s.blocked, coalesce(s.is_safe, false) AS is_safe, s.declared_at,
       p.name AS declared_by, s.seq
  FROM bus.site s LEFT JOIN bus.principal p ON p.principal_id = s.sender_id;
COMMENT ON VIEW eoc.site IS 'places that take families: plots in all, and what became of each';
COMMENT ON COLUMN eoc.site.free IS 'plots that can be offered now';
COMMENT ON COLUMN eoc.site.elsewhere IS 'given away without this log, as the owner of the land says';
COMMENT ON COLUMN eoc.site.is_safe IS 'looked at for mudflow, flood and landslide; nothing is offered without it';

CREATE VIEW eoc.ration AS
SELECT h.household_id, h.state, h.places AS pcode, h.members, h.fed_until,
       ceil(extract(epoch FROM h.fed_until - now()) / 86400)::int4 AS days_left, h.incident_id,
       (SELECT coalesce(sum(e.ration_days), 0)::int4 FROM bus.entitlement e
         WHERE e.household_id = h.household_id AND NOT e.is_void) AS days_entitled,
       (SELECT coalesce(sum(d.ration_days), 0)::int4 FROM bus.delivery d WHERE d.household_id = h.household_id) AS days_delivered
  FROM bus.household h
 WHERE h.fed_until IS NOT NULL AND h.status = 1 AND h.state NOT IN ('CLOSED', 'WITHDRAWN', 'DUPLICATE', 'SETTLED');
COMMENT ON VIEW eoc.ration IS 'who lives on rations and when they run out: WHERE fed_until < now() + interval ''3 days''';
COMMENT ON COLUMN eoc.ration.days_left IS '0 or less: they have run out';

CREATE VIEW eoc.decline AS
SELECT date_trunc('week', o.since)::date AS week, r.reason, o.places AS from_pcode, o.site_id, count(*)::int4 AS offers
  FROM bus.offer o CROSS JOIN LATERAL unnest(o.reasons) AS r(reason)
 WHERE o.status = 1
 GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW eoc.decline IS 'why offers fail: weeks (from Monday), reasons, places; one offer may have several reasons';

-- Two records that may be one household: same jamoat, same size, listed within two days by two offices. People
-- decide (HouseholdEvent duplicate), and can undo it (closed, REOPENED).
CREATE VIEW eoc.household_twin AS
SELECT a.household_id, b.household_id AS other_id, a.places AS pcode, a.members, a.children, pa.name AS listed_by,
       pb.name AS other_listed_by, a.affected_at, b.affected_at AS other_affected_at
  FROM bus.household a
  JOIN bus.household b ON b.places = a.places AND b.members = a.members AND b.status = a.status AND b.first_seq > a.first_seq
                      AND b.sender_id <> a.sender_id AND coalesce(b.children, 0) = coalesce(a.children, 0)
                      AND b.affected_at BETWEEN a.affected_at - interval '2 days' AND a.affected_at + interval '2 days'
  LEFT JOIN bus.principal pa ON pa.principal_id = a.sender_id
  LEFT JOIN bus.principal pb ON pb.principal_id = b.sender_id
 WHERE a.state NOT IN ('DUPLICATE', 'CLOSED', 'WITHDRAWN') AND b.state NOT IN ('DUPLICATE', 'CLOSED', 'WITHDRAWN');
COMMENT ON VIEW eoc.household_twin IS 'pairs of records that may be one household; a person decides';

GRANT SELECT ON eoc.household, eoc.offer, eoc.site, eoc.ration, eoc.decline, eoc.household_twin TO bus_reader, bus_admin;
