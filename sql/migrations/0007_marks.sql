-- 0007 marks: what the broker has to say of a message's time, beside its number.
--
-- Bits of one number instead of a column each: nearly all messages have none, and null costs nothing.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.message ADD COLUMN marks int2;
COMMENT ON COLUMN bus.message.marks IS
    '1: its sender''s clock is further off than the sender says; 2: late, from a backlog; null = none';
COMMENT ON COLUMN bus.message.not_after IS 'by the broker''s clock, as far as the sender''s is known to be wrong';

RESET ROLE;
