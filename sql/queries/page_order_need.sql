-- page: how many others approve this order before a machine obeys, and the place where that one is; "false": this person may not order it there, "nobody": there is no such machine, "drafts": more than eight of this person's wait for others, with those that are under way (`written`, blanks between, this one too). Asked by the program, not by pages.
-- takes: person type action machine places label written
SELECT coalesce((SELECT CASE WHEN NOT (bus.may($1::text, 'say', $2::text, coalesce($5::text, ''), $6::text) AND bus.may_at($1::text, 'say', $2::text, $4::text)) THEN 'false'
                             WHEN n.needed > 0 AND (SELECT count(*) FROM (SELECT d.message_id FROM eoc.order_draft d WHERE d.author = $1::text AND d.state = 'WAITING'
                                                                UNION SELECT w::uuid FROM unnest(string_to_array(btrim($7::text), ' ')) AS w
                                                                       WHERE NOT EXISTS (SELECT FROM eoc.document x WHERE x.message_id = w::uuid)) AS u) > 8 THEN 'drafts'
                             ELSE format('%s %s', n.needed, l.pcode) END
                   FROM eoc.links() AS l CROSS JOIN (SELECT bus.approvers_needed($2::text, coalesce($3::text, '')) AS needed) AS n
                  WHERE l.principal = $4::text), 'nobody');
