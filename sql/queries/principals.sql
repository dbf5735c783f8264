-- principals: the keys that open the door now, and what vouches for them.
SELECT principal_id, name, agency, roles, places, public_key, not_after, sign_key, serial, enrolment, is_shut
  FROM bus.principals();
