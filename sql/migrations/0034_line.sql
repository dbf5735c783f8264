-- 0034 line: what is wanted, who has promised what of it, and the rules of both.
--
-- A request of somebody (cycle `request`) may be met by several suppliers: each has a line of its own to it
-- (cycle `line`), which begins with its first answer, so that one that declines takes nothing from the others.
-- sql/functions/ledger_line*.sql write the tables when a message is stored.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.request (
    thread      uuid NOT NULL,
    message_id  uuid NOT NULL,
    incident_id uuid,
    seq         int8 NOT NULL,
    first_seq   int8 NOT NULL,
    since       timestamptz NOT NULL,
    asked_at    timestamptz NOT NULL,
    needed_at   timestamptz,
    until_at    timestamptz,
    line_id     int4 NOT NULL,
    sender_id   int4 NOT NULL,
    type        int2 NOT NULL DEFAULT 160,
    status      int2 NOT NULL,
    label       int2 NOT NULL,
    priority    int2 NOT NULL,
    is_over     bool NOT NULL DEFAULT false,
    wanted      numeric,
    promised    numeric NOT NULL DEFAULT 0,
    unit        text,
    wanted_text text,
    state       text NOT NULL,
    starts_as   text NOT NULL,
    agency      text NOT NULL,
    kind        text NOT NULL,
    places      text NOT NULL,
    funding     jsonb,
    PRIMARY KEY (thread, line_id)
);
COMMENT ON TABLE bus.request IS 'what somebody wants, one row a line of the message that asked for it';
COMMENT ON COLUMN bus.request.thread IS 'first message of the thread';
COMMENT ON COLUMN bus.request.message_id IS 'newest version of the request';
COMMENT ON COLUMN bus.request.seq IS 'number of the message that moved it last';
COMMENT ON COLUMN bus.request.since IS 'event time of that message';
COMMENT ON COLUMN bus.request.priority IS 'lane: 2 urgent, 4 routine, 5 low';
COMMENT ON COLUMN bus.request.wanted IS 'in `unit`; null: nobody could count, see wanted_text';
COMMENT ON COLUMN bus.request.promised IS 'committed by all suppliers in that unit, and not withdrawn';
COMMENT ON COLUMN bus.request.starts_as IS 'where the line of a supplier begins that answers it';
COMMENT ON COLUMN bus.request.agency IS 'who asks, and who requisitions, extends and releases';
COMMENT ON COLUMN bus.request.funding IS 'as said: a list of {code, text}';
CREATE INDEX request_open ON bus.request (places, asked_at) WHERE NOT is_over;
CREATE INDEX request_incident ON bus.request (incident_id) WHERE NOT is_over;

CREATE TABLE bus.line (
    strand_id   uuid PRIMARY KEY,
    thread      uuid NOT NULL,
    message_id  uuid NOT NULL,
    incident_id uuid,
    seq         int8 NOT NULL,
    first_seq   int8 NOT NULL,
    since       timestamptz NOT NULL,
    said_at     timestamptz NOT NULL,
    from_at     timestamptz,
    until_at    timestamptz,
    asked_until timestamptz,
    arrives_at  timestamptz,
    departed_at timestamptz,
    arrived_at  timestamptz,
    left_at     timestamptz,
    back_at     timestamptz,
    price_minor int8,
    line_id     int4 NOT NULL,
    sender_id   int4 NOT NULL,
    type        int2 NOT NULL DEFAULT 163,
    status      int2 NOT NULL,
    label       int2 NOT NULL,
    counts      bool NOT NULL DEFAULT false,
    is_provisional bool NOT NULL DEFAULT false,
    quantity    numeric,
    arrived     numeric NOT NULL DEFAULT 0,
    lost        numeric NOT NULL DEFAULT 0,
    state       text NOT NULL,
    phase       text NOT NULL,
    supplier    text NOT NULL,
    agency      text NOT NULL,
    kind        text NOT NULL,
    places      text NOT NULL,
    unit        text,
    currency    text,
    price_text  text,
    order_id    text,
    transport   text,
    reason      text,
    reason_text text,
    items       text[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE bus.line IS 'one supplier''s part in a request, or its offer';
COMMENT ON COLUMN bus.line.message_id IS 'what brought it where it stands';
COMMENT ON COLUMN bus.line.since IS 'event time of that message';
COMMENT ON COLUMN bus.line.from_at IS 'committed from then on';
COMMENT ON COLUMN bus.line.until_at IS 'committed until then; null: no end was said';
COMMENT ON COLUMN bus.line.asked_until IS 'end that the consumer asks for, or that the supplier has promised provisionally';
COMMENT ON COLUMN bus.line.arrives_at IS 'estimated arrival';
COMMENT ON COLUMN bus.line.left_at IS 'left for home';
COMMENT ON COLUMN bus.line.price_minor IS 'minor units of `currency`: dirams, cents; the newest that was said';
COMMENT ON COLUMN bus.line.counts IS 'its quantity counts for the request';
COMMENT ON COLUMN bus.line.is_provisional IS 'the last yes was a perhaps';
COMMENT ON COLUMN bus.line.arrived IS 'so much of the quantity is there';
COMMENT ON COLUMN bus.line.lost IS 'so much of the quantity was lost or used up';
COMMENT ON COLUMN bus.line.supplier IS 'agency and unit that answers; any office of the agency may speak for it';
COMMENT ON COLUMN bus.line.reason IS 'of a no or a perhaps';
COMMENT ON COLUMN bus.line.items IS 'stock numbers';
CREATE INDEX line_thread ON bus.line (thread, line_id);
CREATE INDEX line_live ON bus.line (places) WHERE phase <> 'over';
CREATE INDEX line_incident ON bus.line (incident_id) WHERE phase <> 'over';

-- The same item is never promised twice at once: looked up under the lock of the head.
CREATE TABLE bus.commitment (
    strand_id uuid NOT NULL,
    thread    uuid NOT NULL,
    line_id   int4 NOT NULL,
    status    int2 NOT NULL,
    agency    text NOT NULL,
    item      text NOT NULL,
    held      tstzrange NOT NULL,
    PRIMARY KEY (strand_id, item)
);
COMMENT ON TABLE bus.commitment IS 'items with a stock number and when they are promised to whom';
COMMENT ON COLUMN bus.commitment.agency IS 'whose stock number it is';
COMMENT ON COLUMN bus.commitment.held IS 'ends when it is released, withdrawn, lost or back';
CREATE INDEX commitment_item ON bus.commitment (agency, lower(item), status, upper(held));

-- What each message said about which line; answers and recalls find their line by it.
CREATE TABLE bus.line_message (
    message_id uuid NOT NULL,
    said       int4 NOT NULL,
    thread     uuid NOT NULL,
    strand_id  uuid,
    sender_id  int4 NOT NULL,
    line_id    int4 NOT NULL,
    type       int2 NOT NULL,
    status     int2 NOT NULL,
    starts_as  text NOT NULL,
    event      text NOT NULL,
    PRIMARY KEY (message_id, said)
);
COMMENT ON TABLE bus.line_message IS 'which line of which thread each line of a message was about';
COMMENT ON COLUMN bus.line_message.said IS 'line_id in the message; 0: it named no line';
COMMENT ON COLUMN bus.line_message.strand_id IS 'null: it was said to all suppliers';
COMMENT ON COLUMN bus.line_message.starts_as IS 'where the line of a supplier begins that answers this message';

-- What a state of a line means to those who count.
CREATE TABLE bus.line_phase (
    state  text PRIMARY KEY,
    phase  text NOT NULL,
    counts bool NOT NULL
);
COMMENT ON TABLE bus.line_phase IS 'where a line of that state stands on the board';
COMMENT ON COLUMN bus.line_phase.counts IS 'what is committed counts for the request';

DO $$
DECLARE
    t regclass;
BEGIN
    FOREACH t IN ARRAY ARRAY['bus.request', 'bus.line', 'bus.commitment', 'bus.line_message']::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner ON %s TO bus_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY whole ON %s FOR SELECT TO bus_admin, bus_audit USING (true)', t);
    END LOOP;
END
$$;

-- The rules: what is wanted --------------------------------------------------------------------------

INSERT INTO bus.cycle_state (cycle, state, is_open, means) VALUES
('request', 'OPEN',      true,  'nobody has committed anything'),
('request', 'PARTLY',    true,  'less is committed than is wanted, or in another unit'),
('request', 'MET',       true,  'as much is committed as is wanted'),
('request', 'CLOSED',    false, 'it was met, and what came is released'),
('request', 'CANCELLED', false, 'who asked took it back'),
('request', 'EXPIRED',   false, 'its time was over; what is committed goes on');

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('request', 'REQUEST',     'promise', 'RequestResource'),
('request', 'REQUISITION', 'promise', 'RequisitionResource'),
('request', 'UPDATE',      'promise', 'the same with recall UPDATE'),
('request', 'CANCEL',      'promise', 'the same with recall CANCEL'),
('request', 'EXPIRE',      'promise', 'ReportResourceDeploymentStatus from the bus: not_after is over'),
('request', 'COMMIT_PART', 'fact',    'the sum of what suppliers commit is less than what is wanted'),
('request', 'COMMIT_ALL',  'fact',    'the sum of what suppliers commit is what is wanted, or more'),
('request', 'WITHDRAW',    'fact',    'nothing is committed any more'),
('request', 'DONE',        'fact',    'it is met, and all that was committed is released');

INSERT INTO bus.cycle_guard (cycle, guard, code, means) VALUES
('request', 'consumer',    'not_yours', 'said by the agency that asks'),
('request', 'declined',    'state',     'all who answered declined'),
('request', 'last',        'superseded', 'there is no newer version'),
('request', 'nothing_out', 'committed', 'nothing is committed that is not released yet');

INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note) VALUES
('request', '',       'REQUEST',     'OPEN',      '{}', '{district}', ''),
('request', 'OPEN',   'REQUEST',     'OPEN',      '{consumer,declined}', '{district}', 'asked again'),
('request', '',       'REQUISITION', 'OPEN',      '{}', '{district}', 'a requisition need not follow a request'),
('request', 'OPEN',   'UPDATE',      'OPEN',      '{}', '{district}', 'a new version'),
('request', 'PARTLY', 'UPDATE',      'PARTLY',    '{}', '{district}', 'a new version'),
('request', 'MET',    'UPDATE',      'MET',       '{}', '{district}', 'a new version'),
('request', 'OPEN',   'CANCEL',      'CANCELLED', '{}', '{district}', ''),
('request', 'PARTLY', 'CANCEL',      'CLOSED',    '{nothing_out}', '{district}', 'the rest is not wanted any more'),
('request', 'MET',    'CANCEL',      'CLOSED',    '{nothing_out}', '{district}', ''),
('request', 'OPEN',   'EXPIRE',      'EXPIRED',   '{last}', '{}', ''),
('request', 'PARTLY', 'EXPIRE',      'EXPIRED',   '{last}', '{}', 'what is committed goes on'),
('request', 'OPEN',   'COMMIT_PART', 'PARTLY',    '{}', '{}', ''),
('request', 'MET',    'COMMIT_PART', 'PARTLY',    '{}', '{}', 'a supplier withdrew, or more is wanted'),
('request', 'OPEN',   'COMMIT_ALL',  'MET',       '{}', '{}', ''),
('request', 'PARTLY', 'COMMIT_ALL',  'MET',       '{}', '{}', ''),
('request', 'PARTLY', 'WITHDRAW',    'OPEN',      '{}', '{}', ''),
('request', 'MET',    'WITHDRAW',    'OPEN',      '{}', '{}', ''),
('request', 'MET',    'DONE',        'CLOSED',    '{}', '{}', '');

-- The rules: one supplier's part ----------------------------------------------------------------------

INSERT INTO bus.cycle_state (cycle, state, is_open, means) VALUES
('line', 'REQUESTED',             true,  'asked for'),
('line', 'OFFERED',               true,  'offered unasked'),
('line', 'QUOTE_REQUESTED',       true,  'asked for its price'),
('line', 'QUOTED',                true,  'there is a price'),
('line', 'QUOTED_PROVISIONAL',    true,  'there is a price, perhaps'),
('line', 'AVAILABLE',             true,  'the supplier has it'),
('line', 'AVAILABLE_PROVISIONAL', true,  'the supplier has it, perhaps'),
('line', 'REQUISITIONED',         true,  'ordered, with funding'),
('line', 'COMMITTED',             true,  'promised'),
('line', 'COMMITTED_PROVISIONAL', true,  'promised, perhaps'),
('line', 'EN_ROUTE',              true,  'on the road'),
('line', 'ON_SCENE',              true,  'there'),
('line', 'EXTENSION_REQUESTED',   true,  'there, and wanted for longer'),
('line', 'RETURN_REQUESTED',      true,  'the supplier wants it back'),
('line', 'RELEASING',             true,  'the consumer will give it back'),
('line', 'RELEASED',              true,  'not needed any more; not home yet'),
('line', 'RETURNING',             true,  'on the way home'),
('line', 'RETURNED',              false, 'home'),
('line', 'SPENT',                 false, 'used up or lost: nothing comes home'),
('line', 'DECLINED',              false, 'the supplier said no; others may say yes'),
('line', 'WITHDRAWN',             false, 'the supplier took its promise back'),
('line', 'CANCELLED',             false, 'taken back before it left'),
('line', 'EXPIRED',               false, 'its time was over');

INSERT INTO bus.line_phase (state, phase, counts) VALUES
('REQUESTED', 'open', false), ('OFFERED', 'open', false), ('QUOTE_REQUESTED', 'open', false), ('QUOTED', 'open', false),
('QUOTED_PROVISIONAL', 'open', false), ('AVAILABLE', 'open', false), ('AVAILABLE_PROVISIONAL', 'open', false),
('REQUISITIONED', 'open', false), ('COMMITTED', 'promised', true), ('COMMITTED_PROVISIONAL', 'promised', true),
('EN_ROUTE', 'under way', true), ('ON_SCENE', 'on scene', true), ('EXTENSION_REQUESTED', 'on scene', true),
('RETURN_REQUESTED', 'on scene', true), ('RELEASING', 'on scene', true), ('RELEASED', 'due back', true),
('RETURNING', 'due back', true), ('RETURNED', 'over', true), ('SPENT', 'over', true), ('DECLINED', 'over', false),
('WITHDRAWN', 'over', false), ('CANCELLED', 'over', false), ('EXPIRED', 'over', false);

INSERT INTO bus.cycle_event (cycle, event, nature, means) VALUES
('line', 'REQUEST',             'promise', 'RequestResource'),
('line', 'OFFER',               'promise', 'OfferUnsolicitedResource'),
('line', 'ASK_QUOTE',           'promise', 'RequestQuote'),
('line', 'QUOTE',               'promise', 'ResponseToRequestQuote Accept'),
('line', 'QUOTE_PROVISIONAL',   'promise', 'ResponseToRequestQuote Provisional'),
('line', 'QUOTE_DECLINE',       'promise', 'ResponseToRequestQuote Decline'),
('line', 'RESPOND',             'promise', 'ResponseToRequestResource Accept'),
('line', 'RESPOND_PROVISIONAL', 'promise', 'ResponseToRequestResource Provisional'),
('line', 'RESPOND_DECLINE',     'promise', 'ResponseToRequestResource Decline'),
('line', 'REQUISITION',         'promise', 'RequisitionResource'),
('line', 'COMMIT',              'promise', 'CommitResource Accept'),
('line', 'COMMIT_PROVISIONAL',  'promise', 'CommitResource Provisional'),
('line', 'COMMIT_DECLINE',      'promise', 'CommitResource Decline'),
('line', 'WITHDRAW',            'promise', 'CommitResource with recall CANCEL'),
('line', 'ASK',                 'promise', 'RequestInformation, ResponseToRequestInformation'),
('line', 'ASK_STATUS',          'promise', 'RequestResourceDeploymentStatus'),
('line', 'REPORT',              'fact',    'ReportResourceDeploymentStatus'),
('line', 'DEPART',              'fact',    'ReportResourceDeploymentStatus with ActualDeparture'),
('line', 'ARRIVE',              'fact',    'ReportResourceDeploymentStatus with ActualArrival'),
('line', 'LOSE',                'fact',    'ReportResourceDeploymentStatus, OUT_OF_SERVICE: a part of it'),
('line', 'SPEND',               'fact',    'ReportResourceDeploymentStatus, OUT_OF_SERVICE: all of it'),
('line', 'EXTEND',              'promise', 'RequestExtendedDeploymentDuration'),
('line', 'EXTEND_ACCEPT',       'promise', 'ResponseToRequestExtendedDeploymentDuration Accept'),
('line', 'EXTEND_PROVISIONAL',  'promise', 'ResponseToRequestExtendedDeploymentDuration Provisional'),
('line', 'EXTEND_DECLINE',      'promise', 'ResponseToRequestExtendedDeploymentDuration Decline'),
('line', 'ASK_RETURN',          'promise', 'RequestReturn'),
('line', 'RETURN_ACCEPT',       'promise', 'ResponseToRequestReturn Accept'),
('line', 'RETURN_PROVISIONAL',  'promise', 'ResponseToRequestReturn Provisional'),
('line', 'RETURN_DECLINE',      'promise', 'ResponseToRequestReturn Decline'),
('line', 'RETURN_DECLINE_ON_ROAD', 'promise', 'ResponseToRequestReturn Decline, of what has not arrived'),
('line', 'RELEASE',             'promise', 'ReleaseResource'),
('line', 'RETURN_DEPART',       'fact',    'ReportResourceDeploymentStatus with ActualReturnDeparture'),
('line', 'RETURN_ARRIVE',       'fact',    'ReportResourceDeploymentStatus with ActualReturnArrival'),
('line', 'UPDATE',              'promise', 'the same message with recall UPDATE'),
('line', 'CANCEL',              'promise', 'the same message with recall CANCEL'),
('line', 'TAKE_BACK',           'promise', 'RequestExtendedDeploymentDuration, RequestReturn or ResponseToRequestReturn with recall CANCEL'),
('line', 'TAKE_BACK_ON_ROAD',   'promise', 'RequestReturn with recall CANCEL, of what has not arrived'),
('line', 'UNSAY',               'fact',    'ReportResourceDeploymentStatus with recall CANCEL'),
('line', 'EXPIRE',              'promise', 'ReportResourceDeploymentStatus from the bus: not_after is over');

INSERT INTO bus.cycle_guard (cycle, guard, code, means) VALUES
('line', 'consumer', 'not_yours',         'said by the agency that asks'),
('line', 'supplier', 'not_yours',         'said by the agency whose line it is'),
('line', 'asked',    'request_over',      'the request is still open'),
('line', 'window',   'window',            'it ends after it begins'),
('line', 'free',     'already_committed', 'no item of it is committed to somebody else at that time'),
('line', 'last',     'superseded',        'what is taken back is what moved it last');

INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note) VALUES
('line', '',                      'REQUEST',             'REQUESTED',             '{}', '{district}', ''),
('line', 'DECLINED',              'REQUEST',             'REQUESTED',             '{}', '{district}', 'asked again'),
('line', '',                      'OFFER',               'OFFERED',               '{}', '{supplier}', ''),
('line', '',                      'REQUISITION',         'REQUISITIONED',         '{}', '{district}', 'of a known supplier'),
('line', 'REQUESTED',             'ASK_QUOTE',           'QUOTE_REQUESTED',       '{consumer,asked}', '{district}', ''),
('line', 'OFFERED',               'ASK_QUOTE',           'QUOTE_REQUESTED',       '{consumer,asked}', '{district}', ''),
('line', 'QUOTE_REQUESTED',       'QUOTE',               'QUOTED',                '{supplier,asked}', '{supplier}', ''),
('line', 'QUOTE_REQUESTED',       'QUOTE_PROVISIONAL',   'QUOTED_PROVISIONAL',    '{supplier,asked}', '{supplier}', ''),
('line', 'QUOTE_REQUESTED',       'QUOTE_DECLINE',       'DECLINED',              '{supplier}', '{supplier}', ''),
('line', 'QUOTED_PROVISIONAL',    'QUOTE',               'QUOTED',                '{supplier,asked}', '{supplier}', 'the perhaps is a yes'),
('line', 'QUOTED_PROVISIONAL',    'QUOTE_DECLINE',       'DECLINED',              '{supplier}', '{supplier}', 'the perhaps is a no'),
('line', 'REQUESTED',             'RESPOND',             'AVAILABLE',             '{supplier,asked}', '{supplier}', ''),
('line', 'REQUESTED',             'RESPOND_PROVISIONAL', 'AVAILABLE_PROVISIONAL', '{supplier,asked}', '{supplier}', ''),
('line', 'REQUESTED',             'RESPOND_DECLINE',     'DECLINED',              '{supplier}', '{supplier}', ''),
('line', 'AVAILABLE_PROVISIONAL', 'RESPOND',             'AVAILABLE',             '{supplier,asked}', '{supplier}', 'the perhaps is a yes'),
('line', 'AVAILABLE_PROVISIONAL', 'RESPOND_DECLINE',     'DECLINED',              '{supplier}', '{supplier}', 'the perhaps is a no'),
('line', 'REQUESTED',             'COMMIT',              'COMMITTED',             '{supplier,asked,window,free}', '{supplier}', 'a commit may answer a request'),
('line', 'OFFERED',               'REQUISITION',         'REQUISITIONED',         '{consumer,asked}', '{district}', ''),
('line', 'AVAILABLE',             'REQUISITION',         'REQUISITIONED',         '{consumer,asked}', '{district}', ''),
('line', 'AVAILABLE_PROVISIONAL', 'REQUISITION',         'REQUISITIONED',         '{consumer,asked}', '{district}', ''),
('line', 'QUOTED',                'REQUISITION',         'REQUISITIONED',         '{consumer,asked}', '{district}', ''),
('line', 'QUOTED_PROVISIONAL',    'REQUISITION',         'REQUISITIONED',         '{consumer,asked}', '{district}', ''),
('line', 'REQUISITIONED',         'COMMIT',              'COMMITTED',             '{supplier,asked,window,free}', '{supplier}', ''),
('line', 'REQUISITIONED',         'COMMIT_PROVISIONAL',  'COMMITTED_PROVISIONAL', '{supplier,asked,window,free}', '{supplier}', ''),
('line', 'REQUISITIONED',         'COMMIT_DECLINE',      'DECLINED',              '{supplier}', '{supplier}', ''),
('line', 'COMMITTED_PROVISIONAL', 'COMMIT',              'COMMITTED',             '{supplier,window,free}', '{supplier}', 'the perhaps is a yes'),
('line', 'COMMITTED_PROVISIONAL', 'COMMIT_DECLINE',      'DECLINED',              '{supplier}', '{supplier}', 'the perhaps is a no'),
('line', 'COMMITTED',             'WITHDRAW',            'WITHDRAWN',             '{supplier}', '{supplier}', 'the request is open again'),
('line', 'COMMITTED_PROVISIONAL', 'WITHDRAW',            'WITHDRAWN',             '{supplier}', '{supplier}', 'the request is open again'),
-- Facts may leave a step out: nobody is at the radio when a lorry leaves.
('line', 'COMMITTED',             'DEPART',              'EN_ROUTE',              '{}', '{supplier}', ''),
('line', 'COMMITTED_PROVISIONAL', 'DEPART',              'EN_ROUTE',              '{}', '{supplier}', ''),
('line', 'EN_ROUTE',              'DEPART',              'EN_ROUTE',              '{}', '{supplier}', 'another of them, or said again'),
('line', 'COMMITTED',             'ARRIVE',              'ON_SCENE',              '{}', '{supplier,district}', 'that it left was not reported'),
('line', 'COMMITTED_PROVISIONAL', 'ARRIVE',              'ON_SCENE',              '{}', '{supplier,district}', 'that it left was not reported'),
('line', 'EN_ROUTE',              'ARRIVE',              'ON_SCENE',              '{}', '{supplier,district}', ''),
('line', 'ON_SCENE',              'ARRIVE',              'ON_SCENE',              '{}', '{supplier,district}', 'another of them, or said again'),
('line', 'EXTENSION_REQUESTED',   'ARRIVE',              'EXTENSION_REQUESTED',   '{}', '{supplier,district}', 'another of them, or said again'),
('line', 'RETURN_REQUESTED',      'ARRIVE',              'RETURN_REQUESTED',      '{}', '{supplier,district}', 'it was on the road when it was wanted back'),
('line', 'ON_SCENE',              'EXTEND',              'EXTENSION_REQUESTED',   '{consumer}', '{district}', ''),
('line', 'EXTENSION_REQUESTED',   'EXTEND_ACCEPT',       'ON_SCENE',              '{supplier,window,free}', '{supplier}', 'until the new end'),
('line', 'EXTENSION_REQUESTED',   'EXTEND_PROVISIONAL',  'ON_SCENE',              '{supplier,window,free}', '{supplier}', 'until the new end, perhaps'),
('line', 'EXTENSION_REQUESTED',   'EXTEND_DECLINE',      'ON_SCENE',              '{supplier}', '{supplier}', 'until the old end'),
('line', 'EN_ROUTE',              'ASK_RETURN',          'RETURN_REQUESTED',      '{supplier}', '{supplier}', ''),
('line', 'ON_SCENE',              'ASK_RETURN',          'RETURN_REQUESTED',      '{supplier}', '{supplier}', ''),
('line', 'RETURN_REQUESTED',      'RETURN_ACCEPT',       'RELEASING',             '{consumer}', '{district}', ''),
('line', 'RETURN_REQUESTED',      'RETURN_PROVISIONAL',  'RELEASING',             '{consumer}', '{district}', 'perhaps'),
('line', 'RETURN_REQUESTED',      'RETURN_DECLINE',      'ON_SCENE',              '{consumer}', '{district}', ''),
('line', 'RETURN_REQUESTED',      'RETURN_DECLINE_ON_ROAD', 'EN_ROUTE',           '{consumer}', '{district}', 'it goes on'),
('line', 'COMMITTED',             'RELEASE',             'CANCELLED',             '{consumer}', '{district}', 'it had not left'),
('line', 'COMMITTED_PROVISIONAL', 'RELEASE',             'CANCELLED',             '{consumer}', '{district}', 'it had not left'),
('line', 'EN_ROUTE',              'RELEASE',             'RELEASED',              '{consumer}', '{district}', 'it turns round'),
('line', 'ON_SCENE',              'RELEASE',             'RELEASED',              '{consumer}', '{district}', ''),
('line', 'EXTENSION_REQUESTED',   'RELEASE',             'RELEASED',              '{consumer}', '{district}', 'it is not needed for longer after all'),
('line', 'RETURN_REQUESTED',      'RELEASE',             'RELEASED',              '{consumer}', '{district}', 'at once'),
('line', 'RELEASING',             'RELEASE',             'RELEASED',              '{consumer}', '{district}', ''),
('line', 'RELEASED',              'RETURN_DEPART',       'RETURNING',             '{}', '{supplier,district}', ''),
('line', 'RELEASING',             'RETURN_DEPART',       'RETURNING',             '{}', '{supplier,district}', 'it was agreed'),
('line', 'RETURNING',             'RETURN_DEPART',       'RETURNING',             '{}', '{supplier,district}', 'another of them, or said again'),
('line', 'RETURNING',             'RETURN_ARRIVE',       'RETURNED',              '{}', '{supplier}', ''),
('line', 'RELEASED',              'RETURN_ARRIVE',       'RETURNED',              '{}', '{supplier}', 'that it left was not reported'),
('line', 'RELEASING',             'RETURN_ARRIVE',       'RETURNED',              '{}', '{supplier}', 'that it left was not reported'),
('line', 'RETURNED',              'RETURN_ARRIVE',       'RETURNED',              '{}', '{supplier}', 'said again'),
('line', 'EXTENSION_REQUESTED',   'TAKE_BACK',           'ON_SCENE',              '{consumer,last}', '{district}', ''),
('line', 'RETURN_REQUESTED',      'TAKE_BACK',           'ON_SCENE',              '{supplier,last}', '{supplier}', ''),
('line', 'RETURN_REQUESTED',      'TAKE_BACK_ON_ROAD',   'EN_ROUTE',              '{supplier,last}', '{supplier}', 'it goes on'),
('line', 'RELEASING',             'TAKE_BACK',           'RETURN_REQUESTED',      '{consumer,last}', '{district}', ''),
('line', 'EN_ROUTE',              'UNSAY',               'COMMITTED',             '{last}', '{supplier}', 'it has not left'),
('line', 'ON_SCENE',              'UNSAY',               'EN_ROUTE',              '{last}', '{supplier,district}', 'it is not there yet'),
('line', 'RETURNING',             'UNSAY',               'RELEASED',              '{last}', '{supplier}', 'it has not left'),
('line', 'RETURNED',              'UNSAY',               'RETURNING',             '{last}', '{supplier}', 'it is not home yet');

-- Before it is committed: taken back by whoever said it, or its time is over.
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'line', s.state, e.event, e.to_state, e.guards::text[], '{}'::text[], ''
  FROM unnest('{REQUESTED,OFFERED,QUOTE_REQUESTED,QUOTED,QUOTED_PROVISIONAL,AVAILABLE,AVAILABLE_PROVISIONAL,REQUISITIONED}'::text[]) AS s(state)
 CROSS JOIN (VALUES ('CANCEL', 'CANCELLED', '{}'), ('EXPIRE', 'EXPIRED', '{last}')) AS e(event, to_state, guards);
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, note) VALUES
('line', 'COMMITTED_PROVISIONAL', 'EXPIRE', 'EXPIRED', '{last}', 'nobody confirmed it in time');

-- A new version of whatever is open. What a supplier promises anew has to be free, too.
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'line', s.state, 'UPDATE', s.state, CASE WHEN p.counts THEN '{window,free}'::text[] ELSE '{}' END, '{}'::text[], 'a new version'
  FROM bus.cycle_state s JOIN bus.line_phase p USING (state) WHERE s.cycle = 'line' AND s.is_open;
-- Questions and answers stop nowhere; where something is, is asked and told while it is away.
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'line', s.state, 'ASK', s.state, '{}'::text[], '{district,supplier}'::text[], ''
  FROM bus.cycle_state s WHERE s.cycle = 'line';
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'line', s.state, 'REPORT', s.state, '{}'::text[], '{supplier,district}'::text[], ''
  FROM bus.cycle_state s WHERE s.cycle = 'line' AND s.is_open;
INSERT INTO bus.transition (cycle, from_state, event, to_state, guards, who, note)
SELECT 'line', p.state, x.event, CASE x.event WHEN 'SPEND' THEN 'SPENT' ELSE p.state END, '{}'::text[], '{district,supplier}'::text[], ''
  FROM bus.line_phase p CROSS JOIN (VALUES ('ASK_STATUS'), ('LOSE'), ('SPEND')) AS x(event)
 WHERE p.counts AND p.phase <> 'over';

RESET ROLE;
