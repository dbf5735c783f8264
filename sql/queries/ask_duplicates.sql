-- ask: which households may be one family that two offices wrote down
-- takes: nothing
SELECT d.household_id, d.state, d.sender, eoc.place_name(d.pcode) AS place, d.other_id, d.other_state, d.other_sender,
       eoc.place_name(d.other_pcode) AS other_place, d.marks
  FROM eoc.household_match d
 ORDER BY d.marks DESC, d.seq DESC
 LIMIT 200;
