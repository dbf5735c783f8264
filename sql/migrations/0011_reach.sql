-- 0011 reach: what is for a principal is found by its own index, also when it is long answered.
SET LOCAL ROLE bus_owner;

CREATE INDEX recipient_reach_principal ON bus.recipient_reach (principal_id, seq);

RESET ROLE;
