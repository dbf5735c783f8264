-- project_page: sensor messages of a span of the log. $1 after int8 (exclusive), $2 up to int8.
SELECT seq, sender_id, type, content FROM bus.project_page($1, $2);
