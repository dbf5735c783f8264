-- page: may who asks read this message? Asked by the program, not by pages.
-- takes: seq
SELECT EXISTS (SELECT FROM eoc.message m WHERE m.seq = $1::text::int8)::text;
