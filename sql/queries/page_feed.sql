-- page: the public alerts as an Atom feed (RFC 4287), behind a line with when it changed last. Asked by the program, not by pages.
-- takes: status sender
WITH shown AS (
    SELECT p.*, p.cap->'infos'->0 AS info FROM eoc.alert_published p WHERE p.status = upper($1::text)
), changed AS (
    SELECT coalesce(max(s.received_at), '2000-01-01Z') AS at FROM shown s
)
SELECT concat(to_char(c.at AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS "GMT"'), E'\n<?xml version="1.0" encoding="UTF-8"?>\n', xmlelement(name feed,
    xmlattributes('http://www.w3.org/2005/Atom' AS xmlns),
    xmlelement(name id, format('tag:%s,2026:alerts', $2::text)),
    xmlelement(name title, CASE upper($1::text) WHEN 'EXERCISE' THEN 'EXERCISE: alerts of ' ELSE 'Alerts of ' END || $2::text),
    xmlelement(name updated, to_char(c.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
    xmlelement(name author, xmlelement(name name, $2::text)),
    xmlelement(name link, xmlattributes('self' AS rel, 'application/atom+xml' AS type, 'alerts.atom' AS href)),
    (SELECT xmlagg(xmlelement(name entry,
        xmlelement(name id, format('urn:uuid:%s', s.message_id)),
        xmlelement(name title, xmlattributes(coalesce(s.info->>'language', 'en-US') AS "xml:lang"), coalesce(nullif(s.info->>'headline', ''), s.info->>'event', s.msg_type)),
        xmlelement(name updated, to_char(s.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
        xmlelement(name author, xmlelement(name name, coalesce(nullif(s.info->>'sender_name', ''), s.cap->>'cap_sender'))),
        xmlelement(name category, xmlattributes(initcap(s.status) AS term, 'urn:oasis:names:tc:emergency:cap:1.2:status' AS scheme)),
        xmlelement(name category, xmlattributes(initcap(s.msg_type) AS term, 'urn:oasis:names:tc:emergency:cap:1.2:msgType' AS scheme)),
        xmlelement(name link, xmlattributes('alternate' AS rel, 'application/cap+xml' AS type, format('%s.xml', s.message_id) AS href)),
        xmlelement(name summary, (SELECT string_agg(i->>'headline', ' / ') FROM jsonb_array_elements(s.cap->'infos') AS i))) ORDER BY s.seq DESC) FROM shown s)), E'\n')
  FROM changed c;
