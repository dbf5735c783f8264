-- reads_for: on this connection everything is read for that person, as far as its login may, until it is said again.
-- $1 name text; empty: the login itself
SELECT set_config('bus.reads_for', $1::text, false);
