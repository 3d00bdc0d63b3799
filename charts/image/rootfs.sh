#!/bin/bash
# rootfs.sh TARBALL ROOTFS: the whole content of the image, from the package that `npm pack` made. The Dockerfile and
# archive.sh both use it, on a Debian: the libraries are that one's.
set -euo pipefail
tarball=$(realpath "$1") rootfs=$2
umask 022
mkdir -p "$rootfs"/{etc/ssl/certs,usr/local/bin,opt/isthmus,var/lib/isthmus,tmp}
rootfs=$(realpath "$rootfs")

# The program, without what only developers read.
echo '{"private": true}' > "$rootfs/opt/isthmus/package.json"
(cd "$rootfs/opt/isthmus" &&
	npm install --silent --omit=dev --ignore-scripts --no-audit --no-fund --no-package-lock --prefer-offline "$tarball")
modules=$rootfs/opt/isthmus/node_modules
node=$(echo "$modules"/node-linux-*/bin/node)
rm -rf "$modules"/node-linux-*/{include,share,CHANGELOG.md,README.md} "$modules/isthmus/charts" "$modules/.bin"
find "$modules" -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \
	-o -iname 'changelog*.md' -o -iname 'readme*.md' \) -delete
find "$modules" -type d \( -name test -o -name tests -o -name docs -o -name prebuilds \) -prune -exec rm -rf {} +
find "$modules" -type d -empty -delete

# Node, without symbols for debuggers (a fifth of it), and the libraries that it loads.
strip "$node"
ln -s "${node#"$rootfs"}" "$rootfs/usr/local/bin/node"
# shellcheck disable=SC2046 # one path a word
cp --parents -L $(ldd "$node" | grep -o '/[^ ]*') "$rootfs"

# The command, without /usr/bin/env.
cat > "$rootfs/usr/local/bin/isthmus" <<'J'
#!/usr/local/bin/node
import('/opt/isthmus/node_modules/isthmus/isthmus.js');
J
chmod 755 "$rootfs/usr/local/bin/isthmus"

# What the C library and programs look for.
cp -L /etc/ssl/certs/ca-certificates.crt "$rootfs/etc/ssl/certs/"
printf 'root:x:0:0:root:/:/sbin/nologin\nisthmus:x:65532:65532:isthmus:/var/lib/isthmus:/sbin/nologin\n' > "$rootfs/etc/passwd"
printf 'root:x:0:\nisthmus:x:65532:\n' > "$rootfs/etc/group"
echo 'hosts: files dns' > "$rootfs/etc/nsswitch.conf"
chmod 1777 "$rootfs/tmp"
if [ "$(id -u)" = 0 ]; then chown 65532:65532 "$rootfs/var/lib/isthmus"; fi
