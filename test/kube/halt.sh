#!/bin/bash
# halt.sh NAME: end a cluster's processes at once, pods too, as a power cut would; start.sh starts it again.
set -euo pipefail
cd "$(dirname "$0")"
. ./env.sh
name=${1:?} dir=$STATE/$1 ns=$(node_name "$1") link=$(link_name "$1")
[ -e "$dir/addresses" ] || { echo "halt.sh: no cluster $name in $STATE" >&2; exit 1; }
exec 8>"$STATE/$name.lock"
flock 8

# The wire first: nobody hears the connections of what ends here.
ip link set "$link" down 2>/dev/null || true
# Ending the node's first process ends every process in its PID namespace.
if pid=$(cat "$dir/pid" 2>/dev/null) && grep -qz node.sh "/proc/$pid/cmdline" 2>/dev/null; then
	kill -KILL "$pid"
fi
exec 9>"$STATE/bridge.lock"
flock 9
ip link del "$link" 2>/dev/null || true
ip netns del "$ns" 2>/dev/null || true
[ -n "$(ls -A "/sys/class/net/$BRIDGE/brif" 2>/dev/null)" ] || ip link del "$BRIDGE" 2>/dev/null || true
exec 9>&-
! [ -e "$dir/cgroups" ] || while read -r cgroup; do
	for _ in $(seq 100); do
		find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
		sleep .1
	done
	[ ! -d "$cgroup" ] || echo "halt.sh: processes of $name have not ended: see $cgroup" >&2
done < "$dir/cgroups"
rm -f "$dir/pid" "$dir/cgroups"
