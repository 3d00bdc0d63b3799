#!/bin/bash
# build.sh [api]: build the programs and images that clusters need into the cache, from package registries alone.
# With `api` only what an API server needs (etcd, kube-apiserver, kubectl, helm): that takes Go and nothing else.
# What the cache has from the same inputs stays as it is, so a second call ends at once.
set -euo pipefail
cd "$(dirname "$0")"
. ./env.sh
kubernetes=$(awk '$1 == "k8s.io/kubernetes" {print $2; exit}' kubekit/go.mod)
containerd=v2.4.2 coredns=v1.15.0 cni=v1.9.1
export CGO_ENABLED=0

say() { echo "kube: $*"; }

# need PROGRAM PACKAGE: or say how to get it.
need() {
	command -v "$1" >/dev/null || { say "$1 is missing: $2" >&2; exit 1; }
}

# part NAME KEY FILE -- COMMAND...: run COMMAND unless it made FILE from the same KEY before. COMMAND gets the folder $out,
# which replaces what is there only when it has succeeded: a running cluster's programs are not written into.
part() {
	local name=$1 key=$2 file=$3 started=$SECONDS
	[ -e "$file" ] && [ "$(cat "$BIN/.built/$name" 2>/dev/null)" = "$key" ] && return
	say "building $name"
	out=$(mktemp -d "$cache/build.XXXXXX")
	"${@:5}"
	mkdir -p "$(dirname "$file")"
	mv -f "$out"/* "$(dirname "$file")/"
	rmdir "$out"
	echo "$key" > "$BIN/.built/$name"
	say "built $name in $((SECONDS - started)) s"
}

# key FILE...: what a part is made from.
key() { cat "$@" | sha256sum | cut -d' ' -f1; }

# compile ARGUMENTS...: go, with a line for every 400 packages, as it takes minutes; what else it says only if it fails.
compile() {
	need go 'Go 1.26 or later, from go.dev/dl'
	local log=$root/log
	if ! nice go "$@" 2>&1 | tee "$log" | awk '/^[a-z0-9.-]+(\/|$)/ && ++n % 400 == 0 {print "kube:   " n " packages"; fflush()}'; then
		grep -v '^go: downloading' "$log" | tail -40 >&2
		exit 1
	fi
}

# Kubernetes, etcd, kubectl and helm: one binary, many names.
kubekit() {
	local version=k8s.io/component-base/version major minor called
	IFS=. read -r major minor _ <<<"${kubernetes#v}"
	compile build -C kubekit -v -trimpath -buildvcs=false -o "$out/kubekit" -ldflags "-s -w \
		-X $version.gitVersion=$kubernetes -X $version.gitMajor=$major -X $version.gitMinor=$minor" .
	for called in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl helm; do
		ln -s kubekit "$out/$called"
	done
}

# programs PACKAGE...: of other Go modules.
programs() { GOBIN=$out compile install -v -trimpath -ldflags '-s -w' "$@"; }

pause_image() {
	need gcc 'apt-get install gcc libc6-dev'
	mkdir -p "$root/pause"
	gcc -Os -static -s -o "$root/pause/pause" pause.c
	./image.sh registry.k8s.io/pause:3.10 "$root/pause" "$out/pause.tar" /pause
}

coredns_image() {
	mkdir -p "$root/coredns"
	cp "$BIN/coredns" "$root/coredns/"
	./image.sh "registry.k8s.io/coredns/coredns:$coredns" "$root/coredns" "$out/coredns.tar" /coredns
}

# programs_with_libraries ROOTFS PROGRAM...: the way to make an image of anything installed here.
programs_with_libraries() {
	local program
	mkdir -p "$1"/{bin,tmp}
	for program in "${@:2}"; do
		ldd "$program" | grep -o '/[^ ]*' | xargs cp --parents -L -t "$1"
		cp -L "$program" "$1/bin/"
	done
}

# A shell and its tools.
busybox_root() {
	local called
	programs_with_libraries "$1" /bin/busybox
	for called in $(busybox --list); do [ -e "$1/bin/$called" ] || ln -s busybox "$1/bin/$called"; done
}

busybox_image() {
	busybox_root "$root/busybox"
	./image.sh docker.io/library/busybox:1 "$root/busybox" "$out/busybox.tar" /bin/sh
}

# For the chart's try-out store.
redis_image() {
	busybox_root "$root/redis"
	programs_with_libraries "$root/redis" /usr/bin/redis-{server,cli}
	./image.sh docker.io/local/redis:debian "$root/redis" "$out/redis.tar" redis-server
}

mkdir -p "$cache" "$BIN/.built" "$IMAGES"
exec 8>"$cache/build.lock"
flock -n 8 || { say 'another build is running: waiting for it'; flock 8; }
rm -rf "$cache"/build.*/
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

part kubekit "$(key kubekit/*)" "$BIN/kubekit" -- kubekit
part coredns "$coredns" "$BIN/coredns" -- programs github.com/coredns/coredns@$coredns
[ "${1:-all}" = all ] || { say "programs are in $BIN"; exit 0; }
need busybox 'apt-get install busybox'
need redis-server 'apt-get install redis-server'
part containerd "$containerd" "$BIN/containerd" -- \
	programs github.com/containerd/containerd/v2/cmd/{containerd,ctr,containerd-shim-runc-v2}@$containerd
part cni "$cni" "$BIN/cni/ptp" -- \
	programs github.com/containernetworking/plugins/plugins/{main/ptp,ipam/host-local,meta/portmap}@$cni
part pause-image "$(key pause.c image.sh)" "$IMAGES/pause.tar" -- pause_image
part coredns-image "$coredns $(key image.sh)" "$IMAGES/coredns.tar" -- coredns_image
part busybox-image "$(key image.sh /bin/busybox)" "$IMAGES/busybox.tar" -- busybox_image
part redis-image "$(key image.sh /bin/busybox /usr/bin/redis-server)" "$IMAGES/redis.tar" -- redis_image
say "programs are in $BIN, images in $IMAGES"
