-- principals: the keys that open the door now, and what vouches for them; with the first of them every rule.
SELECT principal_id, name, agency, roles, places, public_key, not_after, sign_key, serial, enrolment, is_shut, rules,
       revoked_at, revocation
  FROM bus.principals();
