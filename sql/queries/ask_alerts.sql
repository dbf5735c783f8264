-- ask: which alarms and alerts has nobody taken yet
-- takes: nothing
SELECT a.state, a.type, a.level, a.hazard, eoc.place_name(split_part(a.places, ' ', 1)) AS place, a.status,
       date_trunc('second', a.age)::text AS age, array_to_string(a.asked, ', ') AS asked, a.next_asks, a.next_at, a.seq
  FROM eoc.alert_open a
 ORDER BY a.state = 'UNANSWERED' DESC, a.began_at;
