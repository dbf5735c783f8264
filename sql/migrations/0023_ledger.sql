-- 0023 ledger: life cycles as rows, what is held and what is contested, what happens later.
--
-- People read, print and change the rules here: a cycle's states, its events, its guards, and which event leads
-- from which state to which (sql/functions/ledger.sql applies them). The rows of each cycle come by a migration
-- of its own.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.cycle_state (
    cycle   text NOT NULL CHECK (cycle ~ '^[a-z_]{1,32}$'),
    state   text NOT NULL CHECK (state ~ '^[A-Z_]{1,40}$'),
    is_open bool NOT NULL,
    means   text NOT NULL,
    PRIMARY KEY (cycle, state)
);
COMMENT ON TABLE bus.cycle_state IS 'the states of each life cycle';
COMMENT ON COLUMN bus.cycle_state.is_open IS 'false: an end; somebody has still to act on what is open';

CREATE TABLE bus.cycle_event (
    cycle  text NOT NULL,
    event  text NOT NULL CHECK (event ~ '^[A-Z_]{1,60}$'),
    nature text NOT NULL CHECK (nature IN ('fact', 'promise')),
    means  text NOT NULL,
    PRIMARY KEY (cycle, event)
);
COMMENT ON TABLE bus.cycle_event IS 'what moves a life cycle; `means` names the message that says it';
COMMENT ON COLUMN bus.cycle_event.nature IS
    'fact: has happened, is contested at worst; promise: a promise or decision, is refused if it cannot be kept';

CREATE TABLE bus.cycle_guard (
    cycle text NOT NULL,
    guard text NOT NULL CHECK (guard ~ '^[a-z_]{1,40}$'),
    code  text NOT NULL CHECK (code ~ '^[a-z_]{1,40}$'),
    means text NOT NULL,
    PRIMARY KEY (cycle, guard)
);
COMMENT ON TABLE bus.cycle_guard IS 'conditions of moves; `code` is what the sender hears when one fails';

CREATE TABLE bus.transition (
    cycle      text NOT NULL,
    from_state text NOT NULL,
    event      text NOT NULL,
    to_state   text NOT NULL,
    guards     text[] NOT NULL DEFAULT '{}',
    who        text[] NOT NULL DEFAULT '{}',
    note       text NOT NULL DEFAULT '',
    PRIMARY KEY (cycle, from_state, event),
    FOREIGN KEY (cycle, event) REFERENCES bus.cycle_event,
    FOREIGN KEY (cycle, to_state) REFERENCES bus.cycle_state
);
COMMENT ON TABLE bus.transition IS 'the legal moves: what is not here is not legal';
COMMENT ON COLUMN bus.transition.from_state IS 'empty: the thing does not exist yet';
COMMENT ON COLUMN bus.transition.guards IS 'looked at in this order';
COMMENT ON COLUMN bus.transition.who IS 'roles that usually say it, for people; rights decide who may';
COMMENT ON COLUMN bus.transition.note IS 'why it is so, where that is not plain';

CREATE TABLE bus.moved (
    seq          int8 NOT NULL,
    at           timestamptz NOT NULL,
    principal_id int4 NOT NULL,
    part         int4 NOT NULL DEFAULT 0,
    type         int2 NOT NULL,
    entity       uuid NOT NULL,
    message_id   uuid NOT NULL,
    cycle        text NOT NULL,
    event        text NOT NULL,
    from_state   text NOT NULL,
    to_state     text NOT NULL
);
COMMENT ON TABLE bus.moved IS 'every move of every life cycle, in the order in which they were decided';
COMMENT ON COLUMN bus.moved.seq IS 'number of the message that moved it';
COMMENT ON COLUMN bus.moved.at IS 'event time of that message';
COMMENT ON COLUMN bus.moved.part IS 'line of a request; 0 where an entity has no parts';
CREATE INDEX moved_entity ON bus.moved (cycle, entity, part, seq);
CREATE INDEX moved_message ON bus.moved (message_id);

CREATE TABLE bus.held (
    seq         int8 PRIMARY KEY,
    since       timestamptz NOT NULL,
    settled_at  timestamptz,
    settled_seq int8,
    settled_as  int2,
    type        int2 NOT NULL,
    is_woken    bool NOT NULL DEFAULT false,
    message_id  uuid NOT NULL,
    waits_for   uuid,
    cycle       text NOT NULL,
    code        text NOT NULL,
    text        text NOT NULL,
    said        jsonb
);
COMMENT ON TABLE bus.held IS 'messages whose predecessor had not arrived; judged again when it does';
COMMENT ON COLUMN bus.held.waits_for IS 'message or thing that has to come first; null: only a person can settle it';
COMMENT ON COLUMN bus.held.settled_as IS 'verdict in the end: 1 applied, 3 contested, 4 dismissed; null = still held';
COMMENT ON COLUMN bus.held.settled_seq IS 'number of the message that settled it';
COMMENT ON COLUMN bus.held.said IS 'the message as its judge sees it; null once it is settled';
CREATE INDEX held_waits ON bus.held (waits_for) WHERE settled_as IS NULL;
CREATE INDEX held_woken ON bus.held (seq) WHERE is_woken;
CREATE INDEX held_message ON bus.held (message_id);

CREATE TABLE bus.contested (
    seq         int8 PRIMARY KEY,
    since       timestamptz NOT NULL,
    settled_at  timestamptz,
    settled_seq int8,
    settled_as  int2,
    type        int2 NOT NULL,
    message_id  uuid NOT NULL,
    entity      uuid,
    cycle       text NOT NULL,
    code        text NOT NULL,
    text        text NOT NULL,
    said        jsonb
);
COMMENT ON TABLE bus.contested IS 'facts that contradict the state; a person settles each';
COMMENT ON COLUMN bus.contested.entity IS 'what they are about';
COMMENT ON COLUMN bus.contested.settled_as IS '1 applied all the same, 4 dismissed; null = nobody has decided';
COMMENT ON COLUMN bus.contested.said IS 'the message as its judge sees it; null once it is settled';
CREATE INDEX contested_open ON bus.contested (since) WHERE settled_as IS NULL;
CREATE INDEX contested_message ON bus.contested (message_id);

CREATE TABLE bus.timer (
    timer_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    due_at   timestamptz NOT NULL,
    subject  uuid NOT NULL,
    kind     text NOT NULL CHECK (kind ~ '^[a-z_]{1,32}$'),
    detail   jsonb NOT NULL DEFAULT '{}',
    trouble  text,
    UNIQUE (kind, subject)
);
COMMENT ON TABLE bus.timer IS 'what happens at a time, by the clock of the database; bus.tick rings it';
COMMENT ON COLUMN bus.timer.trouble IS 'why ringing it failed; such a one is not rung again';
CREATE INDEX timer_due ON bus.timer (due_at) WHERE trouble IS NULL;

CREATE TABLE bus.to_say (
    say_id  int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    kind    int4 NOT NULL,
    label   int4 NOT NULL,
    lane    int2 NOT NULL,
    status  int2 NOT NULL,
    type    int2 NOT NULL,
    entries text,
    answers uuid,
    places  text NOT NULL,
    body    bytea NOT NULL,
    doc     jsonb NOT NULL,
    trouble text
);
COMMENT ON TABLE bus.to_say IS 'messages that the bus will say; a transaction that waits for the next tick';
COMMENT ON COLUMN bus.to_say.entries IS 'whom it is for, split by blanks; null: whoever subscribes';
COMMENT ON COLUMN bus.to_say.trouble IS 'why saying it failed; such a one is not tried again';
CREATE INDEX to_say_next ON bus.to_say (say_id) WHERE trouble IS NULL;

-- Bounds what one sender's refusals fill.
CREATE INDEX quarantine_sender ON bus.quarantine (sender_id, received_at);

DO $$
DECLARE
    t regclass;
BEGIN
    FOREACH t IN ARRAY ARRAY['bus.moved', 'bus.held', 'bus.contested']::regclass[] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner ON %s TO bus_owner USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY whole ON %s FOR SELECT TO bus_admin, bus_audit USING (true)', t);
    END LOOP;
END
$$;

RESET ROLE;
