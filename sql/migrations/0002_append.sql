-- 0002 append: nothing of its own any more; the functions that were here are sql/functions/append.sql and
-- read.sql.
-- was: 6dadcda7e726a5ca648288f3924723100b20f4e8bad364c9c6d8894abde0d534
SET LOCAL ROLE bus_owner;
RESET ROLE;
