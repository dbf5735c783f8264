-- place: where the log stands when a connection begins, on this server's timeline. log_epoch int4, seq int8,
-- raised bool (the epoch, since this server was promoted), past text (bus.log_past).
SELECT log_epoch, seq, raised, past FROM bus.see_timeline();
