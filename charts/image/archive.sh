#!/bin/bash
# archive.sh REF OUT.tar [TARBALL]: the image without a Docker engine, as a docker archive (`docker load`,
# `ctr -n k8s.io images import`). TARBALL is what `npm pack` made; without one it is made here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ref=$1 out=$2 tarball=${3:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if [ -z "$tarball" ]; then
	(cd "$here/../.." && npm pack --silent --pack-destination "$tmp" > /dev/null)
	tarball=$(echo "$tmp"/*.tgz)
fi
"$here/rootfs.sh" "$tarball" "$tmp/rootfs"
tar -C "$tmp/rootfs" --sort=name --mtime=@0 --numeric-owner -cf "$tmp/layer.tar" .
layer=$(sha256sum "$tmp/layer.tar" | cut -d' ' -f1)
sed -e "s/ARCHITECTURE/$(dpkg --print-architecture)/" -e "s/LAYER/$layer/" "$here/config.json" > "$tmp/config.json"
printf '[{"Config": "config.json", "RepoTags": ["%s"], "Layers": ["layer.tar"]}]\n' "$ref" > "$tmp/manifest.json"
tar -C "$tmp" -cf "$out" manifest.json config.json layer.tar
