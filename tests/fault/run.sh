#!/bin/bash
# run.sh - `make fault`: the real thing with faults from a seed, tests/fault/chaos.
#
#   MINUTES=n   one run of about so long (default 10): 12 faults and 100,000 acknowledged messages a minute
#   HOURS=n     such runs one after another until so much time has passed, each with the next seed
#   SEED=x      the same plan again
set -u
cd "$(dirname "$0")/../.."
chaos=${BUILD:-build}/tests/fault/chaos/chaos
minutes=${MINUTES:-10}
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
end=$(($(date +%s) + ${HOURS:-0} * 3600))
lines=$(mktemp)
failed=0
trap 'rm -f "$lines"' EXIT

# A fifth of the time, at most two minutes, is for starting, draining and reading the books.
rest=$((minutes * 12 < 120 ? minutes * 12 : 120))
while :; do
    "$chaos" -s "$seed" -f $((minutes * 12)) -t $((minutes * 60 - rest)) -a $((minutes * 100000)) | tee -a "$lines"
    [ "${PIPESTATUS[0]}" = 0 ] || failed=$((failed + 1))
    seed=$((seed + 1))
    [ "$(date +%s)" -lt "$end" ] && [ $failed = 0 ] || break
done

[ "${HOURS:-0}" = 0 ] || awk '/^measured: / {
        runs++
        for (i = 2; i < NF; i++) if ($i ~ /^(acked|stored|delivered|faults|lost|duplicated|reordered|gaps|foreign|late|unkept)$/) sum[$i] += $(i + 1)
    }
    END {
        printf "measured: %d runs acked %d stored %d delivered %d faults %d lost %d duplicated %d reordered %d gaps %d foreign %d late %d unkept %d\n",
            runs, sum["acked"], sum["stored"], sum["delivered"], sum["faults"], sum["lost"], sum["duplicated"],
            sum["reordered"], sum["gaps"], sum["foreign"], sum["late"], sum["unkept"]
    }' "$lines"
[ $failed = 0 ]
