-- 0031 whose: a message about somebody else's thing, and how long and in how great numbers messages wait for others.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.rested_on (
    seq    int8 NOT NULL,
    what   text NOT NULL CHECK (what IN ('right', 'turn')),
    detail text NOT NULL DEFAULT '',
    PRIMARY KEY (seq, what, detail)
);
COMMENT ON TABLE bus.rested_on IS 'what verdicts rested on that is not in the log, so that judging it again gives the same';
COMMENT ON COLUMN bus.rested_on.seq IS 'number of the message that was judged';
COMMENT ON COLUMN bus.rested_on.what IS 'right: its sender had the right to speak of these places then; turn: others waited before it';
COMMENT ON COLUMN bus.rested_on.detail IS 'of a right: the P-codes, split by blanks';

-- One row: people change it here, for what comes.
CREATE TABLE bus.ledger_setting (
    one               bool PRIMARY KEY DEFAULT true CHECK (one),
    promise_waits     interval NOT NULL DEFAULT '24 hours',
    fact_waits        interval NOT NULL DEFAULT '7 days',
    held_per_sender   int4 NOT NULL DEFAULT 5000,
    held_per_thing    int4 NOT NULL DEFAULT 500,
    woken_per_message int4 NOT NULL DEFAULT 200,
    woken_per_commit  int4 NOT NULL DEFAULT 1000,
    tries             int4 NOT NULL DEFAULT 50
);
INSERT INTO bus.ledger_setting DEFAULT VALUES;
COMMENT ON TABLE bus.ledger_setting IS 'bounds of what is held: without them one sender can keep the head of the log for seconds';
COMMENT ON COLUMN bus.ledger_setting.promise_waits IS 'a promise held for so long is dismissed';
COMMENT ON COLUMN bus.ledger_setting.fact_waits IS 'a fact held for so long is contested: a person sees to it';
COMMENT ON COLUMN bus.ledger_setting.held_per_sender IS 'most messages of one sender that are held at a time';
COMMENT ON COLUMN bus.ledger_setting.held_per_thing IS 'most messages that wait for one thing at a time';
COMMENT ON COLUMN bus.ledger_setting.woken_per_message IS 'most that are judged again with one message, before it and behind it';
COMMENT ON COLUMN bus.ledger_setting.woken_per_commit IS 'the same for the messages of one transaction';
COMMENT ON COLUMN bus.ledger_setting.tries IS 'judged again so often, a held message waits for a person only';

ALTER TABLE bus.held ADD COLUMN woken_seq int8, ADD COLUMN woken_at timestamptz, ADD COLUMN due_at timestamptz,
    ADD COLUMN sender_id int4, ADD COLUMN tries int4 NOT NULL DEFAULT 0;
UPDATE bus.held SET sender_id = (said->>'sender_id')::int4, due_at = since + interval '7 days' WHERE settled_as IS NULL;
COMMENT ON COLUMN bus.held.woken_seq IS 'number of the message that woke it last';
COMMENT ON COLUMN bus.held.woken_at IS 'when that was received: the clock by which this one is judged';
COMMENT ON COLUMN bus.held.due_at IS 'waits until then; null: it was settled, or a person has to';
COMMENT ON COLUMN bus.held.tries IS 'how often it was judged again and held again';
-- Each with a condition of its own: what asks by waits_for must not find these cheaper while there are no statistics.
CREATE INDEX held_sender ON bus.held (sender_id) WHERE said IS NOT NULL;
CREATE INDEX held_due ON bus.held (due_at) WHERE due_at IS NOT NULL AND NOT is_woken;

ALTER TABLE bus.timer ADD COLUMN set_seq int8;
COMMENT ON COLUMN bus.timer.set_seq IS 'number of the message whose judge set it; null: it was set otherwise';
CREATE TABLE bus.rang (
    set_seq int8 NOT NULL,
    due_at  timestamptz NOT NULL,
    rang_at timestamptz NOT NULL,
    subject uuid NOT NULL,
    kind    text NOT NULL,
    PRIMARY KEY (kind, subject)
);
COMMENT ON TABLE bus.rang IS 'the last ringing of each timer, so that the log judged again does not ring it once more';
COMMENT ON COLUMN bus.rang.set_seq IS 'number of the message whose judge had set it';

GRANT SELECT ON bus.ledger_setting TO bus_admin;

RESET ROLE;
