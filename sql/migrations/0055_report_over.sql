-- 0055 report_over: a detector's warning that is over by itself needs no decision any more.
SET LOCAL ROLE bus_owner;

ALTER TABLE bus.incident_report ADD COLUMN torrent_id int4 NOT NULL DEFAULT 0,
                                ADD COLUMN level text NOT NULL DEFAULT '',
                                ADD COLUMN over_seq int8;
COMMENT ON COLUMN bus.incident_report.torrent_id IS 'torrent of a detection; 0 = none';
COMMENT ON COLUMN bus.incident_report.level IS 'of a detection: WARNING or ALARM; empty = a person reported';
COMMENT ON COLUMN bus.incident_report.over_seq IS 'of a WARNING: number of what its detector concluded after it; null = it stands, or is an ALARM';

UPDATE bus.incident_report r
   SET torrent_id = coalesce((d.doc->'sensor_detection'->>'torrent_id')::int4, 0),
       level = regexp_replace(d.doc->'sensor_detection'->>'level', '^DETECTION_LEVEL_', '')
  FROM bus.document d
 WHERE r.type = 101 AND d.type = 101 AND d.seq = r.seq;
UPDATE bus.incident_report r SET over_seq = o.seq
  FROM (SELECT r.message_id, min(d.seq) AS seq
          FROM bus.incident_report r JOIN bus.document d
            ON d.type = 101 AND d.sender_id = r.sender_id AND d.status = r.status AND d.event_at > r.event_at
           AND coalesce((d.doc->'sensor_detection'->>'torrent_id')::int4, 0) = r.torrent_id
         WHERE r.level = 'WARNING' AND r.incident_id IS NULL GROUP BY 1) AS o
 WHERE r.message_id = o.message_id;

DROP INDEX bus.incident_report_open;
CREATE INDEX incident_report_open ON bus.incident_report (event_at) WHERE incident_id IS NULL AND over_seq IS NULL;
CREATE INDEX incident_report_torrent ON bus.incident_report (sender_id, torrent_id)
    WHERE level = 'WARNING' AND incident_id IS NULL AND over_seq IS NULL;

-- What somebody has taken and goes on is shown beside what nobody has.
CREATE INDEX alert_taken ON bus.alert (since) WHERE state = 'ACKNOWLEDGED';

RESET ROLE;
