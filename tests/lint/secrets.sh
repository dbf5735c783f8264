#!/bin/sh
# secrets.sh - no password in anything that starts a program: scripts, units, what eocctl demo runs; and none is
# taken from a command line or the environment by a broker or an operator's command.
set -u
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
bad=0
passed=0
check() {
    if [ "$2" = 0 ]; then passed=$((passed + 1)); else
        bad=$((bad + 1))
        echo "secrets.sh: $1"
    fi
}

grep -rniE 'PGPASSWORD|password *=|://[^/ ]*:[^/ ]*@' deploy/*.sh deploy/systemd deploy/demo agents/ctl/demo*.c Makefile |
    grep -v 'EnvironmentFile=-$'
check "something that starts a program holds a password" "$((! $?))"

[ -x "$build/eocctl" ] || build=$build-san
said=$("$build/eocbus-broker" -o 'database=dbname=eocbus password=canary-1' 2>&1)
check "the broker takes a password from its command line" "$((! $(echo "$said" | grep -c 'by peer')))"
check "the broker says the password again" "$(echo "$said" | grep -c canary-1)"
said=$(PGPASSWORD=canary-2 "$build/eocbus-broker" 2>&1)
check "the broker takes a password from its environment" "$((! $(echo "$said" | grep -c 'by peer')))"
said=$("$build/eocctl" -o 'database=host=/nowhere dbname=eocbus password=canary-3' migrate 2>&1)
check "eocctl takes a password from its command line" "$((! $(echo "$said" | grep -c 'by peer')))"
check "eocctl says the password again" "$(echo "$said" | grep -c canary-3)"
said=$(PGPASSWORD=canary-4 "$build/eocctl" -o 'database=host=/nowhere dbname=eocbus' migrate 2>&1)
check "eocctl takes a password from its environment" "$((! $(echo "$said" | grep -c 'by peer')))"

echo "$passed passed, $bad failed"
[ $bad = 0 ]
