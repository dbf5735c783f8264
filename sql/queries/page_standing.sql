-- page: who of these (names, blanks between) is revoked, or whose time is over; * if it is the desk itself, which hears nothing any more, and would show an empty room. Of a name that nobody enrolled nothing is known. Asked by the program, not by pages.
-- takes: persons desk
SELECT CASE WHEN bool_or(p.name = $2::text) THEN '*' ELSE coalesce(string_agg(p.name, ' '), '') END
  FROM bus.principal p WHERE p.name = ANY (string_to_array($1::text, ' ') || $2::text) AND (p.revoked_at IS NOT NULL OR p.not_after <= now());
