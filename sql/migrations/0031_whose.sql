-- 0031 whose: a message about somebody else's thing, and what a verdict rested on that the log does not hold.
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

RESET ROLE;
