#!/bin/sh
# evaluate.sh BUILD - what the detectors would have made of the records of this folder: hits, misses,
# false alarms, lead times. `make evaluate` runs it.
set -eu
cd "$(dirname "$0")/../../.."
sensor=$1/eocbus-sensor
here=tests/data/sensors

title() {
    printf '\n===== %s\n\n' "$1"
}

title "Storms of a tipping bucket, summer 2024; tips-storms-expected.csv has the table of others"
"$sensor" -c $here/bucket.conf evaluate --storms 16596s,0.2,12m

title "Rain at Everett, landslides at Mukilteo; the last table tries lines of one slope"
"$sensor" -c $here/everett.conf evaluate --labels mdy:$here/mukilteo-landslide-days.txt \
    --zone -08:00 --before 24h --brief \
    --detector "rain.power 1 everett.rain alpha=40..110/10 beta=1.13 shortest=24h"

title "The Don at Sheffield, June 2007"
"$sensor" -c $here/don.conf evaluate --labels $here/don-flood.csv \
    --detector "stage.level 1 don.stage line=2.0..4.5/0.5"

title "The Brague at Biot, October 2015"
"$sensor" -c $here/brague.conf evaluate --labels $here/brague-flood.csv

title "Illgraben 2021: labels without a series"
"$sensor" -c $here/bucket.conf evaluate --alarms $here/illgraben_2021_debrisflow_alarms.csv
