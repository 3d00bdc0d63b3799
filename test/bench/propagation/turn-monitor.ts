import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Loaded into a measured process by `--import`: twice a second it adds a line to a file, when it was (Unix ms) and how
 * long the longest turn of the event loop was since the line before (ms).
 */
const path = process.env.ISTHMUS_BENCH_TURNS;
const EVERY_MS = 500;
const RESOLUTION_MS = 10;

if (path !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  setInterval(() => {
    const longestMs = Math.max(0, delays.max / 1e6 - RESOLUTION_MS);
    delays.reset();
    appendFileSync(path, `${Date.now()} ${Math.round(longestMs)}\n`);
  }, EVERY_MS).unref();
}
