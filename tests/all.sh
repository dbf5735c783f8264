#!/bin/bash
# all.sh - everything `make test` runs, in the order in which a failure is cheapest to understand.
# BUILD holds the programs as they ship, SAN_BUILD the same with sanitizers, and all C tests. FIRST,
# BESIDE and PARTS name the parts to run first, at the same time as those, and afterwards.
set -u
cd "$(dirname "$0")/.."
export BUILD=$(realpath "${BUILD:-build}") SAN_BUILD=$(realpath "${SAN_BUILD:-build-san}")
export TEST_SUMS=$(mktemp)
trap 'rm -f "$TEST_SUMS"' EXIT

find_tests() { find "$SAN_BUILD/tests/$1" -name '*_test' -type f -perm -u+x 2>/dev/null | sort; }

# Tests that wait for a slow link or a slow listener most of the time.
patient=' thin_link_test slow_listener_test '

fault_tests() { # patient or impatient
    for program in $(find_tests fault); do
        case $patient in
        *" ${program##*/} "*) [ "$1" = patient ] && echo "$program" ;;
        *) [ "$1" = impatient ] && echo "$program" ;;
        esac
    done
}

run_part() {
    case $1 in
    lint) SECONDS_MAX=280 tests/run.sh lint tests/lint/*.sh ;;
    unit | integration) tests/run.sh "$1" $(find_tests "$1") ;;
    patient) tests/run.sh patient $(fault_tests patient) ;;
    fault) tests/run.sh fault $(fault_tests impatient) tests/fault/*_test.sh ;;
    sim | model) TEST_LIMIT=600 tests/run.sh "$1" tests/"$1"/*_test.sh ;;
    interop) tests/run.sh interop tests/interop/*_test.sh ;;
    *) echo "tests/all.sh: there is no part $1" >&2 && exit 2 ;;
    esac
}

# What needs one core or none goes beside what needs both; what it said is shown when all of it is done.
beside=$(mktemp)
for part in ${BESIDE-model patient}; do
    run_part "$part"
done >"$beside" 2>&1 &
for part in ${FIRST-lint unit sim}; do
    run_part "$part"
done
wait
cat "$beside"
rm -f "$beside"
for part in ${PARTS:-integration interop fault}; do
    run_part "$part"
done

awk '{ p += $1; f += $2 } END { printf "%d passed, %d failed\n", p, f; exit f > 0 }' "$TEST_SUMS"
