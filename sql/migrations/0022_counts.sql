-- 0022 counts: households as numbers, a message of its own.
SET LOCAL ROLE bus_owner;

INSERT INTO bus.type VALUES (228, 'household_counts', 'relocation');

RESET ROLE;
