-- page: which of these messages (ids with commas between) are recorded: asked when the page was blind for a while
-- takes: ids
SELECT coalesce(json_agg(d.message_id), '[]')::text FROM eoc.document d
 WHERE d.message_id = ANY (string_to_array($1::text, ',')::uuid[]);
