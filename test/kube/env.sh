# shellcheck shell=bash disable=SC2034
# Settings shared by the scripts; each can be given in the environment.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/isthmus-kube
BIN=${KUBENODE_BIN:-$cache/bin}          # programs; also what KUBEBUILDER_ASSETS may name
IMAGES=${KUBENODE_IMAGES:-$cache/images} # image archives; every *.tar is loaded into each node
STATE=${KUBENODE_STATE:-$cache/state}    # one folder per cluster
RUN=${KUBENODE_RUN:-0}                   # 0..99; clusters of different runs never meet (guard.sh takes a free one)
NET=10.89.$RUN                           # /24 of the bridge that joins a run's nodes and the host
BRIDGE=kubenode$RUN
# A cluster's network namespace and control groups; its end of the wire to the bridge.
node_name() { echo "kubenode$RUN-$1"; }
link_name() { echo "kn$RUN-$1"; }
export PATH=$BIN:$PATH
# Go's own installer puts it where no PATH looks.
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
