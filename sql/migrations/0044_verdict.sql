-- 0044 verdict: the log is written once. A verdict that changed was written into it again: a row of long ago lay among
-- new ones then, and the index by ranges of numbers (BRIN) led whoever read what lies between to both.
SET LOCAL ROLE bus_owner;

COMMENT ON COLUMN bus.message.verdict IS 'what a life cycle made of it when it was stored: 1 applied, 2 held, 3 contested, 4 dismissed; null = has none. What became of it: bus.verdict_now';

RESET ROLE;
