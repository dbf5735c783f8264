-- last_values: one page of the last values, oldest first; none: the end. $1 after int8 (exclusive), $2 up
-- to int8 (inclusive), $3 most bytes of content int8, $4 most rows int4.
SELECT seq, log_epoch, sender_id, epoch, lane, lane_seq, message_id, type, status, places, event_at,
       received_at, not_after, clock_offset_ms, verdict, expired, marks, content, signature, reach,
       NULL::bytea AS keys
  FROM bus.last_values($1, $2, $3, $4);
