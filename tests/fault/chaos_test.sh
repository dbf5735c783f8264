#!/bin/bash
# chaos_test.sh - a minute of `make fault`, with sanitizers: every kind of fault that this machine allows, at
# least once. CHAOS_SEED=n repeats a plan.
set -u
cd "$(dirname "$0")/../.."
chaos=${SAN_BUILD:-build-san}/tests/fault/chaos/chaos
"$chaos" -s "${CHAOS_SEED:-$((RANDOM * 32768 + RANDOM))}" -f 30 -t 60 -l 3000 -a "${CHAOS_MESSAGES:-100000}"
code=$?
if [ $code = 0 ]; then echo "1 passed, 0 failed"; else echo "0 passed, 1 failed"; fi
exit $code
