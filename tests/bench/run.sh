#!/bin/sh
# run.sh - every benchmark, one after another; each prints machine, settings, medians and spread, and forms
# its ratios inside its own run (page_bench and screen_bench: times, of a room that is new). Leave the machine alone meanwhile: it measures what is left of it.
set -eu
cd "$(dirname "$0")/../.."
for bench in "${BUILD:-build}"/tests/bench/*_bench; do
    echo "== $(basename "$bench")"
    "$bench"
done
