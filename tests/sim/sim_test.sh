#!/bin/sh
# sim_test.sh - the simulator: with sanitizers the seeds that once broke something, the same run twice, and
# some more; as it ships (BUILD) every planted bug, and then ten million steps, which must reach every pair
# of protocol step and fault. The seeds are fixed, so that a failure means a change; `make sim SEED=x` looks
# elsewhere.
set -u
cd "$(dirname "$0")/../.."
fast=${BUILD:-build}/tests/sim/sim
checked=${SAN_BUILD:-build-san}/tests/sim/sim
passed=0
failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

expect() { # what it shows, then the command
    what=$1
    shift
    if "$@" >"$out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not so: $what"
        tail -n 40 "$out"
    fi
}

# shellcheck disable=SC2046 # a word per seed is meant
expect "seeds that once broke hold" "$checked" -q -j 2 $(sed 's/#.*//' tests/sim/seeds.txt | awk 'NF { print $1 }')
expect "the same seed goes the same way" "$checked" -q -d -n 2 -s 100
for plant in $("$fast" -P); do
    expect "the planted bug $plant is caught" "$fast" -q -n 300 -p "$plant"
    sed -n "s/^seed \(.*\)/  $plant: seed \1/p" "$out" | cut -c 1-150
done
expect "seeds hold under the sanitizers" "$checked" -q -j 2 -n 16 -s 4711
grep '^measured' "$out"
expect "ten million steps hold, and reach every pair" "$fast" -j 2 -n 240 -s 4711 -m 10000000 -a
cat "$out"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
