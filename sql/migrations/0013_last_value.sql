-- 0013 last_value: the newest batch of each stream of samples, and the log by time of receipt.
--
-- The projector keeps the table (bus.project_put); streams that were silent for a month before this
-- ran are not filled in.
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.last_value (
    time          timestamptz NOT NULL,
    seq           int8 NOT NULL,
    sender_id     int4 NOT NULL,
    datastream_id int4 NOT NULL,
    status        int2 NOT NULL,
    PRIMARY KEY (sender_id, datastream_id, status)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.1);
COMMENT ON TABLE bus.last_value IS 'the observation batch with the newest sample of each stream';
COMMENT ON COLUMN bus.last_value.time IS 'of that sample; never later than when it was put here';
COMMENT ON COLUMN bus.last_value.seq IS 'number of the message';
COMMENT ON COLUMN bus.last_value.status IS 'exercises and tests do not stand in the way of what is real';

INSERT INTO bus.last_value (time, seq, sender_id, datastream_id, status)
SELECT DISTINCT ON (r.sender_id, r.datastream_id, m.status)
       least(r.time, now()), r.seq, r.sender_id, r.datastream_id, m.status
  FROM bus.reading r JOIN bus.message m ON m.seq = r.seq
 WHERE r.time > now() - interval '31 days'
 ORDER BY r.sender_id, r.datastream_id, m.status, least(r.time, now()) DESC, r.seq DESC;

-- bus.seq_at looks here; times of receipt grow with the numbers, but for what waited in a broker.
CREATE INDEX message_received ON bus.message USING brin (received_at)
    WITH (pages_per_range = 64, autosummarize = on);

RESET ROLE;
