-- head: where the log stands now. log_epoch int4, seq int8, principals int8 (version).
SELECT * FROM bus.head();
