-- 0004 observations: readings in their own table, a row per sample, by month.
--
-- A broker decodes observation batches behind the log and puts them here (bus.project_put). The cursor
-- moves in the same transaction, and only from where the broker began to read: what two brokers decode
-- at once is put once.
-- was: 56958d2658d79a164e95390c44dd33ae0678fe9e6637a71428c33b97104e07b0
SET LOCAL ROLE bus_owner;

CREATE TABLE bus.reading (
    time          timestamptz NOT NULL,
    value         float8 NOT NULL,
    seq           int8 NOT NULL,
    sender_id     int4 NOT NULL,
    datastream_id int4 NOT NULL,
    quality       int4 NOT NULL,
    type          int2 NOT NULL,
    unit          int2 NOT NULL
) PARTITION BY RANGE (time);
COMMENT ON TABLE bus.reading IS 'samples of observation batches; people read eoc.observation';
CREATE INDEX reading_stream ON bus.reading (sender_id, datastream_id, time);
CREATE INDEX reading_time ON bus.reading USING brin (time);
-- Clocks are wrong sometimes: times that nobody lives in wait here, and move to their month if it comes.
CREATE TABLE bus.reading_other PARTITION OF bus.reading DEFAULT;

CREATE TABLE bus.sensor_status (
    seq              int8 PRIMARY KEY,
    time             timestamptz NOT NULL,
    sender_id        int4 NOT NULL,
    uptime_s         int8,
    battery_mv       int4,
    panel_mv         int4,
    temperature_dc   int4,
    rssi_dbm         int4,
    backlog_messages int8,
    backlog_bytes    int8,
    clock_offset_ms  int4,
    disk_free_kib    int8,
    mode             int2,
    tamper           bool
);
COMMENT ON TABLE bus.sensor_status IS 'sensor status messages; people read eoc.sensor_status';
CREATE INDEX sensor_status_sender ON bus.sensor_status (sender_id, time);

CREATE TABLE bus.projection (
    name text PRIMARY KEY,
    seq  int8 NOT NULL DEFAULT 0
);
COMMENT ON TABLE bus.projection IS 'how far each table that follows the log has come';
INSERT INTO bus.projection VALUES ('sensor');

-- How far the index of the log is made (bus.summarize).
CREATE TABLE bus.summarized (
    part       regclass PRIMARY KEY,
    next_block int8 NOT NULL
);

RESET ROLE;
