#!/bin/bash
# image.sh REF ROOTFS OUT.tar ENTRYPOINT...: pack the folder ROOTFS as a container image.
# OUT.tar is a docker archive: `ctr -n k8s.io images import OUT.tar` loads it.
set -euo pipefail
ref=$1 rootfs=$2 out=$3
shift 3
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

tar -C "$rootfs" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$tmp/layer.tar" .
digest=$(sha256sum "$tmp/layer.tar" | cut -d' ' -f1)
entrypoint=$(printf '"%s",' "$@")
cat > "$tmp/config.json" <<J
{"architecture": "$(dpkg --print-architecture)", "os": "linux",
 "config": {"Entrypoint": [${entrypoint%,}],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}}
J
cat > "$tmp/manifest.json" <<J
[{"Config": "config.json", "RepoTags": ["$ref"], "Layers": ["layer.tar"]}]
J
tar -C "$tmp" -cf "$out" manifest.json config.json layer.tar
