-- tick: what time did to recipients, said to their senders. $1 most of each kind int4. Answers expired int4,
-- undeliverable int4, said int4, more bool.
SELECT expired, undeliverable, said, more FROM bus.tick($1);
