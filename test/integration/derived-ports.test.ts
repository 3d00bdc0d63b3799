import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DerivedPorts } from '../../clusters/kubernetes/mcs/derived-ports.ts';
import { derivedName, SERVICES } from '../../clusters/kubernetes/mcs/mcs-objects.ts';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { DerivedPortBook } from '../../federation/state/derived-port-book.ts';
import { writePorts } from '../../federation/state/memory-file.ts';
import { FilePortBook } from '../../federation/state/port-book.ts';
import { SharedPorts } from '../../federation/state/shared-ports.ts';
import { clustersetService, snapshotPort } from '../fixtures/clusterset-view.ts';
import { missingKubeApiServer } from '../fixtures/kube-api-server.ts';
import { McsCluster } from '../fixtures/mcs-cluster.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const KEY = 'shop/payments';
const TARGET = `${KEY}:http`;
/** Not the one that the target's hash names: a replica that forgot it gives another. */
const PORT = 20_001;
const RANGE = { from: 15_500, to: 32_767 };

interface ServiceObject {
  spec: { ports: { targetPort: number }[] };
}

/** A replica of the federation service, as far as it gives ports: with a disk of its own. */
class Replica {
  readonly ports: SharedPorts;
  readonly #derived: DerivedPorts;

  private constructor(ports: SharedPorts, derived: DerivedPorts) {
    this.ports = ports;
    this.#derived = derived;
  }

  static async start(cluster: McsCluster, file: string): Promise<Replica> {
    const derived = new DerivedPorts({ client: cluster.admin, clock: SYSTEM_CLOCK, random: Math.random });
    const ports = await SharedPorts.open({
      book: new DerivedPortBook(derived, new FilePortBook(file)),
      range: RANGE,
      clock: SYSTEM_CLOCK,
      warn: (message) => console.error(message),
    });
    return new Replica(ports, derived);
  }

  /**
   * Leads, once it has read what the one before it left.
   * @param probe a service that no replica gave a port before
   */
  async lead(cluster: McsCluster, probe: string): Promise<void> {
    this.ports.setLeading(true);
    await cluster.until('it gives ports', () => this.ports.claim(`shop/${probe}:http`, 0) !== undefined);
  }

  async end(): Promise<void> {
    await this.ports.close();
    await this.#derived.close();
  }
}

describe('service ports in Kubernetes', { skip: missingKubeApiServer() }, () => {
  let east: McsCluster;
  let folder: string;
  const ends: (() => void | Promise<void>)[] = [];
  const owner = { after: (end: () => void | Promise<void>) => ends.push(end) };
  const claim = ({ ports }: Replica): number | undefined => ports.claim(TARGET, Date.now());
  const derivedPort = async (): Promise<number | undefined> => {
    const ref = { namespace: 'shop', name: 'payments' };
    const found = await east.get<ServiceObject>(SERVICES, 'shop', derivedName(ref));
    return found?.spec.ports[0]?.targetPort;
  };
  const show = (port: number | undefined): void =>
    east.view.set(KEY, clustersetService(KEY, [snapshotPort('http', 80, port)], { west: undefined }));

  before(async () => {
    folder = tempFolder(owner);
    east = await McsCluster.start(owner, 'east');
    await east.namespace('shop');
    await east.run();
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  it('stay a service’s when another replica leads, with an empty disk', async () => {
    const file = join(folder, 'first.json');
    await writePorts(file, [{ target: TARGET, port: PORT, releasedAtMs: undefined }]);
    const first = await Replica.start(east, file);
    await first.lead(east, 'probe-0');
    show(claim(first));
    await east.until('the derived Service has it', async () => (await derivedPort()) === PORT);
    const second = await Replica.start(east, join(folder, 'second.json'));
    assert.equal(claim(second), PORT, 'one that follows listens on the same');
    first.ports.setLeading(false);
    await second.lead(east, 'probe-1');
    assert.equal(claim(second), PORT);
    await second.end();
    await first.end();
  });

  it('stay a service’s over a restart without a disk, while the derived Service stands', async () => {
    const replica = await Replica.start(east, join(folder, 'third.json'));
    await replica.lead(east, 'probe-2');
    assert.equal(claim(replica), PORT);
    await replica.end();
  });

  it('are the same for a service that is taken back and offered again, also after a restart', async () => {
    const file = join(folder, 'fourth.json');
    const before = await Replica.start(east, file);
    await before.lead(east, 'probe-3');
    assert.equal(claim(before), PORT);
    before.ports.release(TARGET, Date.now());
    east.view.withdraw(KEY);
    await east.until('the derived Service is gone', async () => (await derivedPort()) === undefined);
    await before.end();
    const next = await Replica.start(east, file);
    await next.lead(east, 'probe-4');
    assert.equal(claim(next), PORT);
    show(PORT);
    await east.until('it is back', async () => (await derivedPort()) === PORT);
    await next.end();
  });

  it('are what is written when the derived Service is removed by hand', async () => {
    await east.admin.delete(SERVICES, {
      namespace: 'shop',
      name: derivedName({ namespace: 'shop', name: 'payments' }),
    });
    await east.until('it is back', async () => (await derivedPort()) === PORT);
  });
});
