-- 0026 decision: a message that says what was decided about another one, and the order of moves.
SET LOCAL ROLE bus_owner;

INSERT INTO bus.type VALUES (204, 'decision', 'office');

-- Whoever may say messages of the office may decide already (office.*); registries decide about households.
INSERT INTO bus.rule (role, effect, verb, types, places, label, note) VALUES
    ('everyone', 'allow', 'hear', 'decision', 'to_me', 'HOUSEHOLD_PERSONAL', 'what was decided about its own messages'),
    ('registry', 'allow', 'say', 'decision', 'own', 'HOUSEHOLD_PERSONAL', 'about households of its own place'),
    ('registry', 'allow', 'hear', 'decision', 'own', 'HOUSEHOLD_PERSONAL', '');

-- What was held moves later than its number says.
ALTER TABLE bus.moved ADD COLUMN step int8 GENERATED ALWAYS AS IDENTITY;
COMMENT ON COLUMN bus.moved.step IS 'the order in which moves were decided';
DROP INDEX bus.moved_entity;
CREATE INDEX moved_entity ON bus.moved (cycle, entity, part, step);

RESET ROLE;
