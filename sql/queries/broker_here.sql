-- broker_here: this broker runs, and knows the log so far. $1 its name text, $2 log epoch int4 (0: not read yet),
-- $3 seq int8.
SELECT bus.broker_here($1, $2, $3);
