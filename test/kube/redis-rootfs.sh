#!/bin/bash
# redis-rootfs.sh ROOTFS: Debian's Redis with the little that the chart's try-out store needs beside it, for image.sh.
set -euo pipefail
rootfs=$1
umask 022
mkdir -p "$rootfs"/{usr/local/bin,etc,data,tmp}
for program in redis-server redis-cli sh cat mv; do
	path=$(command -v "$program") || { echo "$program is missing: apt-get install redis-server redis-tools" >&2; exit 1; }
	cp -L "$path" "$rootfs/usr/local/bin/$program"
	ldd "$path" | grep -o '/[^ ]*' | xargs cp --parents -L -t "$rootfs"
done
echo 'redis:x:65532:65532:redis:/data:/sbin/nologin' > "$rootfs/etc/passwd"
chmod 1777 "$rootfs/tmp" "$rootfs/data"
