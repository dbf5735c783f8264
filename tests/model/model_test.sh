#!/bin/bash
# model_test.sh - spin looks at every state of the models in this directory: none may break a promise.
#
# Then the same models with mistakes planted by a switch: each must be caught, else the model would prove
# nothing. And two known limits, each named where it is written down: they must still show. A clean run
# counts only if spin saw everything (no depth cut off, memory enough). One process at a time.
#
#   tests/model/model_test.sh [NAME]    only the runs whose name begins so
#   spin -t -p -g -D... NAME.pml        replays NAME.pml.trail, in the directory that KEEP=DIR names
set -u
models=$(cd "$(dirname "$0")" && pwd)
only=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
states_all=0

command -v spin >/dev/null && command -v gcc >/dev/null || {
    echo "spin and gcc are needed: apt install spin gcc"
    echo "0 passed, 1 failed"
    exit 1
}

# explore NAME MODEL "SWITCHES": fills in errors, states, depth, why, complete
explore() {
    local compile="-DSAFETY" search="" dir="$work/run"

    rm -rf "$dir" && mkdir "$dir" && cd "$dir" || exit 1
    case $3 in *-DT_REVERSE*) compile="$compile -DT_REVERSE" ;; esac # finds some mistakes sooner
    case $3 in *-DLIVE*) compile="-DNFAIR=4" search="-a -f" ;; esac
    # shellcheck disable=SC2086 # the switches are several words
    spin $3 -a "$models/$2" >spin.out 2>&1 &&
        gcc -O2 -w -DCOLLAPSE -DMEMLIM=2000 $compile -o pan pan.c >gcc.out 2>&1 &&
        timeout 250 ./pan -m1000000 -w24 $search >pan.out 2>&1
    errors=$(sed -nE 's/.*errors: ([0-9]+)$/\1/p' pan.out 2>/dev/null)
    states=$(sed -nE 's/^ *([0-9]+) states, stored.*/\1/p' pan.out 2>/dev/null)
    depth=$(sed -nE 's/.*depth reached ([0-9]+),.*/\1/p' pan.out 2>/dev/null)
    why=$(sed -nE 's/^pan:[0-9]+: (.*) \(at depth.*/\1/p' pan.out 2>/dev/null | head -n 1)
    complete=yes
    grep -qE 'Search not completed|max search depth too small|out of memory|reached -DMEMLIM' pan.out &&
        complete=no
    states_all=$((states_all + ${states:-0}))
    [ -n "${KEEP:-}" ] && mkdir -p "$KEEP/$1" && cp ./*.out ./*.trail "$KEEP/$1/" 2>/dev/null
    cd / || exit 1
}

# holds NAME MODEL "SWITCHES"
holds() {
    [[ $1 == "$only"* ]] || return
    local began=$SECONDS
    explore "$@"
    if [ "${errors:-1}" = 0 ] && [ $complete = yes ]; then
        passed=$((passed + 1))
        echo "measured: $1 $3: ${states} states, depth ${depth}, 0 errors, $((SECONDS - began)) s"
    else
        failed=$((failed + 1))
        echo "FAIL $1 $3: errors=${errors:-none} complete=$complete ${why:-}"
        tail -n 20 "$work/run/pan.out" "$work/run/gcc.out" "$work/run/spin.out" 2>/dev/null
    fi
}

# breaks KIND NAME MODEL "SWITCHES"
breaks() {
    [[ $2 == "$only"* ]] || return
    local kind=$1 word
    shift
    explore "$@"
    if [ "${errors:-0}" -ge 1 ] && [ -n "$why" ]; then
        passed=$((passed + 1))
        word=caught
        [ "$kind" = limit ] && word=shown
        echo "measured: $kind $1: $word after $states states: $why"
    else
        failed=$((failed + 1))
        echo "FAIL $kind $1: missed (errors=${errors:-none} states=${states:-0})"
        tail -n 5 "$work/run/gcc.out" "$work/run/spin.out" 2>/dev/null
    fi
}

holds ack ack.pml "-DN=2"
holds ack_progress ack.pml "-DN=1 -DLIVE -DFAULTS=2"
for bug in NO_BARRIER EARLY_ACK NO_DEDUP CHECK_BEFORE_LOCK TRUST_WARNING NO_STANDBY; do
    breaks bug "ack_$bug" ack.pml "-DN=1 -D$bug"
done
breaks bug ack_SILENT_REPEAT ack.pml "-DN=1 -DLIVE -DSILENT_REPEAT"

holds lane lane.pml "-DN=3 -DFAULTS=2"
holds lane_progress lane.pml "-DN=2 -DWINDOW=2 -DFAULTS=1 -DLIVE"
breaks bug lane_GATE_FORGETS lane.pml "-DN=3 -DFAULTS=2 -DNO_WAIT -DNO_SECOND_ROUND -DGATE_FORGETS"
breaks bug lane_NO_WAIT lane.pml "-DN=3 -DFAULTS=2 -DNO_WAIT -DT_REVERSE"
for bug in NO_GATE NO_SESSION FORGET_BATCH BATCH_BEHIND NO_BARRIER; do
    breaks bug "lane_$bug" lane.pml "-DN=3 -DFAULTS=2 -D$bug"
done
holds lane_thin lane.pml "-DN=3 -DFAULTS=1 -DTHIN"
holds lane_thin_progress lane.pml "-DN=2 -DWINDOW=2 -DFAULTS=2 -DTHIN -DLIVE"
breaks bug lane_NO_SECOND_ROUND lane.pml "-DN=2 -DWINDOW=2 -DFAULTS=2 -DTHIN -DLIVE -DNO_SECOND_ROUND"
breaks bug lane_SKIP_BUSY lane.pml "-DN=2 -DWINDOW=2 -DFAULTS=1 -DLIVE -DSKIP_BUSY"
for limit in GATE_TIME RESTORE; do
    breaks limit "lane_$limit" lane.pml "-DN=3 -DFAULTS=2 -D$limit"
done

holds follow follow.pml "-DROWS=3 -DFAULTS=1"
holds follow_progress follow.pml "-DROWS=2 -DFAULTS=1 -DLIVE"
for bug in PLAIN_SEQUENCE NO_EPOCH STALE_PAGE BLIND_HAND; do
    breaks bug "follow_$bug" follow.pml "-DROWS=3 -DFAULTS=1 -D$bug"
done
breaks bug follow_NO_POLL follow.pml "-DROWS=2 -DFAULTS=1 -DLIVE -DNO_POLL"

echo "measured: $states_all states in all, $SECONDS s"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
