-- project_put: readings and status of the span ($1, $2]; parameters as in bus.project_put. put bool.
SELECT bus.project_put($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                       $21, $22, $23, $24);
