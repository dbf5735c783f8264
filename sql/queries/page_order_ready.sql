-- page: drafts of this desk that enough people approved, here or elsewhere, and that it has not said yet: their ids. Asked by the program, not by pages.
-- takes: desk
SELECT coalesce(string_agg(d.message_id::text, ' ' ORDER BY d.seq), '')
  FROM eoc.order_draft d WHERE d.desk = $1::text AND d.state = 'WAITING' AND d.needed > 0 AND cardinality(d.approved_by) >= d.needed;
