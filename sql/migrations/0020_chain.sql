-- 0020 chain: a record that nobody can quietly change. PROTOCOL.md, "The record", has the definition.
--
-- Each commit of the log adds one row to bus.chain: the digests of its messages, and the digest of these
-- and of the chain before. What was stored before this ran is chained now, in rows of 4,096 numbers.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.chain (
    last_seq  int8 PRIMARY KEY,
    first_seq int8 NOT NULL,
    log_epoch int4 NOT NULL,
    digest    bytea NOT NULL,
    rows      bytea NOT NULL
);
ALTER TABLE bus.chain ALTER COLUMN rows SET STORAGE EXTERNAL; -- digests do not compress
COMMENT ON TABLE bus.chain IS 'one row a commit: digests of its messages, chained; rows are only ever added';
COMMENT ON COLUMN bus.chain.rows IS 'SHA-256 of each message from first_seq to last_seq, 32 bytes each';
COMMENT ON COLUMN bus.chain.digest IS 'SHA-256 of the digest before (zeros for the first), log_epoch, first_seq and rows';

ALTER TABLE bus.message ADD COLUMN digest bytea;
COMMENT ON COLUMN bus.message.digest IS
    'first 8 bytes of its digest in bus.chain: where one of the two was changed with the message, the other names it; null = stored before there was a chain';

-- Partitions that were taken away on purpose.
CREATE TABLE bus.retired (
    upto_seq   int8 PRIMARY KEY,
    retired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_by text NOT NULL
);
COMMENT ON TABLE bus.retired IS 'messages up to this number were taken away when their time was over; their digests stay in bus.chain';

INSERT INTO bus.retired (upto_seq, retired_by)
SELECT min(m.seq) - 1, 'before there was a chain' FROM bus.message m HAVING min(m.seq) > 1;
GRANT SELECT ON bus.chain, bus.retired TO bus_admin;

-- The same bytes as bus.row_digest (sql/functions/append.sql), which is not there yet.
DO $$
DECLARE
    c record;
    before bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR c IN
        SELECT d.log_epoch, min(d.seq) AS first_seq, max(d.seq) AS last_seq,
               string_agg(d.digest, '' ORDER BY d.seq) AS rows
          FROM (SELECT m.log_epoch, m.seq,
                       sha256(textsend(coalesce(p.name, '')) || decode('00', 'hex') || timestamptz_send(m.received_at)
                              || timestamptz_send(coalesce(m.not_after, 'infinity'))
                              || int4send(coalesce(m.clock_offset_ms, 0)) || int2send(coalesce(m.marks, 0::int2))
                              || int4send(octet_length(m.content)) || m.content || coalesce(m.signature, '')) AS digest
                  FROM bus.message m LEFT JOIN bus.principal p ON p.principal_id = m.sender_id OFFSET 0) AS d
         GROUP BY d.log_epoch, d.seq / 4096 ORDER BY min(d.seq)
    LOOP
        before := sha256(before || int4send(c.log_epoch) || int8send(c.first_seq) || c.rows);
        INSERT INTO bus.chain VALUES (c.last_seq, c.first_seq, c.log_epoch, before, c.rows);
    END LOOP;
END
$$;

RESET ROLE;
