-- 0043 line_parts: parts of a line that are released or come home, what is taken back of a report, and who brings what
-- nobody asked for.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.line
    ADD COLUMN arrived_own numeric NOT NULL DEFAULT 0, ADD COLUMN arrived_seen numeric NOT NULL DEFAULT 0,
    ADD COLUMN released numeric NOT NULL DEFAULT 0, ADD COLUMN released_away numeric NOT NULL DEFAULT 0,
    ADD COLUMN back numeric NOT NULL DEFAULT 0, ADD COLUMN spent_from text NOT NULL DEFAULT '';
COMMENT ON COLUMN bus.line.arrived IS 'so much of the quantity is there: what its supplier says, or what others see, whichever is more';
COMMENT ON COLUMN bus.line.arrived_own IS 'sum of what its supplier says has arrived';
COMMENT ON COLUMN bus.line.arrived_seen IS 'sum of what others say';
COMMENT ON COLUMN bus.line.released IS 'so much of the quantity was released in parts, before all of it was';
COMMENT ON COLUMN bus.line.released_away IS 'of `released`, so much before it arrived';
COMMENT ON COLUMN bus.line.back IS 'so much of the quantity is home';
COMMENT ON COLUMN bus.line.spent_from IS 'state before all of it was lost or used up; empty = it was not';
UPDATE bus.line SET arrived_own = arrived WHERE arrived > 0;

ALTER TABLE bus.line_message ADD COLUMN counted numeric, ADD COLUMN counted_away numeric;
COMMENT ON COLUMN bus.line_message.counted IS 'what it added to the sum of its event: arrived, lost, home; taken off again if it is taken back';
COMMENT ON COLUMN bus.line_message.counted_away IS 'of a loss, so much before it arrived';

ALTER TABLE bus.rested_on DROP CONSTRAINT rested_on_what_check,
    ADD CONSTRAINT rested_on_what_check CHECK (what IN ('right', 'turn', 'sees', 'ladder', 'flap', 'decides', 'supplier'));
COMMENT ON COLUMN bus.rested_on.what IS 'right: its sender had the right to speak of these places then; sees: to report of them; decides: to decide there; turn: others waited before it; ladder: whom it asked, as the rules were then; flap: it went on with an alarm that had been cleared; supplier: which of its addressees was one';

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('line', 'RELEASE_PART',       'promise', 'ReleaseResource of less than there is'),
('line', 'RETURN_PART',        'fact',    'ReportResourceDeploymentStatus with ActualReturnArrival, of less than is out'),
('line', 'RETURN_DEPART_PART', 'fact',    'ReportResourceDeploymentStatus with ActualReturnDeparture, of what was released of it'),
('line', 'UNCOUNT',            'fact',    'ReportResourceDeploymentStatus with recall CANCEL, of a number that was lost, is home, or is one of several that arrived'),
('line', 'UNSPEND',            'fact',    'ReportResourceDeploymentStatus with recall CANCEL: it was not lost where it was needed'),
('line', 'UNSPEND_ON_ROAD',    'fact',    'ReportResourceDeploymentStatus with recall CANCEL: it was not lost on the road'),
('line', 'UNSPEND_AT_HOME',    'fact',    'ReportResourceDeploymentStatus with recall CANCEL: it was not lost before it left'),
('line', 'UNSPEND_RELEASED',   'fact',    'ReportResourceDeploymentStatus with recall CANCEL: it was not lost on the way home');
INSERT INTO bus.cycle_guard (cycle, guard, code, means) VALUES
('line', 'promised', 'not_promised', 'its supplier has promised it'),
('line', 'released', 'not_released', 'so much of it is released, and not home yet');

-- A part is counted, and the line moves when the sum is all of it.
UPDATE bus.transition SET guards = array_remove(guards, 'whole') WHERE cycle = 'line' AND event = 'RELEASE';
DELETE FROM bus.cycle_guard WHERE cycle = 'line' AND guard = 'whole';
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'line', t.from_state, 'RELEASE_PART', t.from_state, t.guards || '{some}', t.who, 'the rest stays'
  FROM bus.transition t WHERE t.cycle = 'line' AND t.event = 'RELEASE';
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'line', s, 'RETURN_PART', s, '{side}'::text[], '{supplier}'::text[], 'the rest is still out'
  FROM unnest('{RELEASING,RELEASED,RETURNING}'::text[]) AS s
UNION ALL SELECT 'line', s, e, s, '{side,released}', '{supplier,district}', 'the rest stays'
  FROM unnest('{EN_ROUTE,ON_SCENE,EXTENSION_REQUESTED,RETURN_REQUESTED}'::text[]) AS s, unnest('{RETURN_PART,RETURN_DEPART_PART}'::text[]) AS e;

-- What was reported is taken back by its own sender.
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'line', p.state, 'UNCOUNT', p.state, '{side}'::text[], '{supplier,district}'::text[], 'counted no more'
  FROM bus.line_phase p WHERE p.counts AND p.phase <> 'over'
UNION ALL SELECT 'line', 'SPENT', e, s, '{side,last,free}', '{supplier,district}', 'it is where it was'
  FROM (VALUES ('UNSPEND', 'ON_SCENE'), ('UNSPEND_ON_ROAD', 'EN_ROUTE'), ('UNSPEND_AT_HOME', 'COMMITTED'), ('UNSPEND_RELEASED', 'RELEASED')) AS v(e, s);

-- It comes, and nobody has promised it: a person who applies the report puts it on the board.
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'line', p.state, v.event, v.to_state, '{side,promised}'::text[], '{supplier,district}'::text[], 'applied by a person only'
  FROM bus.line_phase p CROSS JOIN (VALUES ('DEPART', 'EN_ROUTE'), ('ARRIVE', 'ON_SCENE')) AS v(event, to_state) WHERE NOT p.counts;

-- Of a line that is somewhere else by now these are late, and move nothing, whoever applies them.
UPDATE bus.cycle_event SET forced_to = '' WHERE cycle = 'line' AND event IN ('DEPART', 'UNCOUNT', 'UNSPEND', 'UNSPEND_ON_ROAD', 'UNSPEND_AT_HOME', 'UNSPEND_RELEASED');

UPDATE bus.cycle_event SET means = 'the same message with recall CANCEL, by its sender, another office of its agency, or who decides there' WHERE cycle IN ('line', 'request') AND event = 'CANCEL';

RESET ROLE;
