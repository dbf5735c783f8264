#!/bin/bash
# all.sh - everything `make test` runs, in the order in which a failure is cheapest to understand.
# BUILD holds the programs as they ship, SAN_BUILD the same with sanitizers, and all C tests. PARTS
# names those to run, all by default.
set -u
cd "$(dirname "$0")/.."
export BUILD=$(realpath "${BUILD:-build}") SAN_BUILD=$(realpath "${SAN_BUILD:-build-san}")
export TEST_SUMS=$(mktemp)
trap 'rm -f "$TEST_SUMS"' EXIT

find_tests() { find "$SAN_BUILD/tests/$1" -name '*_test' -type f -perm -u+x 2>/dev/null | sort; }

run_part() {
    case $1 in
    lint) SECONDS_MAX=280 tests/run.sh lint tests/lint/*.sh ;;
    unit | integration) tests/run.sh "$1" $(find_tests "$1") ;;
    fault) tests/run.sh fault $(find_tests fault) tests/fault/*_test.sh ;;
    sim | interop) tests/run.sh "$1" tests/"$1"/*_test.sh ;;
    model) TEST_LIMIT=600 tests/run.sh model tests/model/*_test.sh ;;
    *) echo "tests/all.sh: there is no part $1" >&2 && exit 2 ;;
    esac
}

for part in ${PARTS:-lint unit sim integration interop fault model}; do
    run_part "$part"
done

awk '{ p += $1; f += $2 } END { printf "%d passed, %d failed\n", p, f; exit f > 0 }' "$TEST_SUMS"
