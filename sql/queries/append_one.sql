-- append_one: a batch of one message. Parameters as in bus.append_one; the answer is that of append.
SELECT log_epoch, before, head, expired, outcome, seq, verdict, code, path, refusal
  FROM bus.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                      $19, $20);
