-- chain_head: the newest link of the chain over the log; no row: nothing was stored yet. log_epoch int4, seq
-- int8, digest bytea.
SELECT log_epoch, last_seq, digest FROM bus.chain_head();
