-- head: where the log stands now. log_epoch int4, seq int8, principals int8 (version), has_standby bool
-- (commits wait for one), standbys int4 (connected), past text (bus.log_past).
SELECT * FROM bus.head();
