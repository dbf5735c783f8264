#!/bin/bash
# all.sh - everything `make test` runs, in the order in which a failure is cheapest to understand.
# BUILD holds the programs as they ship, SAN_BUILD the same with sanitizers, and all C tests.
set -u
cd "$(dirname "$0")/.."
export BUILD=$(realpath "${BUILD:-build}") SAN_BUILD=$(realpath "${SAN_BUILD:-build-san}")
export TEST_SUMS=$(mktemp)
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
trap 'rm -f "$TEST_SUMS"' EXIT

find_tests() { find "$SAN_BUILD/tests/$1" -name '*_test' -type f -perm -u+x 2>/dev/null | sort; }

SECONDS_MAX=280 tests/run.sh lint tests/lint/*.sh
tests/run.sh unit $(find_tests unit)
tests/run.sh sim tests/sim/*_test.sh
tests/run.sh integration $(find_tests integration)
tests/run.sh interop tests/interop/*_test.sh
tests/run.sh fault $(find_tests fault)
TEST_LIMIT=600 tests/run.sh model tests/model/*_test.sh

awk '{ p += $1; f += $2 } END { printf "%d passed, %d failed\n", p, f; exit f > 0 }' "$TEST_SUMS"
