-- 0032 whose plot: one plot a household, given back when it leaves, and a way for every fact that a person applies.
--
-- What was seen wrong: a household that lived on a plot could be offered a second one, and one that moved away kept
-- its plot; a departure heard after the offer had run out lost a plot that was free; facts that lead to more than
-- one state could only be dismissed; a case closed by mistake stayed closed.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.cycle_event ADD forced_to text;
COMMENT ON COLUMN bus.cycle_event.forced_to IS
    'where a contested fact leads that a person applies, from a state that has no row for it: a state; empty: it stays '
    'where it is and the fact is kept; null: where the event leads from elsewhere, if that is one state';
ALTER TABLE bus.cycle_guard ADD is_firm bool NOT NULL DEFAULT false;
COMMENT ON COLUMN bus.cycle_guard.is_firm IS 'not even a person who applies it all the same gets past it';

ALTER TABLE bus.household ADD origin text NOT NULL DEFAULT '';
COMMENT ON COLUMN bus.household.origin IS 'P-code where it was listed first';
UPDATE bus.household SET origin = places;

ALTER TABLE bus.site ADD said int4 NOT NULL DEFAULT 0;
COMMENT ON COLUMN bus.site.said IS 'plots given away, by the newest word of the owner of the land; ours may be among them';
ALTER TABLE bus.plot ADD is_elsewhere bool NOT NULL DEFAULT false;
COMMENT ON COLUMN bus.plot.is_elsewhere IS 'the owner of the land says that it is given, and no offer of this log holds it';
ALTER TABLE bus.entitlement ADD is_void bool NOT NULL DEFAULT false;
COMMENT ON COLUMN bus.entitlement.is_void IS 'taken back by the agency that gave it';

-- Not of the log: what is refused has no number. Only used to say, as the bus, that something waits in vain.
CREATE TABLE bus.refused_offer (
    offer_id   uuid PRIMARY KEY,
    refused_at timestamptz NOT NULL
);
COMMENT ON TABLE bus.refused_offer IS 'offers that never came to be: answers to them wait in vain';
ALTER TABLE bus.refused_offer ENABLE ROW LEVEL SECURITY;
ALTER TABLE bus.refused_offer FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON bus.refused_offer TO bus_owner USING (true) WITH CHECK (true);
CREATE POLICY whole ON bus.refused_offer FOR SELECT TO bus_admin, bus_audit USING (true);

-- One plot a household, whether promised or lived on. Of two, it keeps the newest.
WITH older AS (
    SELECT x.offer_id, x.site_id, x.status, x.holds
      FROM (SELECT o.*, row_number() OVER (PARTITION BY o.household_id ORDER BY o.made_seq DESC) AS place
              FROM bus.offer o WHERE o.holds IS NOT NULL) AS x
     WHERE x.place > 1
), freed AS (
    UPDATE bus.offer o SET holds = NULL, state = 'GIVEN_BACK' FROM older x WHERE o.offer_id = x.offer_id
)
UPDATE bus.site s
   SET reserved = s.reserved - x.reserved, allocated = s.allocated - x.allocated, occupied = s.occupied - x.occupied
  FROM (SELECT site_id, status, count(*) FILTER (WHERE holds = 'reserved') AS reserved,
               count(*) FILTER (WHERE holds = 'allocated') AS allocated, count(*) FILTER (WHERE holds = 'occupied') AS occupied
          FROM older GROUP BY site_id, status) AS x
 WHERE (s.site_id, s.status) = (x.site_id, x.status);
DROP INDEX bus.offer_one;
CREATE UNIQUE INDEX offer_one ON bus.offer (household_id) WHERE holds IS NOT NULL;

-- The rules: households ----------------------------------------------------------------------------

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('household', 'LEAVE', 'fact', 'HouseholdEvent closed, MOVED_AWAY or HOUSE_REPAIRED'),
('offer',     'LEAVE', 'fact', 'HouseholdEvent closed, MOVED_AWAY or HOUSE_REPAIRED');

-- A person who applies a fact keeps it on record; the household goes where it is by that fact, or stays.
UPDATE bus.cycle_event SET forced_to = '' WHERE cycle = 'household'
   AND event IN ('AFFECT', 'ASSESS', 'FIND_ELIGIBLE', 'PREFER', 'GRANT_APPEAL', 'DELIVER', 'FOLLOW_UP', 'DECLINE',
                 'CHANGE_OF_MIND');
UPDATE bus.cycle_event e SET forced_to = x.to_state
  FROM (VALUES ('DEPART', 'MOVING'), ('ARRIVE', 'MOVED'), ('RETURN', 'RETURNED')) AS x(event, to_state)
 WHERE e.cycle = 'household' AND e.event = x.event;
UPDATE bus.cycle_event SET forced_to = '' WHERE cycle = 'offer' AND event IN ('DECLINE', 'CHANGE_OF_MIND');

INSERT INTO bus.cycle_guard (cycle, guard, code, means) VALUES
('household', 'agrees',      'contradiction', 'the act says the same by `eligible` and by `to_state`'),
('household', 'said_yes',    'not_accepted',  'it had accepted the offer, which ran out before it was heard of'),
('household', 'lives_there', 'not_there',     'it holds a plot that it moved into'),
('offer',     'maker',       'agency',        'it is the agency that made the offer, or, to revoke it, the one that gives the land');
UPDATE bus.cycle_guard SET means = 'it holds no plot, neither promised nor lived on' WHERE (cycle, guard) = ('household', 'no_offer');
UPDATE bus.cycle_guard SET is_firm = true
 WHERE (cycle, guard) IN (('household', 'no_offer'), ('household', 'other_record'), ('offer', 'plot_free'), ('offer', 'site_room'));

UPDATE bus.transition SET guards = '{two_signed,agrees}' WHERE cycle = 'household' AND event IN ('FIND_ELIGIBLE', 'FIND_INELIGIBLE');
UPDATE bus.transition SET guards = '{}', note = 'to where it stood, unless it was found eligible'
 WHERE cycle = 'household' AND event = 'REOPEN' AND from_state IN ('CLOSED', 'WITHDRAWN');

INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note) VALUES
('household', 'ELIGIBLE',   'FIND_ELIGIBLE',   'ELIGIBLE',   '{two_signed,agrees}', '{registry}', 'a later act replaces the earlier'),
('household', 'ELIGIBLE',   'FIND_INELIGIBLE', 'INELIGIBLE', '{two_signed,agrees}', '{registry}', 'a later act replaces the earlier'),
('household', 'DECLINED',   'FIND_INELIGIBLE', 'INELIGIBLE', '{two_signed,agrees}', '{registry}', 'a later act replaces the earlier'),
('household', 'INELIGIBLE', 'FIND_INELIGIBLE', 'INELIGIBLE', '{two_signed,agrees}', '{registry}', 'looked at again'),
('household', 'ELIGIBLE',   'IMPROVE', 'OFFERED',  '{eligible,no_offer,this_offer}', '{registry}', 'the plot it declined, a better package'),
('household', 'DECLINED',   'REVOKE',  'ELIGIBLE', '{this_offer}', '{registry}', ''),
('household', 'ELIGIBLE',   'DEPART',  'MOVING',   '{said_yes}', '{registry}', 'heard after the offer ran out; takes a plot again if one is free'),
('household', 'ELIGIBLE',   'ARRIVE',  'MOVED',    '{said_yes}', '{registry}', 'heard after the offer ran out; takes a plot again if one is free'),
('household', 'MOVED',      'DEPART',  'MOVED',    '{}', '{registry}', 'heard after the arrival'),
('household', 'SETTLED',    'DEPART',  'SETTLED',  '{}', '{registry}', 'heard after the arrival'),
('household', 'SETTLED',    'ARRIVE',  'SETTLED',  '{}', '{registry}', 'who comes later'),
-- Struck again at the new place, or the case was opened again: it goes back, and may be offered another plot.
('household', 'AFFECTED',   'RETURN',  'AFFECTED',   '{lives_there}', '{registry}', 'gives its plot back'),
('household', 'ASSESSED',   'RETURN',  'ASSESSED',   '{lives_there}', '{registry}', 'gives its plot back'),
('household', 'ASSISTED',   'RETURN',  'ASSISTED',   '{lives_there}', '{registry}', 'gives its plot back'),
('household', 'ELIGIBLE',   'RETURN',  'ELIGIBLE',   '{lives_there}', '{registry}', 'gives its plot back'),
('household', 'INELIGIBLE', 'RETURN',  'INELIGIBLE', '{lives_there}', '{registry}', 'gives its plot back'),
('household', 'CLOSED',     'RETURN',  'RETURNED',   '{lives_there}', '{registry}', 'gives its plot back; the case is open again');
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'household', s.state, 'LEAVE', 'CLOSED', '{}', '{registry}', 'whatever plot it has is free'
  FROM bus.cycle_state s WHERE s.cycle = 'household' AND s.is_open;

-- The rules: offers --------------------------------------------------------------------------------

UPDATE bus.transition SET guards = array_prepend('maker', guards) WHERE cycle = 'offer' AND event IN ('IMPROVE', 'REVOKE');
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note) VALUES
('offer', 'OPEN',     'LEAVE',  'LAPSED',     '{}', '{}', 'frees the plot'),
('offer', 'ACCEPTED', 'LEAVE',  'LAPSED',     '{}', '{}', 'frees the plot'),
('offer', 'DECLINED', 'LEAVE',  'LAPSED',     '{}', '{}', ''),
('offer', 'TAKEN',    'LEAVE',  'GIVEN_BACK', '{}', '{}', 'who moved away keeps no plot'),
('offer', 'OPEN',     'DEPART', 'TAKEN',      '{}', '{registry}', 'nobody reported the yes'),
('offer', 'OPEN',     'ARRIVE', 'TAKEN',      '{}', '{registry}', 'nobody reported the yes'),
('offer', 'OPEN',     'RETURN', 'GIVEN_BACK', '{}', '{registry}', 'frees the plot'),
('offer', 'ACCEPTED', 'RETURN', 'GIVEN_BACK', '{}', '{registry}', 'frees the plot');
-- Heard late: the plot had been freed, and is taken again if nobody else has it.
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'offer', s.state, e.event, 'TAKEN', '{plot_free,site_room}', '{registry}', 'heard late: takes a plot again if one is free'
  FROM bus.cycle_state s, (VALUES ('DEPART'), ('ARRIVE')) AS e(event)
 WHERE s.cycle = 'offer' AND s.state IN ('DECLINED', 'REVOKED', 'EXPIRED', 'LAPSED', 'GIVEN_BACK');

RESET ROLE;
