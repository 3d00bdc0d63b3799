import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { REJECTIONS } from '../../federation/model/rejections.ts';
import { filesBelow } from '../../test/fixtures/source-tree.ts';
import { EDGE_HTTP1 } from '../http1/options.ts';
import { EDGE_HTTP2 } from '../http2/options.ts';
import { edgeOptions } from './edge-options.ts';
import { workerLimits } from './limits-config.ts';

const gatewayFolder = join(import.meta.dirname, '..');

/** What the first table of README.md has in backticks in one of its columns, counted from 0. */
function column(index: number): string[] {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const rows = (readme.split('## Overload')[0] ?? '').split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.slice(1).map((row) => row.split('|')[index + 1] ?? '');
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? ''));
}

describe('limits of a worker', () => {
  test('are by default what the codecs do by themselves', () => {
    assert.deepEqual(edgeOptions(workerLimits.parse({})), { http1: EDGE_HTTP1, http2: EDGE_HTTP2 });
  });

  test('change what they name, and nothing else', () => {
    const { http1, http2 } = edgeOptions(
      workerLimits.parse({
        maxHeaderFields: 20,
        maxHeaderBytes: 8192,
        headerTimeoutMs: 1000,
        flushTimeoutMs: 2000,
        http2: { resets: { burst: 5 }, maxContinuations: 2, maxUnsentControlFrames: 50 },
      }),
    );
    assert.deepEqual(http1, {
      ...EDGE_HTTP1,
      maxFields: 20,
      maxHeadBytes: 8192,
      headTimeoutMs: 1000,
      flushTimeoutMs: 2000,
    });
    assert.deepEqual(http2, {
      ...EDGE_HTTP2,
      maxFields: 20,
      maxHeaderListBytes: 8192,
      headerLimits: { maxContinuations: 2, maxBlockBytes: 8192 },
      handshakeTimeoutMs: 1000,
      flushTimeoutMs: 2000,
      flood: { ...EDGE_HTTP2.flood, resets: { ratePerSecond: 33, burst: 5 }, unsentControlFrames: 50 },
    });
  });
});

describe('the table of limits', () => {
  test('names settings that there are, and all of those for HTTP/2', () => {
    const { http2, overload: _, ...others } = workerLimits.parse({});
    const known = [...Object.keys(others), ...Object.keys(http2).map((name) => `http2.${name}`)];
    const named = new Set(column(2));
    assert.deepEqual(
      [...named].filter((name) => !known.includes(name)),
      [],
    );
    const missing = known.filter((name) => !named.has(name));
    // They are told of below the table: what they end is no abuse.
    assert.deepEqual(missing, ['responseTimeoutMs', 'podSilenceMs', 'podPingTimeoutMs']);
  });

  test('names reasons that there are', () => {
    assert.deepEqual(
      column(4).filter((reason) => !Object.hasOwn(REJECTIONS, reason)),
      [],
    );
  });
});

test('every reason is given somewhere', () => {
  const sources = filesBelow(gatewayFolder)
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => readFileSync(join(gatewayFolder, path), 'utf8'))
    .join('\n');
  assert.deepEqual(
    Object.keys(REJECTIONS).filter((reason) => !sources.includes(`'${reason}'`)),
    [],
  );
});
