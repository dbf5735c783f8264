-- page: may somebody of this name still come in? "revoked": it is, or its time is over; else nothing, also of a name that nobody enrolled. Asked by the program, not by pages.
-- takes: person
SELECT coalesce((SELECT 'revoked' FROM bus.principal p WHERE p.name = $1::text AND (p.revoked_at IS NOT NULL OR p.not_after <= now())), '');
