-- page: gateways: newest status, and what they concluded
-- takes: nothing
SELECT json_build_object(
    'status', coalesce((SELECT json_agg(x) FROM (SELECT DISTINCT ON (s.sender) s.* FROM eoc.sensor_status s
                  WHERE s.time > now() - interval '2 days' ORDER BY s.sender, s.time DESC) AS x), '[]'),
    'detections', coalesce((SELECT json_agg(x) FROM (SELECT d.* FROM eoc.sensor_detection d ORDER BY d.seq DESC LIMIT 50) AS x), '[]'))::text;
