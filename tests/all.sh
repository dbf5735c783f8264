#!/bin/bash
# all.sh - everything `make test` runs, in the order in which a failure is cheapest to understand.
# BUILD holds the programs as they ship, SAN_BUILD the same with sanitizers, and all C tests. With
# PARTS only those parts run, one after another.
set -u
cd "$(dirname "$0")/.."
export BUILD=$(realpath "${BUILD:-build}") SAN_BUILD=$(realpath "${SAN_BUILD:-build-san}")
export TEST_SUMS=$(mktemp)
servers=
trap 'rm -rf "$TEST_SUMS" "$TEST_SUMS.lock" "$servers"' EXIT

find_tests() { find "$SAN_BUILD/tests/$1" -name '*_test' -type f -perm -u+x 2>/dev/null | sort; }

# Tests that wait for a slow link or a slow listener most of the time, and those that measure how
# long somebody waits for something: they have the machine to themselves.
patient=' thin_link_test slow_listener_test '
measuring=' attack_test dark_test quota_test two_brokers_test revoke_test '

fault_tests() { # patient, measuring or calm
    for program in $(find_tests fault); do
        kind=calm
        case $patient in *" ${program##*/} "*) kind=patient ;; esac
        case $measuring in *" ${program##*/} "*) kind=measuring ;; esac
        [ "$1" = $kind ] && echo "$program"
    done
}

# PostgreSQL's files are in memory where there is room: kill -9 and SIGSTOP take nothing from a disk, and
# one that is busy makes every commit wait. What is measured has a real disk under it; power_cut_test
# brings its own.
find_servers_a_place() {
    local free_mib
    free_mib=$(df -Pm /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
    [ "${free_mib:-0}" -ge 4000 ] && [ "$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)" -ge 6000 ] &&
        servers=$(mktemp -d /dev/shm/eocbus-XXXXXX) && chmod 1777 "$servers"
}

run_part() {
    case $1 in
    measuring) unset TEST_SERVERS ;;
    *) [ -n "$servers" ] && export TEST_SERVERS=$servers ;;
    esac
    case $1 in
    lint) tests/run.sh lint $(ls tests/lint/*.sh | grep -v /static.sh) ;; # that one is for `make lint`: six minutes
    unit | integration) tests/run.sh "$1" $(find_tests "$1") ;;
    patient | calm) tests/run.sh "$1" $(fault_tests "$1") ;;
    measuring) tests/run.sh measuring $(fault_tests measuring) tests/fault/*_test.sh ;;
    sim | model) TEST_LIMIT=600 tests/run.sh "$1" tests/"$1"/*_test.sh ;;
    interop | e2e) tests/run.sh "$1" tests/"$1"/*_test.sh ;;
    *) echo "tests/all.sh: there is no part $1" >&2 && exit 2 ;;
    esac
}

run_parts() {
    for part in "$@"; do
        run_part "$part"
    done
}

# Two lists of parts at the same time; what the second one said is shown when both are done.
run_beside() {
    local said
    said=$(mktemp)
    run_parts $2 >"$said" 2>&1 &
    run_parts $1
    wait
    cat "$said"
    rm -f "$said"
}

# One program after another by each of two workers, the long ones first, so that none of them is left alone
# in the end: every test has half of a machine of two processors. (In the foreground: what a shell starts
# beside itself has no ctrl-C, and demo_test is about that.)
run_queue() {
    local long part program programs order
    long=' room_test.sh hostile_test.sh shift_test.sh pages_test.sh walk_test pgtap_test '
    long+='demo_test canary_test rights_test interop_test.sh bad_input_test listener_test '
    {
        for part in integration calm interop e2e; do
            case $part in
            integration) programs=$(find_tests integration) ;;
            calm) programs=$(fault_tests calm) ;;
            interop) programs=$(ls tests/interop/*_test.sh) ;;
            e2e) programs=$(ls tests/e2e/*_test.sh) ;;
            esac
            for program in $programs; do
                case $long in *" ${program##*/} "*) order=0 ;; *) order=1 ;; esac
                echo "$order $part $program"
            done
        done
    } | sort -s -k 1,1 | xargs -P 2 -L 1 bash -c '
        said=$(tests/run.sh "$1" "$2" 2>&1)
        exec 8>>"$TEST_SUMS.lock"
        flock 8 # so that each has its lines together
        grep -vE "^$1: [0-9]+ passed, [0-9]+ failed" <<<"$said"; true'
}

# One or two programs that failed beside others run once more with the machine to themselves. One that passes
# then is called unsteady, and what it said first stays above: it has a race, its own or the product's.
# More than two, or anything that a sanitizer said, is no accident.
run_again() {
    local first="$TEST_SUMS.first" program
    awk '$2 > 0' "$TEST_SUMS" >"$first"
    if [ -s "$first" ] && [ "$(wc -l <"$first")" -le 2 ] && ! grep -q ' reported$' "$first"; then
        awk '$2 == 0' "$TEST_SUMS" >"$TEST_SUMS.rest" && mv "$TEST_SUMS.rest" "$TEST_SUMS"
        while read -r _ _ program; do
            TEST_LIMIT=600 tests/run.sh 'once more' "$program" && echo "unsteady: ${program##*/tests/}"
        done <"$first"
    fi
    rm -f "$first"
}

find_servers_a_place
if [ -n "${PARTS:-}" ]; then
    run_parts $PARTS
else
    run_beside "lint unit sim" "model patient"
    export TEST_SERVERS=${servers:-/tmp}
    run_queue
    run_parts measuring
fi
run_again

awk '{ p += $1; f += $2 } END { printf "%d passed, %d failed\n", p, f; exit f > 0 }' "$TEST_SUMS"
