#!/bin/bash
# start.sh NAME: start a cluster that up.sh made (up.sh does so itself) or halt.sh stopped; wait until it is Ready.
set -euo pipefail
cd "$(dirname "$0")"
. ./env.sh
name=${1:?} dir=$STATE/$1 ns=$(node_name "$1") link=$(link_name "$1")
[ "$(stat -fc %T /sys/fs/cgroup)" = tmpfs ] || { echo "start.sh: needs cgroup v1" >&2; exit 1; }
[ -e "$dir/addresses" ] || { echo "start.sh: no cluster $name: up.sh makes one" >&2; exit 1; }
! [ -e "$dir/pid" ] || { echo "start.sh: $name has been started: halt.sh $name stops it" >&2; exit 1; }
. "$dir/addresses"
exec 8>"$STATE/$name.lock"  # halt.sh waits until we are done
flock 8

# Network: a namespace for the node, joined to the host and the other nodes by a bridge.
# The lock keeps another cluster's halt.sh from taking the bridge away before we are on it.
exec 9>"$STATE/bridge.lock"
flock 9
if ip link add "$BRIDGE" type bridge 2>/dev/null; then
	ip addr add "$NET.1/24" dev "$BRIDGE"
	ip link set "$BRIDGE" up
fi
ip netns add "$ns"
ip link add "$link" type veth peer name eth0 netns "$ns"
ip link set "$link" master "$BRIDGE" up
exec 9>&-
ip -n "$ns" link set lo up
ip -n "$ns" addr add "$ip/24" dev eth0
ip -n "$ns" link set eth0 up
ip -n "$ns" route add "$services.0.0/16" dev eth0  # no default route: no way out

# Control groups: a child of our own in every hierarchy, which the node then sees as its root.
enter_cgroups() {
	local names path parent
	while IFS=: read -r _ names path; do
		[ -n "$names" ] || continue
		parent=/sys/fs/cgroup/${names#name=}${path%/}
		mkdir "$parent/$ns"
		echo "$parent/$ns" >> "$dir/cgroups"
		case $names in *cpuset*) for f in cpuset.cpus cpuset.mems; do cat "$parent/$f" > "$parent/$ns/$f"; done ;; esac
		echo $BASHPID > "$parent/$ns/cgroup.procs"
	done <<<"$(cat /proc/self/cgroup)"  # read whole first: the lines change as we go
}
started=$(date -u +%FT%TZ)
(
	enter_cgroups
	export BIN IMAGES name dir ip pods services
	exec setsid nsenter --net="/run/netns/$ns" \
		unshare --mount --uts --ipc --pid --fork --kill-child --cgroup --mount-proc "$here/node.sh"
) </dev/null >"$dir/log/node.log" 2>&1 8>&- &
echo $! > "$dir/pid"

# Wait for the API, then for the node and DNS.
kubectl() { "$BIN/kubectl" --kubeconfig "$dir/kubeconfig" "$@"; }
# try COMMAND...: until it succeeds, the node ends or three minutes are over.
try() {
	local end=$((SECONDS + 180))
	while [ $SECONDS -lt $end ]; do
		"$@" >/dev/null 2>&1 && return
		kill -0 "$(cat "$dir/pid")" || break
		sleep .2
	done
	"$@" || { tail -n 20 "$dir"/log/{node,apiserver,kubelet}.log >&2; return 1; }
}
# since TIME: not before this start. etcd also holds what was said before a halt.
since() { [ -n "$1" ] && [ ! "$1" \< "$started" ]; }
node_is_heard() {
	since "$(kubectl get node "$name" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].lastHeartbeatTime}')"
}
dns_is_ready() {
	local ready at
	read -r ready at <<<"$(kubectl -n kube-system get pods -l k8s-app=kube-dns -o \
		'jsonpath={.items[0].status.containerStatuses[0].ready} {.items[0].status.containerStatuses[0].state.running.startedAt}')"
	[ "$ready" = true ] && since "$at"
}
try kubectl get --raw /readyz
try kubectl -n default get serviceaccount default
# Once: a cluster's owner may have changed it since.
if ! kubectl -n kube-system get deployment coredns >/dev/null 2>&1; then
	coredns=$(tar -xOf "$IMAGES/coredns.tar" manifest.json | sed -n 's/.*coredns:\([^"]*\)".*/\1/p')
	sed "s/CLUSTER_DNS/$services.0.10/; s/COREDNS_VERSION/$coredns/" coredns.yaml | kubectl apply -f - >/dev/null
fi
try node_is_heard
kubectl wait --for=condition=Ready --timeout=180s "node/$name"
try dns_is_ready
