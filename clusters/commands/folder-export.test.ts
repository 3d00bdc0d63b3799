import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { CapturedOutput } from '../../test/fixtures/captured-output.ts';
import { namedFolder } from '../../test/fixtures/cluster-plan.ts';
import { EAST_REPORT } from '../../test/fixtures/program-reports.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { exportInFolder, unexportInFolder } from './folder-export.ts';
import type { FederationReport, ServiceReport } from './programs.ts';

const CART = { namespace: 'shop', name: 'cart' };
const SERVICE =
  'apiVersion: v1\nkind: Service\nmetadata: { name: cart, namespace: shop }\nspec: { ports: [{ port: 80 }] }\n';
const EXPORT =
  'apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceExport\nmetadata:\n  name: cart\n  namespace: shop\n';
const REPORT: ServiceReport = {
  service: 'shop/cart',
  type: 'ClusterSetIP',
  exported: 'published',
  ports: [],
  clusters: [{ cluster: 'east', hosts: 1, healthy: 1, health: 'steady' }],
  conflicts: ['west: another port'],
};

type Said = readonly ServiceReport[] | UserError;

/** A folder with a cluster, and what its federation service says, look by look; the last word is said again. */
class Folder {
  readonly captured = new CapturedOutput('json');
  readonly dir: string;
  readonly #says: Said[];
  readonly #report: FederationReport | UserError;
  #nowMs = 0;

  private constructor(dir: string, says: Said[], report: FederationReport | UserError) {
    this.dir = dir;
    this.#says = says;
    this.#report = report;
  }

  static async make(
    t: TestContext,
    says: readonly Said[] = [[REPORT]],
    report: FederationReport | UserError = EAST_REPORT,
  ): Promise<Folder> {
    const folder = new Folder(tempFolder(t), [...says], report);
    await namedFolder(folder.dir);
    return folder;
  }

  path(name: string): string {
    return join(this.dir, 'resources', name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  export(): Promise<void> {
    const said = async <T>(word: T | UserError | undefined): Promise<T> => {
      if (word === undefined || word instanceof UserError) throw word;
      return word;
    };
    const programs = {
      askServices: () => said(this.#says.length > 1 ? this.#says.shift() : this.#says[0]),
      askFederation: () => said(this.#report),
    };
    const sleep = async (ms: number): Promise<void> => {
      this.#nowMs += ms;
    };
    const context = { output: this.captured.output, programs, now: () => this.#nowMs, sleep };
    return exportInFolder({ dir: this.dir, service: CART, timeoutMs: 1_000 }, context);
  }

  unexport(): Promise<void> {
    return unexportInFolder({ dir: this.dir, service: CART }, this.captured.output);
  }

  async failure(doing: Promise<void>): Promise<UserError> {
    const [result] = await Promise.allSettled([doing]);
    assert.ok(result?.status === 'rejected' && result.reason instanceof UserError, JSON.stringify(result));
    return result.reason;
  }
}

describe('isthmus service export, for a folder', () => {
  it('writes the ServiceExport, and waits until it is published', async (t) => {
    const away = new UserError('no federation service answers', { hint: 'start it' });
    const folder = await Folder.make(t, [away, [], [{ ...REPORT, exported: 'pending' }], [REPORT]]);
    folder.write('cart.yml', SERVICE);
    await folder.export();
    const file = folder.path('exports/shop/cart.yaml');
    assert.equal(readFileSync(file, 'utf8'), EXPORT);
    assert.deepEqual(JSON.parse(folder.captured.stdout), {
      ...{ service: 'shop/cart', exported: true, file, clusters: ['east'] },
      conflicts: ['west: another port'],
    });
  });

  it('writes nothing where it is there already, in whichever file', async (t) => {
    const folder = await Folder.make(t);
    folder.write('all.yaml', `${SERVICE}---\n${EXPORT}`);
    await folder.export();
    assert.equal(JSON.parse(folder.captured.stdout).file, folder.path('all.yaml'));
    assert.equal(existsSync(folder.path('exports')), false);
  });

  it('refuses a Service that the folder does not have, and a file that is something else', async (t) => {
    const folder = await Folder.make(t);
    folder.write('cart.yaml', SERVICE.replace('namespace: shop', 'namespace: other'));
    const { message, hint } = await folder.failure(folder.export());
    assert.match(message, /resources has no Service shop\/cart$/);
    assert.match(hint ?? '', /EndpointSlices/);
    assert.equal(existsSync(folder.path('exports')), false);
    folder.write('cart.yaml', SERVICE);
    folder.write('exports/shop/cart.yaml', '# mine\n');
    assert.match((await folder.failure(folder.export())).message, /is not the ServiceExport of shop\/cart$/);
    assert.equal(readFileSync(folder.path('exports/shop/cart.yaml'), 'utf8'), '# mine\n');
  });

  const problem = {
    where: 'exports/shop/cart.yaml:1',
    message: 'shop/cart has no endpoints',
    hint: 'add one',
  };
  for (const [what, report, message, hint] of [
    [
      'nobody answers',
      new UserError('no federation service answers', { hint: 'start it' }),
      /^shop\/cart is not exported after 1 s: no federation service answers$/,
      /^the ServiceExport stays; start it$/,
    ],
    [
      'the store is away',
      { ...EAST_REPORT, store: { ...EAST_REPORT.store, state: 'down' as const, problem: 'refused' } },
      /: refused$/,
      /check --dir/,
    ],
    [
      'it cannot be',
      { ...EAST_REPORT, resourceProblems: [problem] },
      /: shop\/cart has no endpoints$/,
      /add one$/,
    ],
  ] as const) {
    it(`says why it is not published in time: ${what}`, async (t) => {
      const folder = await Folder.make(t, [[]], report);
      folder.write('cart.yaml', SERVICE);
      const failure = await folder.failure(folder.export());
      assert.match(failure.message, message);
      assert.match(failure.hint ?? '', hint);
      assert.equal(failure.exitCode, 3);
      assert.equal(JSON.parse(folder.captured.stdout).exported, false);
    });
  }
});

describe('isthmus service unexport, for a folder', () => {
  it('removes a file that holds nothing else', async (t) => {
    const folder = await Folder.make(t);
    folder.write('cart.yaml', SERVICE);
    await folder.export();
    await folder.unexport();
    assert.equal(existsSync(folder.path('exports/shop/cart.yaml')), false);
    const { message, hint } = await folder.failure(folder.unexport());
    assert.match(message, /^shop\/cart is not exported: no file of /);
    assert.match(hint ?? '', /isthmus service list --dir/);
  });

  it('leaves what else the file holds, with its comments', async (t) => {
    const folder = await Folder.make(t);
    const commented = `# the cart\n${SERVICE}`;
    for (const [text, rest] of [
      [`${EXPORT}---\n${commented}`, `---\n${commented}`],
      [`${commented}---\n${EXPORT}`, commented],
      [`${commented}---\n${EXPORT}---\n${EXPORT}---\na: 1\n`, `${commented}---\na: 1\n`],
    ] as const) {
      folder.write('all.yaml', text);
      await folder.unexport();
      assert.equal(readFileSync(folder.path('all.yaml'), 'utf8'), rest);
    }
  });

  it('leaves comments that stay alone, and the mode of the file', async (t) => {
    const folder = await Folder.make(t);
    for (const mode of [0o600, 0o664]) {
      folder.write('all.yaml', `# mine\n---\n${EXPORT}`);
      chmodSync(folder.path('all.yaml'), mode);
      await folder.unexport();
      assert.match(readFileSync(folder.path('all.yaml'), 'utf8'), /^# mine\n/);
      assert.equal(statSync(folder.path('all.yaml')).mode & 0o7777, mode);
    }
  });

  it('removes a file of which only markers of documents are left', async (t) => {
    const folder = await Folder.make(t);
    for (const text of [`---\n${EXPORT}---\n`, `${EXPORT}...\n\n`, `%YAML 1.2\n---\n${EXPORT}`]) {
      folder.write('all.yaml', text);
      await folder.unexport();
      assert.equal(existsSync(folder.path('all.yaml')), false, text);
    }
  });

  it('does not break what stays, where that needs something of what would go', async (t) => {
    const folder = await Folder.make(t);
    folder.write('a.yaml', EXPORT);
    const text = `${SERVICE}---\n${EXPORT}...\n%YAML 1.2\n---\n# mine\na: 1\n`;
    folder.write('all.yaml', text);
    const { message, hint } = await folder.failure(folder.unexport());
    assert.match(message, /all\.yaml: without the ServiceExport it could not be read as before$/);
    assert.match(hint ?? '', /by hand/);
    assert.equal(readFileSync(folder.path('all.yaml'), 'utf8'), text);
    assert.equal(existsSync(folder.path('a.yaml')), true, 'one is changed, and the other not');
    folder.write('all.yaml', `${EXPORT}...\n%YAML 1.2\n---\na: 1\n`);
    await folder.unexport();
    assert.equal(readFileSync(folder.path('all.yaml'), 'utf8'), '%YAML 1.2\n---\na: 1\n');
  });

  it('does not change what it cannot read whole', async (t) => {
    const folder = await Folder.make(t);
    const text = `${EXPORT}---\nkind: [\n`;
    folder.write('all.yaml', text);
    assert.match((await folder.failure(folder.unexport())).hint ?? '', /^mend it first/);
    assert.equal(readFileSync(folder.path('all.yaml'), 'utf8'), text);
  });
});
