#!/bin/bash
# program.sh NAME PROGRAM stop|start: kill a program of a node at once and keep it down, or let it run again. PROGRAM is as
# node.sh names it: apiserver, etcd, controllers, scheduler, kubelet, proxy, containerd.
set -euo pipefail
cd "$(dirname "$0")"
. ./env.sh
dir=$STATE/$1 program=$2
case $3 in
stop)
	: > "$dir/$program.stopped"
	./exec.sh "$1" bash -c 'kill -KILL "$1"' kill "$(cat "$dir/$program.pid")"
	;;
start) rm -f "$dir/$program.stopped" ;;
*) echo "program.sh: stop or start, not $3" >&2; exit 1 ;;
esac
