-- page: hubs by their setting, with how many brokers each has and how many run, for everybody's lamps. Asked by the program, not by pages.
-- takes: nothing
SELECT coalesce(json_agg(json_build_array(x.hub, x.brokers, x.alive) ORDER BY x.hub), '[]')::text
  FROM (SELECT b.hub, count(*) AS brokers, count(*) FILTER (WHERE b.is_alive) AS alive FROM eoc.brokers() AS b GROUP BY 1) AS x;
