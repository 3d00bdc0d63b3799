import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { EAST_REPORT, GATEWAY_REPORT, WEST } from '../../test/fixtures/program-reports.ts';
import type { Attempt } from './attempt.ts';
import type { CheckStep } from './check-step.ts';
import { judgeTimes } from './folder-checks.ts';
import type { FederationReport, GatewayReport, PeerReport } from './programs.ts';
import { federationChecks, gatewayChecks, reportedStoreChecks } from './report-checks.ts';

const GONE: Attempt<never> = {
  kind: 'failed',
  error: new UserError('no answer on 127.0.0.1:1', { hint: 'start it' }),
};

function answered<T>(value: T): Attempt<T> {
  return { kind: 'answered', value };
}

function ofFederation(change: Partial<FederationReport>): readonly CheckStep[] {
  return federationChecks(answered({ ...EAST_REPORT, ...change }));
}

function ofPeer(change: Partial<PeerReport>): readonly CheckStep[] {
  return ofFederation({ peers: [{ ...WEST, ...change }] });
}

function ofGateway(change: Partial<GatewayReport>, federation = answered(EAST_REPORT)): readonly CheckStep[] {
  return gatewayChecks(answered({ ...GATEWAY_REPORT, ...change }), federation);
}

function brief(steps: readonly CheckStep[]): string[] {
  return steps.map(({ name, state }) => `${state} ${name}`);
}

function failures(steps: readonly CheckStep[]): string[] {
  return steps.filter(({ state }) => state === 'failed').map(({ name, detail }) => `${name}: ${detail}`);
}

describe('what the federation service says', () => {
  it('is all well when it is', () => {
    assert.deepEqual(brief(ofFederation({})), ['ok federation', 'ok resources', 'ok peer west', 'ok clocks']);
  });

  it('is nothing when it does not answer', () => {
    assert.deepEqual(brief(federationChecks(GONE)), [
      'failed federation',
      'skipped resources',
      'skipped peers',
      'skipped clocks',
    ]);
  });

  it('names what it waits for', () => {
    const steps = ofFederation({
      readiness: { kind: 'starting', waitingFor: 'the first snapshot', problems: ['no store'] },
    });
    assert.deepEqual(failures(steps), ['federation: it waits for the first snapshot; no store']);
  });

  it('names a broken resource once, with its place', () => {
    const broken = { where: 'a.yaml:3', message: 'kind Servise is unknown', hint: 'did you mean Service?' };
    const steps = ofFederation({
      readiness: { kind: 'degraded', problems: ['a.yaml:3: kind Servise is unknown'] },
      resourceProblems: [broken],
    });
    assert.deepEqual(failures(steps), ['resources: a.yaml:3: kind Servise is unknown']);
    assert.ok(steps.some((step) => step.state === 'failed' && step.cure === 'did you mean Service?'));
  });

  const peers: readonly (readonly [string, Partial<PeerReport>, string[]])[] = [
    [
      'is not heard any more',
      { reach: 'unreachable', lastSeenMs: WEST.lastSeenMs - 60_000 },
      ['peer west: unreachable, last heard 61 s ago'],
    ],
    ['was never heard', { reach: 'unknown', lastSeenMs: 0 }, ['peer west: unknown, never heard']],
    ['is forged', { problem: 'bad signature' }, ['peer west: newer word of it is refused: bad signature']],
    ['left', { reach: 'left' }, []],
    [
      'has a clock that is ahead',
      { lastSeenMs: EAST_REPORT.nowMs + 20_000 },
      ["clocks: what west says is dated 20 s ahead of this cluster's clock"],
    ],
    [
      'has a clock that is behind',
      { lastSeenMs: EAST_REPORT.nowMs - 90_000 },
      ["clocks: what west says is dated 90 s behind this cluster's clock"],
    ],
    ['is a little ahead', { lastSeenMs: EAST_REPORT.nowMs + 4_000 }, []],
  ];
  for (const [what, change, found] of peers) {
    it(`tells of a peer that ${what}`, () => assert.deepEqual(failures(ofPeer(change)), found));
  }

  it('compares no clocks with a peer that is not heard', () => {
    const steps = ofPeer({ reach: 'unreachable', lastSeenMs: 1 });
    assert.ok(brief(steps).includes('skipped clocks'));
  });
});

describe('what the gateway says', () => {
  it('is all well when it is', () => {
    assert.deepEqual(brief(ofGateway({})), ['ok gateway', 'ok trunk to west']);
  });

  it('is nothing when it does not answer', () => {
    assert.deepEqual(brief(gatewayChecks(GONE, answered(EAST_REPORT))), ['failed gateway', 'skipped trunks']);
  });

  it('names why it is not ready, or serves old snapshots', () => {
    assert.deepEqual(failures(ofGateway({ ready: false, control: { kind: 'connecting' } })), [
      'gateway: not ready: control plane connecting',
    ]);
    assert.deepEqual(failures(ofGateway({ control: { kind: 'away', reason: 'refused' } })), [
      'gateway: serves what it last had; the federation service is away: refused',
    ]);
  });

  it('names each trunk that is down, and where it should lead', () => {
    const down = { cluster: 'west', trunk: { up: false, sinceMs: 1, rttSeconds: 0 } };
    const [, trunk] = ofGateway({ peers: [down] });
    assert.ok(trunk?.state === 'failed');
    assert.match(trunk.cure, /west\.example:15443/);
    assert.deepEqual(failures(ofGateway({ peers: [{ cluster: 'west', trunk: null }] })), [
      'trunk to west: none came up yet',
    ]);
  });

  it('needs no trunk to a cluster that left', () => {
    const left = answered({ ...EAST_REPORT, peers: [{ ...WEST, reach: 'left' as const }] });
    const none = { cluster: 'west', trunk: null };
    assert.deepEqual(brief(ofGateway({ peers: [none] }, left)), ['ok gateway', 'ok trunks']);
  });
});

describe('the times of a trust folder', () => {
  const DAY_MS = 86_400_000;
  const trust = {
    folder: 'trust',
    root: undefined,
    intermediateRenewalMs: 45 * DAY_MS,
    intermediateNotAfterMs: 90 * DAY_MS,
    rootNotAfterMs: 3650 * DAY_MS,
  };
  const states: readonly (readonly [number, string])[] = [
    [44 * DAY_MS, 'ok'],
    [45 * DAY_MS, 'failed'],
  ];
  for (const [nowMs, state] of states) {
    it(`are ${state} after ${nowMs / DAY_MS} of an intermediate's 90 days`, () => {
      assert.equal(judgeTimes(trust, nowMs).state, state);
    });
  }

  it('are found in the last year of the root', () => {
    assert.equal(judgeTimes({ ...trust, rootNotAfterMs: 366 * DAY_MS }, 0).state, 'ok');
    assert.equal(judgeTimes({ ...trust, rootNotAfterMs: 364 * DAY_MS }, 0).state, 'failed');
  });
});

describe('what the report says of the store', () => {
  const of = (problem: string): CheckStep | undefined => {
    const store = { ...EAST_REPORT.store, state: 'down' as const, problem };
    return reportedStoreChecks(answered({ ...EAST_REPORT, store }))[0];
  };

  it('is that it is up, or why not, and what to do about a store that forgot its users', () => {
    assert.deepEqual(brief(reportedStoreChecks(answered(EAST_REPORT))), ['ok store']);
    const forgotten = of('the store rediss://r:6379 refuses the password of user isthmus-east');
    assert.ok(forgotten?.state === 'failed');
    assert.match(forgotten.cure, /give it back the ACL users .*isthmus cluster invite NAME --force/);
    const away = of('the store rediss://r:6379 cannot be reached: ECONNREFUSED');
    assert.ok(away?.state === 'failed');
    assert.match(away.cure, /^can pods of this cluster reach the store\?$/);
  });
});
