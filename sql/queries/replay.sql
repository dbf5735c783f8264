-- replay: one page of the log, oldest first. $1 after int8 (exclusive), $2 up to int8 (inclusive),
-- $3 most bytes of content int8, $4 lanes int4 (bit n: lane n). reach: names of the principals it is for,
-- null = whoever subscribes. keys: wrapped keys of a sealed box that still exist.
SELECT seq, log_epoch, sender_id, epoch, lane, lane_seq, message_id, type, status, places, event_at,
       received_at, not_after, clock_offset_ms, verdict, expired, marks, content, signature, reach,
       CASE WHEN type = 221 THEN bus.keys_of(seq) END AS keys
  FROM bus.replay($1, $2, $3, $4);
