-- cursor_move: places move forward. Parameters as in bus.cursor_move: principal int4[], name text[],
-- lanes int4[], generation int8[], log_epoch int4[], upto int8[], closing bool[]. ordinal int4 of each
-- that was taken over.
SELECT * FROM bus.cursor_move($1, $2, $3, $4, $5, $6, $7);
