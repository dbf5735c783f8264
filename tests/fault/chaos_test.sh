#!/bin/bash
# chaos_test.sh - a minute of `make fault`, with sanitizers: every kind of fault that this machine allows, at
# least once. The seed is fixed, so that a failure means a change; `make fault` looks elsewhere.
set -u
cd "$(dirname "$0")/../.."
chaos=${SAN_BUILD:-build-san}/tests/fault/chaos/chaos
"$chaos" -s "${CHAOS_SEED:-4711}" -f 30 -t 60 -l 3000 -a "${CHAOS_MESSAGES:-100000}"
code=$?
if [ $code = 0 ]; then echo "1 passed, 0 failed"; else echo "0 passed, 1 failed"; fi
exit $code
