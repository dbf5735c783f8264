-- ledger_alert: judges what moves a life cycle of `alert`. Nothing is judged yet.
CREATE FUNCTION bus.judge_alert(m bus.said) RETURNS bus.judgement
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN NULL;
END
$$;
-- Empties its tables, before the log is judged again.
CREATE FUNCTION bus.ledger_clear_alert() RETURNS void LANGUAGE sql AS $$ SELECT $$;
