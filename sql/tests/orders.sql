-- orders: how many approve, and who may.
\ir lib/begin.sql

SELECT is(bus.approvers_needed(x.type, x.action), x.n, format('%s %s takes %s', x.type, x.action, x.n))
  FROM (VALUES ('siren_command', 'sound', 2), ('siren_command', 'silence', 2), ('sensor_configuration', '', 2),
               ('sensor_control', 'set_mode', 2), ('sensor_control', 'clear', 1), ('sensor_control', 'sync_clock', 0),
               ('flash_report', '', 2)) AS x(type, action, n);

INSERT INTO bus.principal (name, agency, places, roles) VALUES
    ('coes.ayni.duty', 'coes', '3505203', 'dispatcher'), ('coes.sughd.duty', 'coes', '3501000', 'dispatcher'),
    ('eoc.duty', 'eoc', '', 'eoc'), ('coes.ayni.office', 'coes', '3505203', 'district'),
    ('coes.ayni.gw', 'coes', '3505203', 'gateway'), ('rcst.team', 'rcst', '', 'partner'), ('coes.ops', 'coes', '', 'operator'),
    ('coes.broker', 'coes', '', 'broker'), ('coes.officer', 'coes', '', 'officer');
SELECT is(bus.may(x.who, 'approve', x.type, x.place), x.may,
          format('%s may%s approve %s at %s', x.who, CASE WHEN x.may THEN '' ELSE ' not' END, x.type, x.place))
  FROM (VALUES ('coes.ayni.duty', 'siren_command', '3505203001', true),
               ('coes.ayni.duty', 'sensor_configuration', '3505203', true),
               ('coes.ayni.duty', 'siren_command', '3505217', false),
               ('coes.ayni.duty', 'siren_command', '', false),
               ('coes.ayni.duty', 'public_alert', '3505203', false),
               ('coes.sughd.duty', 'siren_command', '3501203', true),
               ('coes.sughd.duty', 'siren_command', '3505203', false),
               ('eoc.duty', 'siren_command', '3505203', true), ('eoc.duty', 'sensor_control', '', true),
               ('coes.ayni.office', 'siren_command', '3505203', true),
               ('coes.ayni.office', 'sensor_configuration', '3505203', false),
               ('coes.ayni.gw', 'siren_command', '3505203', false), ('rcst.team', 'siren_command', '3505203', false),
               ('coes.ops', 'siren_command', '3505203', false), ('coes.broker', 'siren_command', '3505203', false),
               ('coes.officer', 'siren_command', '3505203', false)) AS x(who, type, place, may);

-- Changed by people, with a reason, and in the record; brokers hear of it.
SELECT version AS version_before FROM bus.principal_version \gset
SELECT throws_ok($$SELECT bus.approvers_set('siren_command', '*', 3, ' ')$$, '22023');
SELECT throws_ok($$SELECT bus.approvers_set('siren_command', '*', 5, 'why not')$$, '23514');
SELECT throws_ok($$SELECT bus.approvers_set('flash_report', '*', 1, 'why not')$$, '23514');
SELECT lives_ok($$SELECT bus.approvers_set('siren_command', '*', 3, 'order 15')$$);
SELECT is(bus.approvers_needed('siren_command', 'sound'), 3);
SELECT cmp_ok(version, '>', :version_before::int8, 'brokers read it anew') FROM bus.principal_version;
SELECT ok(string_to_array(bus.rules_text(), E'\n') @> ARRAY['0 3 allow need siren_command:* any RESTRICTED - 0 0'],
          'in the words that brokers read');
SELECT is(array_length(string_to_array(x.line, ' '), 1), 10, x.line)
  FROM unnest(string_to_array(bus.rules_text(), E'\n')) AS x(line) WHERE x.line ~ ' (need|approve) ';
SELECT * FROM finish();
ROLLBACK;
