#!/bin/bash
# guard.sh: take a run number that nobody on this machine has, print it and the folder for its clusters, and hold it until
# standard input ends: then delete every cluster of the run. So nothing stays behind when whoever holds the other end is killed.
set -euo pipefail
trap '' HUP INT TERM  # Ctrl-C ends the tests; what they started still has to be deleted
cd "$(dirname "$0")"
runs=/var/lib/isthmus-kube
mkdir -p -m 700 "$runs"

for run in $(seq 99); do
	exec 7>"$runs/$run.lock"
	! flock -n 7 || break
	run=
done
[ -n "$run" ] || { echo "guard.sh: 99 runs are under way: see $runs" >&2; exit 1; }
export KUBENODE_RUN=$run KUBENODE_STATE=$runs/$run

# Also what a run left whose guard was killed.
delete_clusters() {
	local dir
	for dir in "$KUBENODE_STATE"/*/; do
		[ ! -e "$dir" ] || ./down.sh "$(basename "$dir")" 7>&-
	done
	rm -rf "$KUBENODE_STATE"
}
delete_clusters
mkdir -m 700 "$KUBENODE_STATE"
echo "$run $KUBENODE_STATE"
cat >/dev/null
delete_clusters
