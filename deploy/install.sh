#!/bin/sh
# install.sh - what `make install` does: programs, library, units, samples and documents into
# $DESTDIR$PREFIX. Settings files are samples (*.conf.sample): nobody's own settings are overwritten.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/..
prefix=${PREFIX:-/usr}
to=${DESTDIR:-}$prefix
etc=${DESTDIR:-}/etc/eocbus
[ "$prefix" = /usr ] || etc=$to/etc/eocbus

install -d "$to/bin" "$to/lib/systemd/system" "$to/lib/sysusers.d" "$to/lib/tmpfiles.d" \
    "$to/share/doc/eocbus" "$etc"
for program in eocbus-broker eocbus-sensor eocbus-district eocbus-registry eocbus-console eocctl; do
    install -m 0755 "$BUILD/$program" "$to/bin/$program"
    name=${program#eocbus-}
    "$BUILD/$program" --print-config >"$etc/$name.conf.sample"
done

with_hardening() {
    sed -e "/@HARDENING@/{r $here/systemd/hardening.conf
d}" "$1"
}
with_hardening "$here/systemd/eocbus-broker.service" >"$to/lib/systemd/system/eocbus-broker.service"
agent_unit() {
    with_hardening "$here/systemd/eocbus-agent.service.in" |
        sed -e "s/@NAME@/$1/g" -e "s/@WHAT@/$2/" >"$to/lib/systemd/system/eocbus-$1.service"
}
agent_unit sensor "sensor gateway: samples in, observation batches and detections out"
agent_unit district "district office: reports and requests, kept until the link is there"
agent_unit registry "relocation registry: households, plots and offers"

install -m 0644 "$here/eocbus.sysusers" "$to/lib/sysusers.d/eocbus.conf"
install -m 0644 "$here/eocbus.tmpfiles" "$to/lib/tmpfiles.d/eocbus.conf"
install -d "$to/share/eocbus/alerts"
install -m 0644 "$here/alerts/eocbus.rules.yml" "$to/share/eocbus/alerts/"
install -m 0644 "$root/README.md" "$root/LICENSE" "$root/proto/PROTOCOL.md" "$root/agents/sensor/GATEWAY.md" \
    "$here/runbook.md" "$to/share/doc/eocbus/"

if [ -e "$BUILD/libeocbus.so.0" ]; then
    install -d "$to/lib/pkgconfig" "$to/include/eocbus"
    install -m 0755 "$BUILD/libeocbus.so.0" "$to/lib/"
    ln -sf libeocbus.so.0 "$to/lib/libeocbus.so"
    install -m 0644 "$BUILD/libeocbus.a" "$to/lib/"
    install -m 0644 "$root/agents/link/eocbus.h" "$to/include/eocbus/"
    sed -e "s|@PREFIX@|$prefix|g" -e "s|@VERSION@|$VERSION|g" "$root/agents/link/eocbus.pc.in" \
        >"$to/lib/pkgconfig/eocbus.pc"
fi
