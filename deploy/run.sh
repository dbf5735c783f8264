#!/bin/sh
# run.sh BUILD - what `make run` does after building: puts the programs and the scenario into a folder of
# their own and starts the supervisor there. As root everything runs as the ordinary user "eocbus",
# because PostgreSQL refuses to be root, and the bus has no reason to be; only the folder "night" is
# that user's, so that nothing it does can make root write elsewhere.
# RUN_DIR=folder runs elsewhere; ONCE=1 plays the scenario to its end, from nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1

if [ "$(id -u)" = 0 ]; then
    id eocbus >/dev/null 2>&1 ||
        useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin eocbus
    dir=${RUN_DIR:-/var/lib/eocbus-run}
    as="setpriv --reuid=eocbus --regid=eocbus --clear-groups --no-new-privs"
else
    dir=${RUN_DIR:-$PWD/.run}
    as=
fi
once=
if [ "${ONCE:-0}" = 1 ]; then
    dir=$dir-once
    once=--once
fi
# Asked before anything is replaced or thrown away; the supervisor holds this lock while it runs.
taken=0
if [ -e "$dir/night/lock" ]; then
    $as flock -n -E 99 "$dir/night/lock" true || taken=$?
fi
if [ "$taken" = 99 ]; then
    echo "run.sh: another run uses $dir; stop it with ctrl-C in its terminal, or give RUN_DIR=/another/folder" >&2
    exit 4
fi
[ -z "$once" ] || rm -rf "$dir"

umask 022
mkdir -p "$dir/bin"
dir=$(cd "$dir" && pwd)
for program in eocbus-broker eocbus-sensor eocbus-district eocbus-registry eocbus-console eocctl; do
    # Renamed into place: a program that still runs keeps its old file.
    install -m 0755 "$build/$program" "$dir/bin/$program.new"
    mv "$dir/bin/$program.new" "$dir/bin/$program"
done
rm -rf "$dir/demo"
cp -R "$here/demo" "$dir/demo"
chmod -R a+rX "$dir/demo"
if [ -n "$as" ]; then
    [ -d "$dir/night" ] || install -d -m 0700 -o eocbus -g eocbus "$dir/night"
else
    mkdir -p "$dir/night"
    chmod 0700 "$dir/night"
fi
cd "$dir"
# $as and $once are empty or words of a command: splitting is wanted.
exec $as "$dir/bin/eocctl" demo --dir "$dir/night" --bin "$dir/bin" --data "$dir/demo" $once
