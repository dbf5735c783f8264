-- page: every legal move of the life cycles in which dispatchers have a say: cycle, state, event, where it leads
-- takes: nothing
SELECT coalesce(json_object_agg(y.cycle, y.states), '{}')::text
  FROM (SELECT x.cycle, json_object_agg(x.from_state, x.events) AS states
          FROM (SELECT t.cycle, t.from_state, json_object_agg(t.event, t.to_state) AS events FROM eoc.transition t
                 WHERE t.cycle IN ('incident', 'request', 'line') GROUP BY 1, 2) AS x GROUP BY 1) AS y;
