#!/bin/bash
# dockerfile.sh: builds the Dockerfile without a Docker engine and runs the image, so that each of its lines is executed.
# The base image is a stand-in of the same name, made here: a Debian 12 from this machine's own package sources, with the
# Node that the project installs and npm. Needs root on Debian 12, and: apt-get install buildah mmdebstrap npm
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
export TMPDIR=$tmp
storage=(--root "$tmp/storage" --runroot "$tmp/run" --storage-driver vfs)
trap 'rm -rf "$tmp"' EXIT

for program in buildah mmdebstrap npm; do
	command -v $program > /dev/null || { echo "dockerfile.sh needs $program: apt-get install buildah mmdebstrap npm" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo 'dockerfile.sh needs root' >&2; exit 1; }

# timed WHAT COMMAND...
timed() {
	local started=$SECONDS
	"${@:2}"
	echo "$((SECONDS - started)) s: $1"
}

# The official image has these too: what Node and npm load, and nothing of ours.
base_rootfs() {
	mmdebstrap --quiet --variant=apt --include=libatomic1,libstdc++6 bookworm "$tmp/debian.tar"
	local local_bin=$tmp/node/usr/local/bin modules=$tmp/node/usr/local/lib/node_modules
	mkdir -p "$local_bin" "$modules" "$tmp/node/etc/ssl/certs" "$tmp/node/usr/local/share"
	cp "$root"/node_modules/node-linux-*/bin/node "$local_bin/"
	cp -r "$(npm root --global)/npm" "$modules/"
	ln -s ../lib/node_modules/npm/bin/npm-cli.js "$local_bin/npm"
	# Whatever authorities this machine trusts: the build fetches packages as the machine does.
	cp -L /etc/ssl/certs/ca-certificates.crt "$tmp/node/etc/ssl/certs/"
	if [ -d /usr/local/share/ca-certificates ]; then cp -r /usr/local/share/ca-certificates "$tmp/node/usr/local/share/"; fi
}

base_image() {
	local container
	container=$(buildah "${storage[@]}" from scratch)
	buildah "${storage[@]}" add --quiet "$container" "$tmp/debian.tar" / > /dev/null
	buildah "${storage[@]}" add --quiet "$container" "$tmp/node" / > /dev/null
	buildah "${storage[@]}" config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
		--env "NPM_CONFIG_REGISTRY=$(npm config get registry)" \
		--env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
	buildah "${storage[@]}" commit --quiet --rm "$container" "$(base_name)" > /dev/null
}

base_name() { sed -n 's/^FROM \(.*\) AS build$/\1/p' "$root/Dockerfile"; }

build() {
	buildah "${storage[@]}" build --isolation chroot --pull-never --tag isthmus:dockerfile "$root" > "$tmp/build.log" 2>&1 ||
		{ tail -n 50 "$tmp/build.log" >&2; exit 1; }
}

# expect WHAT WANTED FOUND
expect() {
	[ "$2" = "$3" ] || { printf 'dockerfile.sh: %s is not as it should be:\n  wanted %s\n  found  %s\n' "$@" >&2; exit 1; }
	echo "$1: $3"
}

timed 'the stand-in for the base, from Debian packages' base_rootfs
timed "as the image $(base_name)" base_image
timed 'the Dockerfile' build

container=$(buildah "${storage[@]}" from --pull-never localhost/isthmus:dockerfile)
inside() { buildah "${storage[@]}" run --isolation chroot "$container" -- "$@"; }
said() { buildah "${storage[@]}" inspect --type image --format "{{$1}}" localhost/isthmus:dockerfile; }
json() { node -p "const {config} = require('$root/charts/image/config.json'); $1"; }
expect 'isthmus --version' "$(node -p "require('$root/package.json').version")" "$(inside isthmus --version)"
expect 'user, group and folder' "$(json 'config.User.replace(":", " ") + " " + config.WorkingDir')" \
	"$(inside node -p '[process.getuid(), process.getgid(), process.cwd()].join(" ")')"
expect 'entry point' "$(json '`[${config.Entrypoint}]`')" "$(said .OCIv1.Config.Entrypoint)"
expect 'environment' "$(json '`[${config.Env.join(" ")}]`')" "$(said .OCIv1.Config.Env)"
