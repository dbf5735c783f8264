-- 0003 principals: what an operator may read of them; how they come, change and go is
-- sql/functions/principals.sql.
-- was: 76accf4e16691bec7cde986016c0435e5c617582914bff74fcb2ebb47bae4c08
SET LOCAL ROLE bus_owner;

GRANT SELECT ON bus.principal, bus.principal_key TO bus_admin;

RESET ROLE;
