import { spawnSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { kubeCache } from '../fixtures/kube-cache.ts';
import { findTool, skipReason } from '../fixtures/requirement.ts';

const PROGRAMS = ['runc', 'ip', 'nft', 'openssl', 'busybox', 'nsenter', 'unshare', 'flock'];
/** Linux's magic number of tmpfs (statfs(2)): cgroup v1 mounts its hierarchies into one. */
const TMPFS = 0x01021994;

/** Why no node can run here, whatever is installed; false = one can. */
export function noNodesHere(): string | false {
  if (process.platform !== 'linux') return 'nodes of Kubernetes need Linux';
  if (process.getuid?.() !== 0) return 'nodes of Kubernetes need root';
  if (statfsSync('/sys/fs/cgroup').type !== TMPFS) return 'nodes of Kubernetes need cgroup v1';
  const { status } = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true'], {
    stdio: 'ignore',
  });
  return status === 0 ? false : 'nodes of Kubernetes need namespaces, and unshare(1) cannot make them here';
}

/** For a suite: `{ skip: missingNodes() }`. False, or why real clusters cannot be made here; throws where nothing may be skipped. */
export function missingNodes(): string | false {
  const reason = noClustersHere();
  return reason === false ? false : skipReason(reason);
}

/** Why real clusters cannot be made here, be it the machine or what is not installed or built yet; false = they can. */
export function noClustersHere(): string | false {
  return noNodesHere() || missingProgram();
}

function missingProgram(): string | false {
  const missing = PROGRAMS.filter((name) => findTool(name) === undefined);
  if (missing.length > 0) {
    return `missing: ${missing.join(', ')} (Debian: apt-get install runc iproute2 nftables openssl busybox util-linux)`;
  }
  const { programs } = kubeCache();
  const built = ['kubekit', 'containerd', 'coredns'].every((name) => existsSync(join(programs, name)));
  return built ? false : 'Kubernetes is not built yet: npm run test:kube:build';
}
