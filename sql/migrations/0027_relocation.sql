-- 0027 relocation: where each household, offer and site stands, and the rules of their life cycles.
--
-- The tables say what the log has led to; sql/functions/ledger_household.sql and ledger_offer.sql write them
-- when a message is stored. A household is a random id here; there is no name to be had.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.household (
    household_id uuid PRIMARY KEY,
    seq          int8 NOT NULL,
    first_seq    int8 NOT NULL,
    since        timestamptz NOT NULL,
    affected_at  timestamptz NOT NULL,
    fed_until    timestamptz,
    offer_id     uuid,
    incident_id  uuid,
    duplicate_of uuid,
    sender_id    int4 NOT NULL,
    harms        int4 NOT NULL DEFAULT 1,
    members      int4,
    children     int4,
    type         int2 NOT NULL DEFAULT 220,
    status       int2 NOT NULL,
    is_eligible  bool,
    state        text NOT NULL,
    places       text NOT NULL,
    house        text,
    zone_verdict text
);
COMMENT ON TABLE bus.household IS 'where each household stands';
COMMENT ON COLUMN bus.household.seq IS 'number of the message that moved it last';
COMMENT ON COLUMN bus.household.since IS 'event time of that message';
COMMENT ON COLUMN bus.household.fed_until IS 'until when rations handed out last; null: none were';
COMMENT ON COLUMN bus.household.offer_id IS 'newest offer, whatever became of it';
COMMENT ON COLUMN bus.household.sender_id IS 'office that listed it';
COMMENT ON COLUMN bus.household.harms IS 'how many times it was listed as affected';
COMMENT ON COLUMN bus.household.is_eligible IS 'for a plot, as the commission said; null: it has not';
COMMENT ON COLUMN bus.household.places IS 'P-code of its jamoat or district';
CREATE INDEX household_place ON bus.household (places, state);
CREATE INDEX household_incident ON bus.household (incident_id);
CREATE INDEX household_fed ON bus.household (fed_until) WHERE fed_until IS NOT NULL;

-- Plots are counted by site and status: an exercise has sites of its own.
CREATE TABLE bus.site (
    site_id     text NOT NULL,
    status      int2 NOT NULL,
    seq         int8 NOT NULL,
    declared_at timestamptz NOT NULL,
    sender_id   int4 NOT NULL,
    capacity    int4 NOT NULL,
    reserved    int4 NOT NULL DEFAULT 0,
    allocated   int4 NOT NULL DEFAULT 0,
    occupied    int4 NOT NULL DEFAULT 0,
    blocked     int4 NOT NULL DEFAULT 0,
    elsewhere   int4 NOT NULL DEFAULT 0,
    type        int2 NOT NULL DEFAULT 224,
    is_safe     bool,
    places      text NOT NULL,
    name        text NOT NULL,
    PRIMARY KEY (site_id, status),
    CHECK (least(reserved, allocated, occupied, blocked, elsewhere) >= 0),
    CHECK (reserved + allocated + occupied + blocked + elsewhere <= capacity)
);
COMMENT ON TABLE bus.site IS 'places that take families; never more plots are promised than there are';
COMMENT ON COLUMN bus.site.reserved IS 'offered by messages of this log, and not answered yet';
COMMENT ON COLUMN bus.site.allocated IS 'accepted';
COMMENT ON COLUMN bus.site.occupied IS 'moved into';
COMMENT ON COLUMN bus.site.blocked IS 'cannot be given now, as the owner of the land says';
COMMENT ON COLUMN bus.site.elsewhere IS 'given away without this log, as the owner of the land says';
COMMENT ON COLUMN bus.site.is_safe IS 'the hazard check was made; nothing is offered without it';

CREATE TABLE bus.plot (
    site_id    text NOT NULL,
    status     int2 NOT NULL,
    plot_id    text NOT NULL,
    area_m2    int4 NOT NULL,
    said_state text NOT NULL,
    PRIMARY KEY (site_id, status, plot_id),
    FOREIGN KEY (site_id, status) REFERENCES bus.site ON DELETE CASCADE
);
COMMENT ON TABLE bus.plot IS 'plots one by one, where they have numbers; bus.offer says who has which';
COMMENT ON COLUMN bus.plot.said_state IS 'as the owner of the land said last';

CREATE TABLE bus.offer (
    offer_id     uuid PRIMARY KEY,
    household_id uuid NOT NULL,
    seq          int8 NOT NULL,
    made_seq     int8 NOT NULL,
    made_at      timestamptz NOT NULL,
    since        timestamptz NOT NULL,
    valid_until  timestamptz NOT NULL,
    sender_id    int4 NOT NULL,
    times        int4 NOT NULL DEFAULT 1,
    area_m2      int4,
    type         int2 NOT NULL DEFAULT 225,
    status       int2 NOT NULL,
    state        text NOT NULL,
    site_id      text NOT NULL,
    plot_id      text NOT NULL,
    places       text NOT NULL,
    site_places  text NOT NULL,
    holds        text CHECK (holds IN ('reserved', 'allocated', 'occupied')),
    reasons      text[]
);
COMMENT ON TABLE bus.offer IS 'every offer of a plot and where it stands';
COMMENT ON COLUMN bus.offer.times IS 'made once, and improved so many times less one';
COMMENT ON COLUMN bus.offer.places IS 'of the household';
COMMENT ON COLUMN bus.offer.holds IS 'how it counts at its site; null: it holds no plot any more';
COMMENT ON COLUMN bus.offer.reasons IS 'why it was declined';
CREATE INDEX offer_household ON bus.offer (household_id);
CREATE UNIQUE INDEX offer_one ON bus.offer (household_id) WHERE holds IN ('reserved', 'allocated');
CREATE UNIQUE INDEX offer_plot ON bus.offer (site_id, status, plot_id) WHERE holds IS NOT NULL AND plot_id <> '';

CREATE TABLE bus.entitlement (
    entitlement_id uuid PRIMARY KEY,
    household_id   uuid NOT NULL,
    seq            int8 NOT NULL,
    from_at        timestamptz NOT NULL,
    to_at          timestamptz,
    ration_days    int4 NOT NULL,
    sender_id      int4 NOT NULL,
    type           int2 NOT NULL DEFAULT 222,
    status         int2 NOT NULL,
    item           text NOT NULL,
    provider       text NOT NULL,
    places         text NOT NULL
);
COMMENT ON TABLE bus.entitlement IS 'what households are to get';
CREATE INDEX entitlement_household ON bus.entitlement (household_id);

CREATE TABLE bus.delivery (
    seq            int8 PRIMARY KEY,
    household_id   uuid NOT NULL,
    entitlement_id uuid,
    from_at        timestamptz NOT NULL,
    ration_days    int4 NOT NULL,
    sender_id      int4 NOT NULL,
    type           int2 NOT NULL DEFAULT 223,
    status         int2 NOT NULL,
    item           text NOT NULL,
    places         text NOT NULL
);
COMMENT ON TABLE bus.delivery IS 'what households got; contested ones are not in it';
CREATE INDEX delivery_household ON bus.delivery (household_id, from_at);

DO $$
DECLARE
    t regclass;
BEGIN
    FOREACH t IN ARRAY ARRAY['bus.household', 'bus.site', 'bus.plot', 'bus.offer', 'bus.entitlement',
                             'bus.delivery']::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner ON %s TO bus_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY whole ON %s FOR SELECT TO bus_admin, bus_audit USING (true)', t);
    END LOOP;
END
$$;

-- The rules: households ----------------------------------------------------------------------------

INSERT INTO bus.cycle_state (cycle, state, is_open, means) VALUES
('household', 'AFFECTED',   true,  'listed: the night did it harm'),
('household', 'ASSESSED',   true,  'the commission was there'),
('household', 'ASSISTED',   true,  'assessed, and something was handed out'),
('household', 'ELIGIBLE',   true,  'may be offered a plot'),
('household', 'INELIGIBLE', true,  'may not; it can appeal'),
('household', 'OFFERED',    true,  'has an offer that it has not answered'),
('household', 'DECLINED',   true,  'said no; it stays eligible'),
('household', 'ACCEPTED',   true,  'said yes'),
('household', 'MOVING',     true,  'on the road'),
('household', 'MOVED',      true,  'arrived'),
('household', 'SETTLED',    true,  'lives there: looked at after 30, 90, 180 days'),
('household', 'RETURNED',   true,  'went back'),
('household', 'CLOSED',     false, 'the case is over'),
('household', 'WITHDRAWN',  false, 'the household wished so'),
('household', 'DUPLICATE',  false, 'is the same household as another record');

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('household', 'AFFECT',          'fact',    'HouseholdEvent affected'),
('household', 'ASSESS',          'fact',    'HouseholdEvent assessed'),
('household', 'FIND_ELIGIBLE',   'fact',    'HouseholdEvent assessed, to ELIGIBLE'),
('household', 'FIND_INELIGIBLE', 'fact',    'HouseholdEvent assessed, to INELIGIBLE'),
('household', 'PREFER',          'fact',    'HouseholdEvent preferences'),
('household', 'GRANT_APPEAL',    'fact',    'HouseholdEvent request, an appeal with the outcome GRANTED'),
('household', 'DELIVER',         'fact',    'AssistanceDelivery'),
('household', 'ENTITLE',         'promise', 'AssistanceEntitlement'),
('household', 'OFFER',           'promise', 'PlotOffer MAKE'),
('household', 'IMPROVE',         'promise', 'PlotOffer IMPROVE'),
('household', 'REVOKE',          'promise', 'PlotOffer REVOKE'),
('household', 'EXPIRE',          'promise', 'PlotOffer EXPIRE, from the bus'),
('household', 'ACCEPT',          'promise', 'OfferResponse ACCEPT'),
('household', 'DECLINE',         'fact',    'OfferResponse DECLINE'),
('household', 'CHANGE_OF_MIND',  'fact',    'OfferResponse CHANGE_OF_MIND'),
('household', 'DEPART',          'fact',    'MoveEvent DEPARTED'),
('household', 'ARRIVE',          'fact',    'MoveEvent ARRIVED'),
('household', 'RETURN',          'fact',    'MoveEvent RETURNED'),
('household', 'FOLLOW_UP',       'fact',    'HouseholdEvent follow_up'),
('household', 'CLOSE',           'fact',    'HouseholdEvent closed'),
('household', 'WITHDRAW',        'fact',    'HouseholdEvent closed, WISH'),
('household', 'REOPEN',          'promise', 'HouseholdEvent closed, REOPENED'),
('household', 'MERGE',           'promise', 'HouseholdEvent duplicate');

INSERT INTO bus.cycle_guard (cycle, guard, code, means) VALUES
('household', 'eligible',     'not_eligible', 'a commission found it eligible for a plot'),
('household', 'no_offer',     'offer_open',   'it has no other offer that is open or accepted'),
('household', 'this_offer',   'offer',        'the message is about the offer that it has'),
('household', 'two_signed',   'signatories',  'two officials signed the act'),
('household', 'within',       'over_entitlement', 'no more days are handed out than the entitlement has'),
('household', 'other_record', 'duplicate_of', 'the record that stays exists, is another one, and no duplicate itself');

INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note) VALUES
('household', '',           'AFFECT', 'AFFECTED', '{}', '{district,registry}', ''),
-- Harm again: who had been helped out of it is looked at again, who is on the way goes on.
('household', 'AFFECTED',   'AFFECT', 'AFFECTED', '{}', '{district,registry}', 'listed again: one household, one case'),
('household', 'ASSESSED',   'AFFECT', 'AFFECTED', '{}', '{district,registry}', 'new harm has to be assessed'),
('household', 'ASSISTED',   'AFFECT', 'AFFECTED', '{}', '{district,registry}', 'new harm has to be assessed'),
('household', 'ELIGIBLE',   'AFFECT', 'ELIGIBLE', '{}', '{district,registry}', ''),
('household', 'INELIGIBLE', 'AFFECT', 'AFFECTED', '{}', '{district,registry}', 'new harm, new verdict'),
('household', 'OFFERED',    'AFFECT', 'OFFERED',  '{}', '{district,registry}', ''),
('household', 'DECLINED',   'AFFECT', 'DECLINED', '{}', '{district,registry}', ''),
('household', 'ACCEPTED',   'AFFECT', 'ACCEPTED', '{}', '{district,registry}', ''),
('household', 'MOVING',     'AFFECT', 'MOVING',   '{}', '{district,registry}', ''),
('household', 'MOVED',      'AFFECT', 'AFFECTED', '{}', '{district,registry}', 'the new place was struck'),
('household', 'SETTLED',    'AFFECT', 'AFFECTED', '{}', '{district,registry}', 'the new place was struck'),
('household', 'RETURNED',   'AFFECT', 'AFFECTED', '{}', '{district,registry}', ''),
('household', 'CLOSED',     'AFFECT', 'AFFECTED', '{}', '{district,registry}', ''),
('household', 'WITHDRAWN',  'AFFECT', 'AFFECTED', '{}', '{district,registry}', ''),

('household', 'AFFECTED',   'ASSESS', 'ASSESSED', '{two_signed}', '{registry}', ''),
('household', 'ASSESSED',   'ASSESS', 'ASSESSED', '{two_signed}', '{registry}', 'a later act replaces the earlier'),
('household', 'ASSISTED',   'ASSESS', 'ASSISTED', '{two_signed}', '{registry}', 'a later act replaces the earlier'),
('household', 'INELIGIBLE', 'ASSESS', 'ASSESSED', '{two_signed}', '{registry}', 'looked at again'),
('household', 'AFFECTED',   'FIND_ELIGIBLE', 'ELIGIBLE', '{two_signed}', '{registry}', ''),
('household', 'ASSESSED',   'FIND_ELIGIBLE', 'ELIGIBLE', '{two_signed}', '{registry}', ''),
('household', 'ASSISTED',   'FIND_ELIGIBLE', 'ELIGIBLE', '{two_signed}', '{registry}', ''),
('household', 'INELIGIBLE', 'FIND_ELIGIBLE', 'ELIGIBLE', '{two_signed}', '{registry}', 'looked at again'),
('household', 'AFFECTED',   'FIND_INELIGIBLE', 'INELIGIBLE', '{two_signed}', '{registry}', ''),
('household', 'ASSESSED',   'FIND_INELIGIBLE', 'INELIGIBLE', '{two_signed}', '{registry}', ''),
('household', 'ASSISTED',   'FIND_INELIGIBLE', 'INELIGIBLE', '{two_signed}', '{registry}', ''),
('household', 'INELIGIBLE', 'GRANT_APPEAL', 'ASSESSED', '{}', '{registry}', 'the commission comes again'),

('household', 'ASSESSED',   'PREFER', 'ELIGIBLE', '{eligible}', '{registry}', ''),
('household', 'ASSISTED',   'PREFER', 'ELIGIBLE', '{eligible}', '{registry}', ''),
('household', 'ELIGIBLE',   'PREFER', 'ELIGIBLE', '{}', '{registry}', ''),
('household', 'OFFERED',    'PREFER', 'OFFERED',  '{}', '{registry}', 'for the next offer'),
('household', 'DECLINED',   'PREFER', 'ELIGIBLE', '{}', '{registry}', 'says what would suit better'),

-- Emergency help asks for no act. What is handed out never moves who is further on the way.
('household', 'AFFECTED',   'DELIVER', 'AFFECTED',   '{within}', '{registry,district}', 'emergency help'),
('household', 'ASSESSED',   'DELIVER', 'ASSISTED',   '{within}', '{registry,district}', ''),
('household', 'ASSISTED',   'DELIVER', 'ASSISTED',   '{within}', '{registry,district}', ''),
('household', 'ELIGIBLE',   'DELIVER', 'ELIGIBLE',   '{within}', '{registry,district}', ''),
('household', 'INELIGIBLE', 'DELIVER', 'INELIGIBLE', '{within}', '{registry,district}', ''),
('household', 'OFFERED',    'DELIVER', 'OFFERED',    '{within}', '{registry,district}', ''),
('household', 'DECLINED',   'DELIVER', 'DECLINED',   '{within}', '{registry,district}', ''),
('household', 'ACCEPTED',   'DELIVER', 'ACCEPTED',   '{within}', '{registry,district}', ''),
('household', 'MOVING',     'DELIVER', 'MOVING',     '{within}', '{registry,district}', ''),
('household', 'MOVED',      'DELIVER', 'MOVED',      '{within}', '{registry,district}', ''),
('household', 'SETTLED',    'DELIVER', 'SETTLED',    '{within}', '{registry,district}', ''),
('household', 'RETURNED',   'DELIVER', 'RETURNED',   '{within}', '{registry,district}', ''),

('household', 'ELIGIBLE',   'OFFER',   'OFFERED',  '{eligible,no_offer}', '{registry}', ''),
('household', 'DECLINED',   'OFFER',   'OFFERED',  '{eligible,no_offer}', '{registry}', 'a decline does not end eligibility'),
('household', 'OFFERED',    'IMPROVE', 'OFFERED',  '{this_offer}', '{registry}', ''),
('household', 'DECLINED',   'IMPROVE', 'OFFERED',  '{eligible,no_offer}', '{registry}', 'the same plot, a better package'),
('household', 'OFFERED',    'REVOKE',  'ELIGIBLE', '{this_offer}', '{registry}', ''),
('household', 'ACCEPTED',   'REVOKE',  'ELIGIBLE', '{this_offer}', '{registry}', ''),
('household', 'OFFERED',    'EXPIRE',  'ELIGIBLE', '{this_offer}', '{}', 'the bus says it when valid_until is over'),
('household', 'ACCEPTED',   'EXPIRE',  'ELIGIBLE', '{this_offer}', '{}', 'accepted, and never moved'),
('household', 'OFFERED',    'ACCEPT',  'ACCEPTED', '{this_offer}', '{registry}', ''),
('household', 'OFFERED',    'DECLINE', 'DECLINED', '{this_offer}', '{registry}', ''),
('household', 'ACCEPTED',   'DECLINE', 'DECLINED', '{this_offer}', '{registry}', ''),
('household', 'ACCEPTED',   'CHANGE_OF_MIND', 'DECLINED', '{this_offer}', '{registry}', ''),

('household', 'ACCEPTED',   'DEPART',  'MOVING',   '{}', '{registry}', ''),
('household', 'MOVING',     'DEPART',  'MOVING',   '{}', '{registry}', 'a second trip'),
('household', 'ACCEPTED',   'ARRIVE',  'MOVED',    '{}', '{registry}', 'nobody reported the departure'),
('household', 'MOVING',     'ARRIVE',  'MOVED',    '{}', '{registry}', ''),
('household', 'MOVED',      'ARRIVE',  'MOVED',    '{}', '{registry}', 'who comes later'),
('household', 'MOVING',     'RETURN',  'RETURNED', '{}', '{registry}', 'turned round'),
('household', 'MOVED',      'RETURN',  'RETURNED', '{}', '{registry}', ''),
('household', 'SETTLED',    'RETURN',  'RETURNED', '{}', '{registry}', ''),
('household', 'MOVED',      'FOLLOW_UP', 'SETTLED', '{}', '{registry}', ''),
('household', 'SETTLED',    'FOLLOW_UP', 'SETTLED', '{}', '{registry}', ''),

('household', 'RETURNED',   'REOPEN',  'ELIGIBLE', '{eligible}', '{registry}', ''),
('household', 'DECLINED',   'REOPEN',  'ELIGIBLE', '{eligible}', '{registry}', ''),
('household', 'CLOSED',     'REOPEN',  'ELIGIBLE', '{eligible}', '{registry}', ''),
('household', 'WITHDRAWN',  'REOPEN',  'ELIGIBLE', '{eligible}', '{registry}', ''),
('household', 'DUPLICATE',  'REOPEN',  'AFFECTED', '{}', '{registry}', 'it was another household after all; back to where it stood if bus.moved knows');

-- Entitled is who is not at an end; closed is whoever has no plot promised or is there.
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'household', s.state, 'ENTITLE', s.state, '{}'::text[], '{registry}'::text[], '' FROM bus.cycle_state s
 WHERE s.cycle = 'household' AND s.is_open
UNION ALL
SELECT 'household', s.state, 'CLOSE', 'CLOSED', '{}', '{registry}', 'an offer that is open lapses, its plot is free'
  FROM bus.cycle_state s WHERE s.cycle = 'household' AND s.is_open
UNION ALL
SELECT 'household', s.state, 'WITHDRAW', 'WITHDRAWN', '{}', '{registry}', 'an offer that is open lapses, its plot is free'
  FROM bus.cycle_state s WHERE s.cycle = 'household' AND s.state IN ('AFFECTED', 'ASSESSED', 'ASSISTED', 'ELIGIBLE',
                                                                     'INELIGIBLE', 'OFFERED', 'DECLINED', 'ACCEPTED')
UNION ALL
SELECT 'household', s.state, 'MERGE', 'DUPLICATE', '{other_record,no_offer}', '{registry}', 'a person decides; REOPEN undoes it'
  FROM bus.cycle_state s WHERE s.cycle = 'household' AND s.state <> 'DUPLICATE';

-- The rules: offers --------------------------------------------------------------------------------

INSERT INTO bus.cycle_state (cycle, state, is_open, means) VALUES
('offer', 'OPEN',       true,  'holds a plot until valid_until'),
('offer', 'ACCEPTED',   true,  'holds a plot until the household moves, or valid_until'),
('offer', 'TAKEN',      true,  'the household is on the road or lives there'),
('offer', 'DECLINED',   true,  'holds no plot; can be improved'),
('offer', 'REVOKED',    false, 'holds no plot'),
('offer', 'EXPIRED',    false, 'holds no plot'),
('offer', 'LAPSED',     false, 'holds no plot: the case was closed'),
('offer', 'GIVEN_BACK', false, 'holds no plot: the household went back');

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('offer', 'OFFER',          'promise', 'PlotOffer MAKE'),
('offer', 'IMPROVE',        'promise', 'PlotOffer IMPROVE'),
('offer', 'REVOKE',         'promise', 'PlotOffer REVOKE'),
('offer', 'EXPIRE',         'promise', 'PlotOffer EXPIRE, from the bus'),
('offer', 'ACCEPT',         'promise', 'OfferResponse ACCEPT'),
('offer', 'DECLINE',        'fact',    'OfferResponse DECLINE'),
('offer', 'CHANGE_OF_MIND', 'fact',    'OfferResponse CHANGE_OF_MIND'),
('offer', 'DEPART',         'fact',    'MoveEvent DEPARTED'),
('offer', 'ARRIVE',         'fact',    'MoveEvent ARRIVED'),
('offer', 'RETURN',         'fact',    'MoveEvent RETURNED'),
('offer', 'LAPSE',          'fact',    'HouseholdEvent closed, or a new offer after a decline');

INSERT INTO bus.cycle_guard (cycle, guard, code, means) VALUES
('offer', 'site_safe',   'hazard_unchecked', 'the site was looked at for mudflow, flood and landslide'),
('offer', 'plot_known',  'plot_unknown',     'the site has a plot of that number'),
('offer', 'plot_free',   'plot_taken',       'nobody else holds that plot, and it is not blocked'),
('offer', 'site_room',   'site_full',        'the site has a plot that nobody holds'),
('offer', 'to_come',     'valid_until',      'valid_until is still to come'),
('offer', 'in_time',     'offer_over',       'valid_until is not over'),
('offer', 'over',        'not_yet',          'valid_until is over');

INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note) VALUES
('offer', '',         'OFFER',   'OPEN',     '{to_come,site_safe,plot_known,plot_free,site_room}', '{registry}', 'reserves one plot'),
('offer', 'OPEN',     'IMPROVE', 'OPEN',     '{to_come}', '{registry}', 'same plot'),
('offer', 'DECLINED', 'IMPROVE', 'OPEN',     '{to_come,site_safe,plot_free,site_room}', '{registry}', 'reserves a plot again'),
('offer', 'OPEN',     'REVOKE',  'REVOKED',  '{}', '{registry}', 'frees the plot'),
('offer', 'ACCEPTED', 'REVOKE',  'REVOKED',  '{}', '{registry}', 'frees the plot'),
('offer', 'DECLINED', 'REVOKE',  'REVOKED',  '{}', '{registry}', 'there is nothing to free'),
('offer', 'OPEN',     'EXPIRE',  'EXPIRED',  '{over}', '{}', 'frees the plot, once'),
('offer', 'ACCEPTED', 'EXPIRE',  'EXPIRED',  '{over}', '{}', 'frees the plot, once'),
('offer', 'OPEN',     'ACCEPT',  'ACCEPTED', '{in_time}', '{registry}', ''),
('offer', 'OPEN',     'DECLINE', 'DECLINED', '{}', '{registry}', 'frees the plot'),
('offer', 'ACCEPTED', 'DECLINE', 'DECLINED', '{}', '{registry}', 'frees the plot'),
('offer', 'ACCEPTED', 'CHANGE_OF_MIND', 'DECLINED', '{}', '{registry}', 'frees the plot'),
('offer', 'ACCEPTED', 'DEPART',  'TAKEN',    '{}', '{registry}', ''),
('offer', 'TAKEN',    'DEPART',  'TAKEN',    '{}', '{registry}', 'a second trip'),
('offer', 'ACCEPTED', 'ARRIVE',  'TAKEN',    '{}', '{registry}', 'nobody reported the departure'),
('offer', 'TAKEN',    'ARRIVE',  'TAKEN',    '{}', '{registry}', ''),
('offer', 'TAKEN',    'RETURN',  'GIVEN_BACK', '{}', '{registry}', 'frees the plot'),
('offer', 'OPEN',     'LAPSE',   'LAPSED',   '{}', '{}', 'frees the plot'),
('offer', 'ACCEPTED', 'LAPSE',   'LAPSED',   '{}', '{}', 'frees the plot'),
('offer', 'TAKEN',    'LAPSE',   'TAKEN',    '{}', '{}', 'who lives there keeps the plot when the case is closed'),
('offer', 'DECLINED', 'LAPSE',   'LAPSED',   '{}', '{}', '');

RESET ROLE;
