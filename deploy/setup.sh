#!/bin/sh
# setup.sh run|test - installs what is missing from Debian; says in one line what it is about to do.
# Without root it only says which command to give. Nothing is done when nothing is missing.
set -eu
here=$(dirname "$0")
purpose=${1:-run}

case $purpose in
run) wanted=$(awk '$1 == "run" { print $2 }' "$here/packages.txt") ;;
test) wanted=$(awk '$1 == "run" || $1 == "test" { print $2 }' "$here/packages.txt") ;;
*)
    echo "setup.sh: say 'run' or 'test', not '$purpose'" >&2
    exit 2
    ;;
esac

# What root built, an ordinary user cannot build further.
for built in "${BUILD:-build}" "${BUILD:-build}-san"; do
    foreign=$(find "$built" ! -writable -print -quit 2>/dev/null || true)
    if [ -n "$foreign" ]; then
        echo "eocbus: $foreign belongs to $(stat -c %U "$foreign"), who built here before: run" \
            "'sudo chown -R $(id -un) $built', or build elsewhere with 'make BUILD=another-folder $purpose'" >&2
        exit 4
    fi
done

missing=
for package in $wanted; do
    program=$(awk -v package="$package" '$2 == package { print $3 }' "$here/packages.txt")
    [ -z "$program" ] || ! command -v "$program" >/dev/null || continue
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "eocbus needs these Debian packages first. Please run:" >&2
    echo "  sudo apt-get install --no-install-recommends$missing" >&2
    exit 2
fi

echo "eocbus: installing from Debian:$missing"
# Debian's PostgreSQL package would start a server of its own; the bus brings its own private one.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi
log=$(mktemp)
if ! { apt-get update &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "eocbus: apt-get could not install everything; its whole output is in $log" >&2
    exit 4
fi
rm -f "$log"
