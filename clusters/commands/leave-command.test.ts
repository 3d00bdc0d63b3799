import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { CapturedOutput } from '../../test/fixtures/captured-output.ts';
import { namedFolder } from '../../test/fixtures/cluster-plan.ts';
import { EAST_REPORT, WEST } from '../../test/fixtures/program-reports.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import type { FolderHome } from '../folder/folder-home.ts';
import type { Confirm } from './confirmation.ts';
import { type LeaveFlags, leaveCommand } from './leave-command.ts';
import type { FederationReport, LeaveOutcome, Programs } from './programs.ts';

interface Situation {
  readonly trustHome?: boolean;
  readonly report?: Partial<FederationReport>;
  readonly outcome?: LeaveOutcome;
  readonly storeAdmin?: string | undefined;
  /** In Kubernetes: what ending the membership there leaves to do. */
  readonly home?: readonly string[];
}

/** A cluster that may be told to leave; what it is told is remembered. */
class Leaver {
  readonly captured = new CapturedOutput('json', { isTTY: true });
  readonly told: string[] = [];
  readonly #dir: string;
  readonly #situation: Situation;

  private constructor(dir: string, situation: Situation) {
    this.#dir = dir;
    this.#situation = situation;
  }

  static async make(t: TestContext, situation: Situation = {}): Promise<Leaver> {
    const dir = tempFolder(t);
    await namedFolder(dir, {
      trustHome: situation.trustHome ?? false,
      ...(situation.storeAdmin === undefined ? {} : { storeAdmin: situation.storeAdmin }),
    });
    return new Leaver(dir, situation);
  }

  leave(flags: Omit<LeaveFlags, 'dir'> = {}, confirm?: Confirm): Promise<void> {
    const { report, outcome = { kind: 'left' } } = this.#situation;
    const programs: Pick<Programs, 'askFederation' | 'leave'> = {
      askFederation: async () => ({ ...EAST_REPORT, ...report }),
      leave: async (_file, cluster) => {
        this.told.push(cluster);
        return outcome;
      },
    };
    const { home: remaining } = this.#situation;
    const home = remaining && ({ remove: async () => remaining } as Partial<FolderHome> as FolderHome);
    const context = { output: this.captured.output, programs, home, confirm };
    return leaveCommand({ dir: this.#dir, ...flags }, context);
  }

  /** Why it does not leave, with nothing said to anybody. */
  async objection(flags: Omit<LeaveFlags, 'dir'> = {}, confirm?: Confirm): Promise<UserError> {
    const [result] = await Promise.allSettled([this.leave(flags, confirm)]);
    assert.ok(result?.status === 'rejected' && result.reason instanceof UserError, JSON.stringify(result));
    assert.deepEqual(this.told, []);
    return result.reason;
  }
}

describe('isthmus cluster leave', () => {
  it('does nothing until it is told --yes', async (t) => {
    const leaver = await Leaver.make(t);
    const { message, exitCode } = await leaver.objection();
    assert.match(
      message,
      /^east would leave mesh\.example: 1 service that it exports is withdrawn; requests between it and west end$/,
    );
    assert.equal(exitCode, 2);
  });

  it('leaves with --yes, and says what remains to be done', async (t) => {
    const leaver = await Leaver.make(t);
    await leaver.leave({ yes: true });
    assert.deepEqual(leaver.told, ['east']);
    const { left, remaining } = JSON.parse(leaver.captured.stdout) as { left: boolean; remaining: string[] };
    assert.equal(left, true);
    assert.match(
      remaining.join('\n'),
      /^stop its gateways.*rm -r .*resources\/peers\/east\.yaml.*ACL DELUSER isthmus-east$/s,
    );
  });

  for (const storeAdmin of [undefined, 'isthmus-admin']) {
    it(`in Kubernetes says what to do about its store user where ${storeAdmin ? 'it made the users' : 'another made them'}`, async (t) => {
      const leaver = await Leaver.make(t, { storeAdmin, home: ['keep it'] });
      await leaver.leave({ yes: true });
      const { remaining } = JSON.parse(leaver.captured.stdout) as { remaining: string[] };
      const [first, peers, user, secret] = remaining;
      assert.equal(first, 'keep it');
      assert.match(peers ?? '', /kubectl delete clusterpeer east$/);
      assert.match(user ?? '', /ACL DELUSER isthmus-east$/);
      if (storeAdmin !== undefined) assert.equal(secret, undefined, 'its own Secret is seen to already');
      else assert.match(secret ?? '', /in another cluster: take the key isthmus-east out of the Secret/);
    });
  }

  it('asks a person, where one sits, and shows what would end and what speaks against it', async (t) => {
    const leaver = await Leaver.make(t, { trustHome: true, report: { onlyHere: ['shop/cart'] } });
    const asked: string[] = [];
    const answering =
      (yes: boolean): Confirm =>
      async (question) => {
        asked.push(question);
        return yes;
      };
    const { message } = await leaver.objection({}, answering(false));
    assert.match(message, /^not left: nothing was changed$/);
    const shown = leaver.captured.stderr;
    assert.match(
      shown,
      /^east would leave mesh\.example:\n {2}- 1 service .*\n {2}- requests between it and west end\n/,
    );
    assert.match(shown, /\n {2}! no other cluster offers shop\/cart\n {2}! it holds the root: .*\n$/);
    await leaver.leave({}, answering(true));
    assert.deepEqual([asked, leaver.told], [['Leave?', 'Leave?'], ['east']]);
  });

  it('asks again about what speaks against it only since the question, and not about less', async (t) => {
    const report = { onlyHere: ['shop/cart'] };
    const leaver = await Leaver.make(t, { report });
    let asked = 0;
    const answer: Confirm = async () => {
      asked += 1;
      if (asked === 1) report.onlyHere = ['shop/pay'];
      if (asked === 2) report.onlyHere = [];
      return true;
    };
    await leaver.leave({}, answer);
    assert.deepEqual([asked, leaver.told], [2, ['east']]);
    assert.match(leaver.captured.stderr, /no other cluster offers shop\/cart\nSince .*:\neast would leave/);
    report.onlyHere = ['shop/cart'];
    const refusing: Confirm = async () => {
      const first = report.onlyHere.length === 1;
      report.onlyHere = ['shop/cart', 'shop/pay'];
      return first;
    };
    await assert.rejects(leaver.leave({}, refusing), /not left: nothing was changed/);
    assert.deepEqual(leaver.told, ['east']);
  });

  it('asks nobody who has said it on the command line', async (t) => {
    const leaver = await Leaver.make(t, { report: { onlyHere: ['shop/cart'] } });
    const never: Confirm = () => assert.fail('asked');
    assert.match(
      (await leaver.objection({ yes: true }, never)).message,
      /no other cluster offers shop\/cart/,
    );
    await leaver.leave({ force: true }, never);
    assert.deepEqual(leaver.told, ['east']);
  });

  const objections: readonly (readonly [string, Situation, RegExp])[] = [
    [
      'services would end',
      { report: { onlyHere: ['shop/cart', 'shop/till'] } },
      /no other cluster offers shop\/cart, shop\/till/,
    ],
    ['the root would go', { trustHome: true }, /it holds the root: .* west cannot be renewed/],
    [
      'nobody could be told',
      { report: { store: { ...EAST_REPORT.store, state: 'down' } } },
      /the store does not answer/,
    ],
  ];
  for (const [what, situation, reason] of objections) {
    it(`refuses while ${what}, and does it all the same with --force`, async (t) => {
      const leaver = await Leaver.make(t, situation);
      const { message, hint } = await leaver.objection({ yes: true });
      assert.match(message, reason);
      assert.match(hint ?? '', /--force/);
      await leaver.leave({ force: true });
      assert.deepEqual(leaver.told, ['east']);
      assert.match(leaver.captured.stderr, reason);
    });
  }

  it('names twenty of many services', async (t) => {
    const onlyHere = Array.from({ length: 25 }, (_, index) => `shop/s${index}`);
    const { message } = await (await Leaver.make(t, { report: { onlyHere } })).objection({ yes: true });
    assert.match(message, /shop\/s19, and 5 more$/);
  });

  it('lets the last member go, with its services and the root', async (t) => {
    const alone = { trustHome: true, report: { onlyHere: ['shop/cart'], peers: [] } };
    const leaver = await Leaver.make(t, alone);
    await leaver.leave({ yes: true });
    assert.deepEqual(leaver.told, ['east']);
    assert.match(leaver.captured.stdout, /holds the root's key/);
  });

  it('does not mind a peer that left before', async (t) => {
    const situation = { trustHome: true, report: { peers: [{ ...WEST, reach: 'left' as const }] } };
    const leaver = await Leaver.make(t, situation);
    await leaver.leave({ yes: true });
    assert.deepEqual(leaver.told, ['east']);
  });

  it('says in JSON that another replica is the one to tell', async (t) => {
    const leaver = await Leaver.make(t, { outcome: { kind: 'other-replica', reason: 'another publishes' } });
    await assert.rejects(leaver.leave({ yes: true }), /^UserError: another publishes$/);
    assert.deepEqual(JSON.parse(leaver.captured.stdout), {
      cluster: 'east',
      clusterset: 'mesh.example',
      left: false,
      code: 'other-replica',
    });
  });

  it('fails while the store has not taken the last word', async (t) => {
    const leaver = await Leaver.make(t, { outcome: { kind: 'pending', reason: 'the store is away' } });
    await assert.rejects(leaver.leave({ yes: true }), /east has not left yet: the store is away/);
  });
});
