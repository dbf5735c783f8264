-- cursor_open: durable names are taken over. Parameters as in bus.cursor_open: principal int4[], name
-- text[], lanes int4[] (bit n: lane n), patterns text[], after_epoch int4[], after int8[], from_first
-- bool[], broker text.
-- Rows of one name stand together.
SELECT ordinal, lane, log_epoch, seq, generation FROM bus.cursor_open($1, $2, $3, $4, $5, $6, $7, $8)
 ORDER BY ordinal;
