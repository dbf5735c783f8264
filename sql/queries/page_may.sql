-- page: may this person say a message of this type about these places, so confidential? Asked by the program, not by pages.
-- takes: person type places label
SELECT bus.may($1::text, 'say', $2::text, coalesce($3::text, ''), $4::text)::text;
