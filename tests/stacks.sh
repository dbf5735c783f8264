#!/bin/bash
# stacks.sh PID - what somebody needs who was not there when a test hung: the program and every process
# that it started, with state and stacks; what PostgreSQL waits for; the last lines of every log that one
# of them writes. Looks only, and never for long.
set -u
LINES=${STACK_LINES:-50}

family() { # the process and all below it
    echo "$1"
    for child in $(pgrep -P "$1"); do
        family "$child"
    done
}

show_process() {
    printf '%s\n' "-- process $1 ($(awk '/^State/ { print $2 }' "/proc/$1/status" 2>/dev/null))" \
        "   $(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | cut -c1-160)" \
        "   in the kernel: $(cat "/proc/$1/wchan" 2>/dev/null)"
    case $(head -c 9 "/proc/$1/cmdline" 2>/dev/null) in "postgres:") return ;; esac # it tells more itself
    timeout -k 1 10 eu-stack -p "$1" -n 24 -s 2>&1 | grep -v '^PID '
}

show_waits() { # a postmaster's folder
    echo "-- what PostgreSQL in $1 is doing"
    PGCONNECT_TIMEOUT=3 timeout -k 1 5 psql -XAt -h "$1" -U postgres -d postgres -c \
        "SELECT pid, application_name, state, wait_event, pg_blocking_pids(pid) AS behind,
                now() - state_change AS since, left(query, 90)
           FROM pg_stat_activity WHERE state IS NOT NULL" 2>&1 </dev/null
}

all=$(family "$1")
for pid in $all; do
    show_process "$pid"
done
for pid in $all; do
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -A1 -x -e -k | grep -x '/.*'
done | sort -u | while read -r folder; do
    show_waits "$folder"
done
for pid in $all; do
    readlink "/proc/$pid/fd/2"
done | sort -u | while read -r log; do
    [ -f "$log" ] && [ "$log" != "$(readlink "/proc/$1/fd/2")" ] || continue
    echo "-- the end of $log"
    tail -n "$LINES" "$log"
done
