-- views_map: where stations stand, and the torrents they watch, as gateways describe themselves.

CREATE VIEW eoc.station AS
SELECT r.gateway, t.thing->>'name' AS name, t.thing->>'pcode' AS pcode, (t.thing->'position'->>'lat_e7')::int8 / 1e7::float8 AS lat,
       (t.thing->'position'->>'lon_e7')::int8 / 1e7::float8 AS lon, (t.thing->>'altitude_cm')::int4 / 100.0 AS altitude_m, r.seq
  FROM (SELECT DISTINCT ON (l.doc->'sensor_registry'->>'gateway') l.doc->'sensor_registry'->>'gateway' AS gateway, l.doc->'sensor_registry' AS b, l.seq
          FROM bus.ledger l WHERE l.type = 105 ORDER BY l.doc->'sensor_registry'->>'gateway', l.seq DESC) AS r
 CROSS JOIN LATERAL jsonb_array_elements(coalesce(r.b->'things', '[]')) AS t(thing);
COMMENT ON VIEW eoc.station IS 'masts, gauge houses and bridges of the newest registry of each gateway';
COMMENT ON COLUMN eoc.station.lat IS 'degrees north, WGS 84';
COMMENT ON COLUMN eoc.station.lon IS 'degrees east, WGS 84';
COMMENT ON COLUMN eoc.station.altitude_m IS 'metres above sea level; null = not said';

CREATE VIEW eoc.torrent AS
SELECT r.gateway, (t.torrent->>'torrent_id')::int4 AS torrent_id, t.torrent->>'name' AS name, (x.point->>'point_id')::int4 AS point_id, x.point->>'name' AS point,
       (x.point->'position'->>'lat_e7')::int8 / 1e7::float8 AS lat, (x.point->'position'->>'lon_e7')::int8 / 1e7::float8 AS lon,
       coalesce((x.point->>'distance_m')::int4, 0) AS distance_m, nullif((x.point->>'people')::int4, 0) AS people, r.seq
  FROM (SELECT DISTINCT ON (l.doc->'sensor_registry'->>'gateway') l.doc->'sensor_registry'->>'gateway' AS gateway, l.doc->'sensor_registry' AS b, l.seq
          FROM bus.ledger l WHERE l.type = 105 ORDER BY l.doc->'sensor_registry'->>'gateway', l.seq DESC) AS r
 CROSS JOIN LATERAL jsonb_array_elements(coalesce(r.b->'torrents', '[]')) AS t(torrent)
  LEFT JOIN LATERAL jsonb_array_elements(coalesce(t.torrent->'exposed', '[]')) AS x(point) ON true;
COMMENT ON VIEW eoc.torrent IS 'channels that mudflows come down, one row a place that one reaches; the newest registry of each gateway';
COMMENT ON COLUMN eoc.torrent.lat IS 'of the exposed point, degrees north, WGS 84; null: it names none';
COMMENT ON COLUMN eoc.torrent.lon IS 'degrees east, WGS 84';
COMMENT ON COLUMN eoc.torrent.distance_m IS 'along the channel from the lowest flow sensor, metres';
COMMENT ON COLUMN eoc.torrent.people IS 'persons below, usual; null = not counted';

-- What a gateway says of one torrent goes on until it clears it, whatever lower level another profile of it says meanwhile
-- or came later. What is real goes before what is played; an exercise of another day counts where there is nothing else.
CREATE VIEW eoc.gateway_level AS
SELECT DISTINCT ON (y.sender) y.sender, y.level, y.hazard, y.event_at, y.status, y.pcode, y.seq
  FROM (SELECT x.*, min(x.nth) FILTER (WHERE x.level = 'CLEAR') OVER (PARTITION BY x.sender, x.status, x.torrent) AS cleared
          FROM (SELECT d.*, coalesce(d.torrent_id, 0) AS torrent,
                       row_number() OVER (PARTITION BY d.sender, d.status, coalesce(d.torrent_id, 0) ORDER BY d.event_at DESC, d.seq DESC) AS nth
                  FROM (SELECT * FROM eoc.sensor_detection n ORDER BY n.seq DESC LIMIT 500) AS d) AS x) AS y
 WHERE y.nth = 1 OR y.nth < coalesce(y.cleared, y.nth + 1)
 ORDER BY y.sender, y.status = 'ACTUAL' OR y.event_at > now() - interval '1 day' DESC,
          array_position(ARRAY['ALARM', 'WARNING', 'WATCH'], y.level), y.status = 'ACTUAL' DESC, y.event_at DESC, y.seq DESC;
COMMENT ON VIEW eoc.gateway_level IS 'the highest level of each gateway that is in force, of its newest detections';
COMMENT ON COLUMN eoc.gateway_level.level IS 'ALARM, WARNING, WATCH, or CLEAR: it has cleared all';
COMMENT ON COLUMN eoc.gateway_level.event_at IS 'when it said so last';

GRANT SELECT ON eoc.station, eoc.torrent, eoc.gateway_level TO bus_reader, bus_admin;
