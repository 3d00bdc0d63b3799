import assert from 'node:assert/strict';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import { gatewayDnsName, gatewayId } from '../../federation/model/identity.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { issueSvid } from '../../trust/authority.ts';
import { bundlesFor } from '../../trust/bundle.ts';
import { createCsr } from '../../trust/csr.ts';
import { loadTrustFolder } from '../../trust/folder.ts';
import { generateKeyPair } from '../../trust/key.ts';
import { svidFromChain } from '../../trust/svid.ts';
import { meshServerOptions } from '../../trust/tls.ts';
import { type InitOptions, initCluster } from '../folder/init.ts';
import { inviteCluster } from '../folder/invite.ts';
import { type JoinOptions, type JoinResult, joinCluster } from '../folder/join.ts';
import { createEnrolment, type EnrolmentEvent } from './enrolment.ts';
import { parseToken, printToken } from './token.ts';

const NOW_MS = Date.now();
const TTL_MS = 900_000;

function hostPort(port: number): { host: string; port: number } {
  return { host: '127.0.0.1', port };
}

function plan(dir: string, cluster: string, meshPort: number): InitOptions {
  return {
    dir,
    cluster,
    clusterset: 'mesh.example',
    locality: { region: 'eu', zone: 'eu-a' },
    listen: {
      http: hostPort(1),
      mesh: hostPort(meshPort),
      gatewayAdmin: hostPort(3),
      federation: hostPort(4),
      issuer: undefined,
      federationAdmin: hostPort(5),
      servicesHost: '127.0.0.1',
      servicePorts: { from: 15_500, to: 15_600 },
    },
    advertise: [`127.0.0.1:${meshPort}`],
    workers: 1,
    accessLogSample: 1,
    store: { kind: 'memory', address: '127.0.0.1:1' },
    storeAdmin: undefined,
    createStoreUser: () => Promise.reject(new Error('the memory store has no users')),
    nowMs: NOW_MS,
  };
}

/** A trust home whose gateway is a bare TLS server: it relays as the real one does, and decides nothing. */
class Home {
  readonly dir: string;
  readonly root: string;
  readonly clock = new ManualClock(NOW_MS);
  readonly events: EnrolmentEvent[] = [];

  constructor(root: string, name: string) {
    this.root = root;
    this.dir = join(root, name);
  }

  static async found(t: TestContext, name = 'east'): Promise<Home> {
    const home = new Home(tempFolder(t), name);
    const port = await freePort();
    await initCluster(plan(home.dir, name, port));
    return home.#serve(t, port, `${name}.mesh.example`);
  }

  async #serve(t: TestContext, port: number, trustDomain: string): Promise<Home> {
    const enrolment = createEnrolment({
      dir: this.dir,
      clock: this.clock,
      log: (event) => this.events.push(event),
    });
    const server = createServer(await this.#gatewayOptions(trustDomain), (socket: TLSSocket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', (framed: Buffer) => {
        void enrolment
          .enrol(framed.subarray(4), { remoteAddress: socket.remoteAddress ?? '' })
          .then((answer) => {
            const length = Buffer.alloc(4);
            length.writeUInt32BE(answer.length);
            socket.end(Buffer.concat([length, answer]));
          });
      });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    t.after(() => server.close());
    return this;
  }

  async #gatewayOptions(trustDomain: string) {
    const trust = await loadTrustFolder(join(this.dir, 'trust'), { nowMs: NOW_MS });
    const keyPair = await generateKeyPair();
    const id = gatewayId(trustDomain);
    const dnsNames = [gatewayDnsName(trustDomain)];
    const csrDer = await createCsr({ keyPair, id, dnsNames });
    const { chainDer } = await issueSvid(trust.intermediate, { csrDer, id, dnsNames, nowMs: NOW_MS });
    return meshServerOptions({
      svid: svidFromChain(chainDer, keyPair.privateKeyPem, NOW_MS),
      bundles: bundlesFor([trustDomain], trust.bundle),
      ticketKeys: Buffer.alloc(48, 1),
    });
  }

  async invite(cluster: string, force = false): Promise<string> {
    const { createStoreUser } = plan('', '', 0);
    const made = await inviteCluster({
      dir: this.dir,
      cluster,
      ttlMs: TTL_MS,
      force,
      createStoreUser,
      nowMs: this.clock.now(),
    });
    return made.token;
  }

  join(token: string, change: Partial<JoinOptions> = {}): Promise<JoinResult> {
    const options = { ...plan(join(this.root, `joined-${Math.random()}`), 'west', 2), cluster: undefined };
    return joinCluster({ ...options, token, nowMs: this.clock.now(), ...change });
  }
}

function refusedBecause(reason: RegExp): (failure: unknown) => boolean {
  return (failure) => failure instanceof UserError && reason.test(failure.message);
}

test('a token lets one cluster in, with a key of its own and both sides knowing the other', async (t) => {
  const home = await Home.found(t);
  const result = await home.join(await home.invite('west'));
  assert.deepEqual([result.cluster, result.trustDomain], ['west', 'west.mesh.example']);
  const trust = await loadTrustFolder(result.layout.trust, {
    nowMs: NOW_MS,
    trustDomain: 'west.mesh.example',
  });
  assert.equal(trust.root, undefined);
  assert.equal((await stat(join(result.layout.trust, 'intermediate.key'))).mode & 0o777, 0o600);
  assert.match(await readFile(join(result.layout.peers, 'east.yaml'), 'utf8'), /east\.mesh\.example/);
  assert.match(await readFile(join(home.dir, 'resources/peers/west.yaml'), 'utf8'), /west\.mesh\.example/);
  assert.deepEqual(
    home.events.map((event) => event.outcome),
    ['accepted'],
  );
});

test('a used token is refused, also when two use it at once', async (t) => {
  const home = await Home.found(t);
  const token = await home.invite('west');
  const both = await Promise.allSettled([home.join(token), home.join(token)]);
  assert.deepEqual(both.map((one) => one.status).sort(), ['fulfilled', 'rejected']);
  await assert.rejects(home.join(token), refusedBecause(/used already/));
});

test('an expired token is refused by the joiner’s clock and by the trust home’s', async (t) => {
  const home = await Home.found(t);
  const token = await home.invite('west');
  home.clock.advance(TTL_MS);
  await assert.rejects(home.join(token), refusedBecause(/has expired/));
  assert.equal(home.events.length, 0);
  await assert.rejects(home.join(token, { nowMs: NOW_MS }), refusedBecause(/has expired/));
  assert.equal(home.events[0]?.outcome, 'expired');
});

test('an altered token is refused before anything is dialled', async (t) => {
  const home = await Home.found(t);
  const token = await home.invite('west');
  const middle = Math.floor(token.length / 2);
  const altered = `${token.slice(0, middle)}${token[middle] === 'A' ? 'B' : 'A'}${token.slice(middle + 1)}`;
  for (const text of [altered, token.slice(0, -3), 'hello', '', `${token}.x`]) {
    await assert.rejects(home.join(text), (failure: unknown) => {
      assert.ok(failure instanceof UserError && failure.exitCode === 2);
      return /altered|not a join token/.test(failure.message) && !failure.message.includes(token);
    });
  }
  assert.equal(home.events.length, 0);
});

test('a token of another trust home, a guessed secret, and another name are refused', async (t) => {
  const home = await Home.found(t);
  const foreign = await Home.found(t, 'south');
  const own = parseToken(await home.invite('west'));
  const other = parseToken(await foreign.invite('west'));
  // The address of one, all else of the other: the root of the token does not know this server.
  const misled = printToken({ ...other, gateways: own.gateways });
  await assert.rejects(home.join(misled), refusedBecause(/certificate|self.signed|verify/i));
  const guessed = printToken({ ...own, secret: other.secret });
  await assert.rejects(home.join(guessed), refusedBecause(/did not make that token/));
  const renamed = printToken({ ...own, cluster: 'north' });
  await assert.rejects(home.join(renamed), refusedBecause(/of another name/));
  const moved = printToken({ ...own, invitedBy: 'north' });
  await assert.rejects(
    home.join(moved),
    refusedBecause(/it is spiffe:\/\/east\.mesh\.example|trust domain|bundle/),
  );
  await assert.rejects(
    home.join(printToken(own), { cluster: 'north' }),
    refusedBecause(/called west, not north/),
  );
  assert.equal((await home.join(printToken(own))).cluster, 'west');
});

test('a member that is not the trust home cannot invite, and a taken folder is not joined', async (t) => {
  const home = await Home.found(t);
  const west = await home.join(await home.invite('west'));
  const invite = inviteCluster({
    dir: west.layout.root,
    cluster: 'north',
    ttlMs: TTL_MS,
    force: false,
    createStoreUser: () => Promise.reject(new Error('not needed')),
    nowMs: NOW_MS,
  });
  await assert.rejects(invite, refusedBecause(/does not hold the clusterset's root/));
  const token = await home.invite('north');
  await assert.rejects(
    home.join(token, { dir: west.layout.root }),
    refusedBecause(/already is a cluster's folder/),
  );
});

test('a gateway that is not there is named with its address', async (t) => {
  const home = await Home.found(t);
  const token = parseToken(await home.invite('west'));
  await assert.rejects(
    home.join(printToken({ ...token, gateways: ['127.0.0.1:1'] })),
    refusedBecause(/127\.0\.0\.1:1: .*ECONNREFUSED/),
  );
});

test('a member is invited anew only by force, and stays allowed what it was', async (t) => {
  const home = await Home.found(t);
  await home.join(await home.invite('west'));
  await assert.rejects(home.invite('west'), refusedBecause(/west is a member already/));
  const file = join(home.dir, 'resources/peers/west.yaml');
  await writeFile(file, `${await readFile(file, 'utf8')}  allowedNamespaces: [shop]\n`);
  await home.join(await home.invite('west', true));
  assert.match(await readFile(file, 'utf8'), /allowedNamespaces:\s+- shop/);
});

test('a peer file that cannot be read ends the enrolment, and costs no token', async (t) => {
  const home = await Home.found(t);
  const token = await home.invite('west');
  const file = join(home.dir, 'resources/peers/west.yaml');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, 'kind: [');
  await assert.rejects(home.join(token), UserError);
  const [event] = home.events;
  assert.equal(event?.outcome, 'failed');
  assert.match(String(event?.cause), /west\.yaml:1/);
  await rm(file);
  assert.equal((await home.join(token)).cluster, 'west');
});

test('a clusterset whose name leaves no room for its clusters’ names is not founded', async (t) => {
  const name = `${'a'.repeat(60)}.`.repeat(3);
  const options = { ...plan(join(tempFolder(t), 'east'), 'east', 1), clusterset: `${name}mesh.exam` };
  await assert.rejects(initCluster(options), refusedBecause(/longer than 190 characters/));
  await initCluster({ ...options, clusterset: `${name}mesh.ex` });
});
