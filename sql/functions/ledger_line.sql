-- ledger_line: judges what moves a life cycle of `line`. Nothing is judged yet.
CREATE FUNCTION bus.judge_line(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN NULL;
END
$$;
-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_line() RETURNS void LANGUAGE sql AS $$ SELECT $$;

-- How many requests of an incident are still open, in a sentence; null: none is.
CREATE FUNCTION bus.open_requests_text(incident uuid, status int2) RETURNS text LANGUAGE sql STABLE AS $$ SELECT NULL::text $$;
