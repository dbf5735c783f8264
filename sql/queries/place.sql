-- place: where the log stands when a connection begins. log_epoch int4, seq int8, principals int8.
SELECT * FROM bus.head();
