-- raise_epoch: this log lost something. $1 expected int4, $2 above int4, $3 why text. log_epoch int4, raised bool.
SELECT log_epoch, raised FROM bus.raise_epoch($1, $2, $3);
