-- page: may this person say a message of this type about these places?
-- takes: person type places
SELECT bus.may($1::text, 'say', $2::text, coalesce($3::text, ''))::text;
