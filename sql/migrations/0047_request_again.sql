-- 0047 request_again: what was closed since all of it was lost or gone is there again.
SET LOCAL ROLE bus_owner;

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('request', 'REOPEN', 'fact', 'a loss is taken back, or a person applies that more has come: something of it is out again');
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, note) VALUES
('request', 'CLOSED', 'REOPEN', 'OPEN', '{}', 'the sum of what is committed says where it goes from there');

RESET ROLE;
