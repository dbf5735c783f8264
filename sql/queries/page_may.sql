-- page: may this person say a message of this type about these places, so confidential, and would an answer to that message count? "true", "false", or a word why not. Asked by the program, not by pages.
-- takes: person type places label answers
SELECT CASE WHEN EXISTS (SELECT FROM bus.principal p WHERE p.name = $1::text AND p.revoked_at IS NULL AND (p.not_after IS NULL OR p.not_after > now()))
             AND bus.may($1::text, 'say', $2::text, coalesce($3::text, ''), $4::text)
            THEN coalesce(bus.why_no_answer($1::text, $5::text::uuid), 'true') ELSE 'false' END;
