-- views_ledger: the rules of life cycles, what moved by them, and what waits for somebody.

CREATE VIEW eoc.transition AS
SELECT t.cycle, t.from_state, t.event, t.to_state, s.is_open, e.nature, e.means AS said_by,
       ARRAY(SELECT g.means FROM unnest(t.guards) WITH ORDINALITY AS u(guard, ord)
               JOIN bus.cycle_guard g ON g.cycle = t.cycle AND g.guard = u.guard ORDER BY u.ord) AS conditions,
       t.who, t.note,
       ARRAY(SELECT g.means FROM unnest(t.guards) WITH ORDINALITY AS u(guard, ord)
               JOIN bus.cycle_guard g ON g.cycle = t.cycle AND g.guard = u.guard AND g.is_firm ORDER BY u.ord) AS firm,
       -- As bus.decide has it.
       CASE WHEN e.nature = 'fact' THEN coalesce(nullif(e.forced_to, ''), CASE WHEN e.forced_to IS NULL THEN
           (SELECT min(x.to_state) FROM bus.transition x
             WHERE x.cycle = t.cycle AND x.event = t.event HAVING min(x.to_state) = max(x.to_state)) END) END AS forced_to
  FROM bus.transition t
  JOIN bus.cycle_event e USING (cycle, event)
  JOIN bus.cycle_state s ON s.cycle = t.cycle AND s.state = t.to_state;
COMMENT ON VIEW eoc.transition IS 'every legal move of every life cycle: what is not here is refused, or contested if it has happened';
COMMENT ON COLUMN eoc.transition.from_state IS 'empty: the thing does not exist yet';
COMMENT ON COLUMN eoc.transition.is_open IS 'false: to_state is an end';
COMMENT ON COLUMN eoc.transition.nature IS 'fact: it has happened, and is contested at worst; promise: it is refused if it cannot be kept';
COMMENT ON COLUMN eoc.transition.said_by IS 'the message that says it';
COMMENT ON COLUMN eoc.transition.conditions IS 'all have to hold, looked at in this order';
COMMENT ON COLUMN eoc.transition.firm IS 'those of the conditions that not even a person gets past who applies it all the same';
COMMENT ON COLUMN eoc.transition.forced_to IS
    'of a fact: where it leads from a state that has no row for it, if a person applies it; null: the thing stays as it is';
COMMENT ON COLUMN eoc.transition.who IS 'roles that usually say it; rights decide who may';

CREATE VIEW eoc.moved AS
SELECT m.step, m.seq, m.at, m.cycle, m.entity, m.part, m.event, m.from_state, m.to_state, p.name AS by, t.name AS type,
       m.message_id
  FROM bus.moved m
  LEFT JOIN bus.principal p USING (principal_id)
  LEFT JOIN bus.type t ON t.number = m.type;
COMMENT ON VIEW eoc.moved IS 'every move of every life cycle, in the order of `step`';
COMMENT ON COLUMN eoc.moved.step IS 'order in which moves were decided; what was held moves later than its number says';
COMMENT ON COLUMN eoc.moved.seq IS 'number of the message that moved it';
COMMENT ON COLUMN eoc.moved.at IS 'when it happened, by that message';
COMMENT ON COLUMN eoc.moved.part IS 'line of a request; 0 where a thing has no parts';
COMMENT ON COLUMN eoc.moved.by IS 'who said that message: its author, or else its sender';

CREATE VIEW eoc.undecided AS
SELECT u.seq, u.verdict, u.cycle, t.name AS type, coalesce(nullif(d.doc->>'author', ''), p.name) AS sender, d.places, u.since, now() - u.since AS age, u.code,
       u.text AS why, u.waits_for, u.entity,
       CASE WHEN u.waits_for IS NOT NULL THEN 'the arrival of ' || u.waits_for || ', or a decision'
            ELSE 'a decision: APPLIED or DISMISSED' END AS settled_by,
       u.message_id, (ARRAY['ACTUAL', 'EXERCISE', 'SYSTEM', 'TEST'])[d.status] AS status,
       (ARRAY['PUBLIC', 'INTERNAL', 'RESTRICTED', 'HOUSEHOLD_PERSONAL'])[CASE d.sender_id WHEN 0 THEN 2 ELSE coalesce(nullif(d.marks >> 4, 0), 4) END] AS label
  FROM (SELECT h.seq, 'HELD' AS verdict, h.cycle, h.type, h.since, h.code, h.text, h.waits_for, NULL::uuid AS entity,
               h.message_id
          FROM bus.held h WHERE h.settled_as IS NULL
        UNION ALL
        SELECT c.seq, 'CONTESTED', c.cycle, c.type, c.since, c.code, c.text, NULL, c.entity, c.message_id
          FROM bus.contested c WHERE c.settled_as IS NULL) AS u
  JOIN bus.document d ON d.type = u.type AND d.seq = u.seq
  LEFT JOIN bus.principal p ON p.principal_id = d.sender_id
  LEFT JOIN bus.type t ON t.number = u.type;
COMMENT ON VIEW eoc.undecided IS 'messages that are held or contested: somebody has to look';
COMMENT ON COLUMN eoc.undecided.sender IS 'who said it: the author, where several speak through one sender';
COMMENT ON COLUMN eoc.undecided.waits_for IS 'id of the message or thing that has to come first';
COMMENT ON COLUMN eoc.undecided.entity IS 'id of what a contested message is about';
COMMENT ON COLUMN eoc.undecided.settled_by IS 'what would settle it; a decision is a message `decision` with this message_id';
COMMENT ON COLUMN eoc.undecided.label IS 'what is decided about it is no less confidential';
GRANT SELECT ON eoc.transition, eoc.moved, eoc.undecided TO bus_reader, bus_admin;
