-- ask: where are plots free, and what became of the others
-- takes: nothing
SELECT s.site_id, s.name, eoc.place_name(s.pcode) AS place, s.status, s.capacity, s.free, s.reserved, s.allocated, s.occupied,
       s.elsewhere, s.blocked, s.is_safe
  FROM eoc.site s
 ORDER BY s.free DESC, s.site_id;
