#!/bin/bash
# down.sh NAME: end the cluster and delete everything that up.sh made for it.
set -euo pipefail
cd "$(dirname "$0")"
. ./env.sh
[ ! -e "$STATE/${1:?}/addresses" ] || ./halt.sh "$1"
rm -rf "${STATE:?}/$1" "$STATE/$1.lock"
