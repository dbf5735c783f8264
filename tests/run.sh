#!/bin/bash
# run.sh NAME PROGRAM... - runs test programs one after another, shows what failed, and adds up.
#
# A program speaks cmocka ("[  PASSED  ] 3 test(s).") or closes with "N passed, N failed". One that says
# neither counts as one test, passed if it exits 0. A program that hangs is ended after TEST_LIMIT
# seconds (300) and counts as failed; before that it is looked at (stacks.sh), and what was seen is shown.
# A line "passed failed program" is added to the file named by TEST_SUMS, if any; one that a sanitizer
# spoke about has " reported" behind it.
#
# Sanitizers write into files here, not to the program's own stderr, so that the report of any process
# that a test started fails that test, even if nobody read its output or exit code and even if it was
# killed -9 afterwards. (gcc 12 lets the undefined behaviour sanitizer, beside the address sanitizer, only
# speak to stderr: it aborts, and the address sanitizer reports that.)
set -u
name=$1
shift
limit=${TEST_LIMIT:-300}
passed=0
failed=0
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}:handle_abort=1:log_path=$log/report
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}:abort_on_error=1:log_path=$log/report
export LSAN_OPTIONS=${LSAN_OPTIONS:-exitcode=99}
export TSAN_OPTIONS=${TSAN_OPTIONS:-suppressions=$(dirname "$(realpath "$0")")/tsan.supp:exitcode=99}:log_path=$log/report
chmod 1777 "$log" # from a program that runs as another user, too
REPORTS='(ERROR|FATAL): |WARNING: ThreadSanitizer: |runtime error: |CHECK failed'

# 1 if a sanitizer said something; its words go to the end of the program's.
add_reports() {
    local report found=0
    for report in "$log"/report.*; do
        grep -qaE "$REPORTS" "$report" 2>/dev/null || continue
        found=1
        head -n "${TEST_LINES:-60}" "$report" >>"$out"
    done
    rm -f "$log"/report.*
    return $found
}

# Beside a program: looks at it when its time is over, and has it say where it stands (the sanitizer
# shows the stack when a program aborts).
watch_it() {
    local runner program nap
    trap 'kill "$nap" 2>/dev/null; exit' TERM
    sleep "$limit" &
    nap=$!
    wait "$nap"
    runner=$(pgrep -P $$ -x timeout) && program=$(pgrep -P "$runner") || exit
    tests/stacks.sh "$program" >"$log/stacks" 2>&1
    kill -ABRT "$program"
}

for program in "$@"; do
    out=$log/out
    rm -f "$log/stacks"
    began=$(date +%s%N)
    watch_it >/dev/null 2>&1 &
    watcher=$!
    timeout -k 10 $((limit + 120)) "$program" >"$out" 2>&1 </dev/null
    code=$?
    kill "$watcher" 2>/dev/null
    wait "$watcher" 2>/dev/null
    ms=$((($(date +%s%N) - began) / 1000000))
    p=$(grep -aoE '^\[  PASSED  \] [0-9]+ test' "$out" | awk '{n += $4} END {print n + 0}')
    f=$(grep -aoE '^\[  FAILED  \] [0-9]+ test' "$out" | awk '{n += $4} END {print n + 0}')
    if plain=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$out" | tail -n 1) && [ -n "$plain" ]; then
        p=$(echo "$plain" | awk '{print $1}')
        f=$(echo "$plain" | awk '{print $3}')
    elif [ $((p + f)) = 0 ]; then
        [ $code = 0 ] && p=1
    fi
    # A crash after the last test, a sanitizer report or a time-out is a failure of its own.
    [ $code != 0 ] && [ "$f" = 0 ] && f=1
    reported=
    add_reports || reported=' reported'
    [ -z "$reported" ] || [ "$f" != 0 ] || f=1
    passed=$((passed + p))
    failed=$((failed + f))
    [ -n "${TEST_SUMS:-}" ] && echo "$p $f $program$reported" >>"$TEST_SUMS"
    label=${program#./}
    if [ "$f" = 0 ]; then
        printf '  ok    %-58s %4d tests %6d ms\n' "${label##*/tests/}" "$p" "$ms"
    else
        printf '  FAIL  %-58s exit %d after %d ms\n' "${label##*/tests/}" "$code" "$ms"
        grep -avE '^\[ +(RUN|OK) +\]' "$out" | tail -n "${TEST_LINES:-60}" | sed 's/^/        /'
        [ -s "$log/stacks" ] && sed "1i after $limit seconds:" "$log/stacks" | sed 's/^/        /'
    fi
    # What a test measured is worth seeing even when it passes.
    grep -aE '^measured: ' "$out" | sed 's/^/          /'
done
echo "$name: $passed passed, $failed failed"
[ $failed = 0 ]
