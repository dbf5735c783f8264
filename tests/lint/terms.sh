#!/bin/sh
# terms.sh - no page shows a raw word: every value of the enumerations that boards show, every state of a life cycle and
# every type of message has words in agents/console/page/words.
set -u
cd "$(dirname "$0")/../.."
bad=0
words=$(cat agents/console/page/words/*.tsv | cut -f 1)

wants() { # KEY WHENCE
    printf '%s\n' "$words" | grep -qxF "$1" || {
        echo "no words for $1 ($2)"
        bad=1
    }
}

values_of() { # ENUM of the contract
    awk -v enum="$1" '$1 == "enum" { on = $2 == enum } on && /^ *[A-Z0-9_]+ *=/ { print $1 }' proto/eocbus/v1/*.proto
}

# ENUM PREFIX GROUP: values of a proto enumeration without their prefix, under a group of words.
while read -r enum prefix group; do
    values=$(values_of "$enum")
    [ -n "$values" ] || { echo "there is no enum $enum"; bad=1; }
    for value in $values; do
        word=${value#"$prefix"_}
        case $word in UNSPECIFIED | "$value") continue ;; esac
        wants "$group.$(printf '%s' "$word" | tr 'A-Z' 'a-z')" "$enum"
    done
done <<'END'
Status STATUS status
Hazard HAZARD hazard
DetectionLevel DETECTION_LEVEL level
SensorMode SENSOR_MODE mode
SirenResult SIREN_RESULT siren
ObservationType OBSERVATION_TYPE obs
Severity SEVERITY severity
Urgency URGENCY urgency
Certainty CERTAINTY certainty
Confidence CONFIDENCE confidence
ReporterRole REPORTER_ROLE role
ReportVersion REPORT_VERSION version
Answer ANSWER answer
ReceiptLevel RECEIPT_LEVEL receipt
CapMsgType CAP_MSG_TYPE cap
IncidentState INCIDENT_STATE state
IncidentEvent INCIDENT_EVENT event
LineState LINE_STATE state
HouseholdState HOUSEHOLD_STATE state
OfferDeclineReason OFFER_DECLINE_REASON reason
DeclineReason DECLINE_REASON reason
END

# FILE LIST GROUP: what a form offers.
while read -r file list group; do
    values=$(sed -n "s/^const $list = \[\(.*\)\];\$/\1/p" "agents/console/page/$file" | tr -d '" ' | tr 'A-Z,' 'a-z ')
    [ -n "$values" ] || { echo "there is no list $list in $file"; bad=1; }
    for value in $values; do
        wants "$group.$value" "$file, $list"
    done
done <<'FORMS'
supply.js reasons reason
FORMS

# ENUM PREFIX GROUP: what a form offers is all of a group of words (words.all), and so each must be of the contract.
while read -r enum prefix group; do
    for value in $(printf '%s\n' "$words" | sed -n "s/^$group\.\([^.]*\)$/\1/p" | tr 'a-z' 'A-Z'); do
        values_of "$enum" | grep -qxF "${prefix}_$value" || {
            echo "a form would offer $value of $group, and $enum has none"
            bad=1
        }
    done
done <<'OFFERED'
Hazard HAZARD hazard
Severity SEVERITY severity
Urgency URGENCY urgency
Certainty CERTAINTY certainty
Confidence CONFIDENCE confidence
Channel CHANNEL channel
ReporterRole REPORTER_ROLE reporter
Lane LANE priority
OFFERED

# States that only the ledger knows: rows of bus.cycle_state.
for state in $(cat sql/migrations/*.sql | awk '/INSERT INTO bus.cycle_state/ { on = 1 } on { print } /;$/ { on = 0 }' |
    grep -oE "^ *\('[a-z]+', *'[A-Z_]+', *(true|false)" | grep -oE "'[A-Z_]+'" | tr -d "'" | sort -u); do
    wants "state.$(printf '%s' "$state" | tr 'A-Z' 'a-z')" bus.cycle_state
done
# Bodies of the envelope.
for type in $(awk '/oneof body/ { on = 1 } on && /= [0-9]+;/ { print $2 } on && /^ *}/ { exit }' proto/eocbus/v1/envelope.proto); do
    wants "type.$type" Envelope.body
done
exit $bad
