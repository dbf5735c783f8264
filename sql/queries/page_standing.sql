-- page: who of these (names, blanks between) is revoked, or whose time is over; of a name that nobody enrolled nothing is known. Asked by the program, not by pages.
-- takes: persons
SELECT coalesce(string_agg(p.name, ' '), '') FROM bus.principal p WHERE p.name = ANY (string_to_array($1::text, ' ')) AND (p.revoked_at IS NOT NULL OR p.not_after <= now());
