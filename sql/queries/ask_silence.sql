-- ask: which affected districts are silent
-- takes: nothing
SELECT eoc.place_name(s.pcode) AS place, s.pcode, date_trunc('minute', s.silent_for)::text AS silent_for, s.allowed::text AS allowed,
       s.offices, s.last_sender, s.last_type, array_to_string(s.because, ', ') AS because, s.incident_name, s.incident_id
  FROM eoc.silence s
 ORDER BY s.silent_for DESC, s.pcode;
