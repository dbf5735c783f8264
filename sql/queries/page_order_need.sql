-- page: how many others approve this order before a machine obeys; "false": this person may not order it there, "nobody": there is no such machine. Asked by the program, not by pages.
-- takes: person type action machine places label
SELECT CASE WHEN NOT EXISTS (SELECT FROM eoc.links() AS l WHERE l.principal = $4::text) THEN 'nobody'
            WHEN bus.may($1::text, 'say', $2::text, coalesce($5::text, ''), $6::text) AND bus.may_order($1::text, $2::text, $4::text)
            THEN bus.approvers_needed($2::text, coalesce($3::text, ''))::text ELSE 'false' END;
