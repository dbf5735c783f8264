-- page: how many others approve this order before a machine obeys, and the place where that one is; "false": this person may not order it there, "nobody": there is no such machine. Asked by the program, not by pages.
-- takes: person type action machine places label
SELECT coalesce((SELECT CASE WHEN bus.may($1::text, 'say', $2::text, coalesce($5::text, ''), $6::text) AND bus.may_order($1::text, $2::text, $4::text)
                             THEN format('%s %s', bus.approvers_needed($2::text, coalesce($3::text, '')), l.pcode) ELSE 'false' END
                   FROM eoc.links() AS l WHERE l.principal = $4::text), 'nobody');
