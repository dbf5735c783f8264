-- ask: which reports are missing, late or on time in the last thirty days
-- takes: nothing
SELECT eoc.place_name(e.pcode) AS place, e.type, e.state, e.incident_name, e.period_from, e.period_to, e.due_at,
       e.first_received_at
  FROM eoc.report_expected e
 WHERE e.state <> 'NOT_DUE'
 ORDER BY e.state = 'MISSING' DESC, e.due_at DESC, e.pcode;
