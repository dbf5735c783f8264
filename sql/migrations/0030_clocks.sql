-- 0030 clocks: one household may have names at several agencies, and each closes its own case. One clock for all
-- ran only if nobody else had a box, so what two agencies had was never destroyed.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.household_clock ADD COLUMN owner text;
-- Until now only who owned all of the boxes could start it.
UPDATE bus.household_clock c
   SET owner = coalesce((SELECT coalesce(nullif(p.agency, ''), '.' || split_part(p.name, '.', 1))
                           FROM bus.message m JOIN bus.principal p ON p.principal_id = m.sender_id
                          WHERE m.seq = c.closed_seq), '');
ALTER TABLE bus.household_clock ALTER COLUMN owner SET NOT NULL;
ALTER TABLE bus.household_clock DROP CONSTRAINT household_clock_pkey;
ALTER TABLE bus.household_clock ADD CONSTRAINT household_clock_pkey PRIMARY KEY (household_id, owner);
COMMENT ON TABLE bus.household_clock IS 'closed cases of households, one for each agency that has names of theirs, and when these are destroyed';
COMMENT ON COLUMN bus.household_clock.owner IS 'agency of who closed the case (bus.owner_of): its boxes are destroyed';

RESET ROLE;
