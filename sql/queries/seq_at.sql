-- seq_at: the number to start behind for what was received at or after a time. $1 UTC us int8.
SELECT bus.seq_at('1970-01-01 00:00:00+00'::timestamptz + $1::int8 * interval '1 microsecond');
