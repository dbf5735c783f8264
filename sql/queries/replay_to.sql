-- replay_to: as replay, of what is for one principal ($5 name) only; at most $6 messages int8.
SELECT seq, log_epoch, sender_id, epoch, lane, lane_seq, message_id, type, status, places, event_at,
       received_at, not_after, clock_offset_ms, verdict, expired, marks, content, signature, $5::text AS reach,
       CASE WHEN type = 221 THEN bus.keys_of(seq) END AS keys
  FROM bus.replay_to($1, $2, $3, $4, $5, $6);
