-- append: one batch. Parameters as in bus.append (binary arrays; null = none of that kind).
SELECT log_epoch, before, head, expired, outcome, seq, verdict, code, path, refusal
  FROM bus.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                  $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36);
