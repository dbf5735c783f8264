#!/bin/sh
# run.sh BUILD [--once] - what `make run` does after building: puts the programs and the scenario into
# a private run directory and starts the supervisor there. As root everything runs as the ordinary user
# "eocbus", because PostgreSQL refuses to be root, and the bus has no reason to be.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
shift
[ "${ONCE:-0}" = 1 ] && set -- --once "$@"

if [ "$(id -u)" = 0 ]; then
    id eocbus >/dev/null 2>&1 ||
        useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin eocbus
    dir=${RUN_DIR:-/var/tmp/eocbus-run}
    as="setpriv --reuid=eocbus --regid=eocbus --clear-groups --no-new-privs"
else
    dir=${RUN_DIR:-$PWD/.run}
    as=
fi

# A run to the end starts from nothing; a run that stays goes on where the last one stopped.
if [ "${ONCE:-0}" = 1 ]; then
    dir=$dir-once
    rm -rf "$dir"
fi
mkdir -p "$dir/bin"
for program in eocbus-broker eocbus-sensor eocbus-district eocbus-registry eocctl; do
    # Renamed into place: a program that still runs keeps its old file.
    install -m 0755 "$build/$program" "$dir/bin/$program.new"
    mv "$dir/bin/$program.new" "$dir/bin/$program"
done
rm -rf "$dir/demo"
cp -R "$here/demo" "$dir/demo"
if [ -n "$as" ]; then
    chown -R eocbus:eocbus "$dir"
fi
chmod 0700 "$dir"
cd "$dir"
# $as is empty or a command with its options: splitting is wanted.
exec $as "$dir/bin/eocctl" demo --dir "$dir" --bin "$dir/bin" --data "$dir/demo" "$@"
