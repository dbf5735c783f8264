-- 0062 called_gateway: machines have a title as offices have, though nobody writes to them.
SET LOCAL ROLE bus_owner;
INSERT INTO bus.called (list, id, place_in_list, tg, ru, en) VALUES ('office', 'gateway', 130, 'Шлюз', 'Шлюз', 'Gateway');
RESET ROLE;
