-- settings: with which settings a broker runs now; what differs from before goes on record. $1 its name text,
-- $2 text, a line each: name, default, value, split by tabs; no value holds a tab or a line's end.
SELECT bus.say_settings($1, $2);
