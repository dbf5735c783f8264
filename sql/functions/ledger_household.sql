-- ledger_household: judges what moves a life cycle of `household`. Nothing is judged yet.
CREATE FUNCTION bus.judge_household(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN NULL;
END
$$;
-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_household() RETURNS void LANGUAGE sql AS $$ SELECT $$;
