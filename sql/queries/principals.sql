-- principals: the keys that open the door now.
SELECT principal_id, name, agency, role, place, public_key, not_after FROM bus.principals();
