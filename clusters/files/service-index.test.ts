import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readResourceFile } from './resource-file.ts';
import { ResourceSet } from './resource-set.ts';
import { ServiceIndex } from './service-index.ts';

const HOME = { region: 'eu', zone: 'eu-a' };
const SERVICE =
  'apiVersion: v1\nkind: Service\nmetadata: { name: cart }\nspec: { ports: [{ name: http, port: 80 }] }\n';

function exported(created: string): string {
  const metadata = created === '' ? '{ name: cart }' : `{ name: cart, creationTimestamp: ${created} }`;
  return `apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceExport\nmetadata: ${metadata}\n`;
}

function slice(service: string, ...endpoints: string[]): string {
  return `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: s, labels: { kubernetes.io/service-name: ${service} } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [${endpoints.join()}]
`;
}

function endpoint(address: string, conditions = '{}'): string {
  return `{ addresses: [${address}], conditions: ${conditions} }`;
}

class Files {
  readonly resources = new ResourceSet();
  readonly index: ServiceIndex;
  #nowMs = 0;

  constructor(flat = false) {
    this.index = new ServiceIndex(this.resources, HOME, undefined, flat);
  }

  /** Writes a file, or removes it; gives the keys of the services that are different now. */
  write(name: string, text: string | undefined): string[] {
    this.#nowMs += 1;
    const before = this.resources.file(name);
    const times = { changedAtMs: this.#nowMs, modifiedAtMs: this.#nowMs, atStart: false };
    const file = text === undefined ? undefined : readResourceFile(name, text, times, before);
    return this.index.update(this.resources.replace(name, file));
  }

  get cart() {
    return this.index.services.get('default/cart');
  }

  get addresses(): string[] {
    return (this.cart?.endpoints ?? []).map(({ address, state }) => `${address} ${state}`);
  }
}

describe('services out of files', () => {
  it('have the same endpoints, since the same time, but for those that changed', () => {
    const files = new Files();
    files.write('service.yaml', SERVICE);
    const three = [endpoint('10.0.0.1'), endpoint('10.0.0.2'), endpoint('10.0.0.3')];
    files.write('slice.yaml', slice('cart', ...three));
    const before = files.cart?.endpoints ?? [];
    three[1] = endpoint('10.0.0.2', '{ ready: false }');
    three[2] = endpoint('10.0.0.4');
    assert.deepEqual(files.write('slice.yaml', slice('cart', ...three)), ['default/cart']);
    const after = files.cart?.endpoints ?? [];
    assert.equal(after[0], before[0]);
    assert.deepEqual(files.addresses, ['10.0.0.1 ready', '10.0.0.2 unready', '10.0.0.4 ready']);
    assert.deepEqual(
      after.map(({ changedAtMs }) => changedAtMs),
      [2, 3, 3],
    );
    files.write('slice.yaml', slice('cart', ...three).replace('8080', '8081'));
    assert.deepEqual(
      files.cart?.endpoints.map(({ ports, changedAtMs }) => [ports.http, changedAtMs]),
      [8081, 8081, 8081].map((port) => [port, 4]),
    );
  });

  it('say what of them holds for the clusterset', () => {
    const files = new Files();
    files.write('service.yaml', SERVICE.replace('spec: {', 'spec: { sessionAffinity: None,'));
    files.write('export.yaml', exported('2026-01-01T00:00:00Z'));
    assert.equal(files.cart?.sessionAffinity, undefined);
    const sticky =
      'sessionAffinity: ClientIP, sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } }, trafficDistribution: PreferClose,';
    files.write('service.yaml', SERVICE.replace('spec: {', `spec: { ${sticky}`));
    const spec = 'spec: { exportedLabels: { team: shop }, exportedAnnotations: { example.com/note: a b } }\n';
    assert.deepEqual(files.write('export.yaml', exported('2026-01-01T00:00:00Z') + spec), ['default/cart']);
    assert.deepEqual(files.cart?.sessionAffinity, { timeoutSeconds: 60 });
    assert.equal(files.cart.trafficDistribution, 'PreferClose');
    assert.deepEqual(files.cart.labels, { team: 'shop' });
    assert.deepEqual(files.cart.annotations, { 'example.com/note': 'a b' });
    assert.equal(files.cart.otherPorts, undefined);
    const dns = 'ports: [{ name: dns, port: 53, protocol: UDP }, ';
    files.write('service.yaml', SERVICE.replace('ports: [', dns));
    assert.deepEqual(files.cart.otherPorts, [
      { name: 'dns', port: 53, transport: 'UDP', appProtocol: undefined },
    ]);
    files.write('export.yaml', exported('2026-01-01T00:00:00Z') + spec.replace('team: shop', 'team: "a b"'));
    assert.deepEqual(
      files.cart.labels,
      { team: 'shop' },
      'what cannot be a label is refused, the last good stays',
    );
  });

  it('that are headless are exported with the names of their pods, where the network is flat', () => {
    const files = new Files(true);
    files.write('service.yaml', SERVICE.replace('spec: {', 'spec: { clusterIP: None,'));
    files.write('export.yaml', exported('2026-01-01T00:00:00Z'));
    files.write('slice.yaml', slice('cart', '{ addresses: [10.0.0.1], hostname: cart-0 }'));
    assert.deepEqual(files.index.problems(), []);
    assert.equal(files.cart?.endpoints[0]?.hostname, 'cart-0');
  });

  it('that are headless and exported are a problem, as long as they are both', () => {
    const files = new Files();
    const headless = SERVICE.replace('spec: {', 'spec: { clusterIP: None,');
    files.write('service.yaml', headless);
    assert.deepEqual(files.index.problems(), []);
    files.write('export.yaml', exported('2026-01-01T00:00:00Z'));
    const [problem, ...others] = files.index.problems();
    assert.deepEqual(others, []);
    assert.equal(problem?.where, 'export.yaml:1');
    assert.match(
      problem.message,
      /^ServiceExport default\/cart: the Service is headless .*without its addresses$/,
    );
    assert.match(problem.hint ?? '', /flat network/);
    files.write('service.yaml', SERVICE);
    assert.deepEqual(files.index.problems(), []);
  });

  it('appear with their Service, whatever came before it', () => {
    const files = new Files();
    assert.deepEqual(files.write('slice.yaml', slice('cart', endpoint('10.0.0.1'))), []);
    assert.deepEqual(files.write('export.yaml', exported('2026-01-01T00:00:00Z')), []);
    assert.deepEqual(files.write('service.yaml', SERVICE), ['default/cart']);
    assert.deepEqual(files.addresses, ['10.0.0.1 ready']);
    assert.equal(files.cart?.exportedAtMs, Date.UTC(2026, 0, 1));
    assert.deepEqual(files.write('service.yaml', undefined), ['default/cart']);
    assert.equal(files.cart, undefined);
  });

  it('are exported since their ServiceExport was made, or first seen where it does not say', () => {
    const files = new Files();
    files.write('service.yaml', SERVICE);
    assert.equal(files.cart?.exportedAtMs, undefined);
    files.write('export.yaml', exported(''));
    assert.equal(files.cart?.exportedAtMs, 2);
    files.write('export.yaml', `# touched\n${exported('')}`);
    assert.equal(files.cart?.exportedAtMs, 2);
    files.write('export.yaml', undefined);
    assert.equal(files.cart?.exportedAtMs, undefined);
  });

  it('follow a slice whose label moves it to another service', () => {
    const files = new Files();
    files.write('a.yaml', `${SERVICE}---\n${SERVICE.replace('cart', 'till')}`);
    files.write('slice.yaml', slice('cart', endpoint('10.0.0.1')));
    assert.deepEqual(files.addresses, ['10.0.0.1 ready']);
    assert.deepEqual(files.write('slice.yaml', slice('till', endpoint('10.0.0.1'))).sort(), [
      'default/cart',
      'default/till',
    ]);
    assert.deepEqual(files.addresses, []);
    assert.equal(files.index.services.get('default/till')?.endpoints.length, 1);
    assert.deepEqual(files.write('slice.yaml', undefined), ['default/till']);
  });

  it('count an endpoint that stands in two slices once, ready if it is in one', () => {
    const files = new Files();
    files.write('service.yaml', SERVICE);
    files.write('one.yaml', slice('cart', endpoint('10.0.0.1', '{ ready: false }'), endpoint('10.0.0.2')));
    files.write('two.yaml', slice('cart', endpoint('10.0.0.1')).replace('name: s,', 'name: t,'));
    assert.deepEqual(files.addresses.sort(), ['10.0.0.1 ready', '10.0.0.2 ready']);
  });

  it('count an endpoint that stands twice in a slice once, whatever was there before', () => {
    const files = new Files();
    files.write('service.yaml', SERVICE);
    const twice = [endpoint('10.0.0.1', '{ ready: false }'), endpoint('10.0.0.1')];
    for (let time = 0; time < 2; time++) {
      files.write('one.yaml', slice('cart', ...twice));
      assert.deepEqual(files.addresses, ['10.0.0.1 ready']);
      // On two ports it is two.
      const other = slice('cart', endpoint('10.0.0.1'))
        .replace('name: s,', 'name: t,')
        .replace('8080', '8081');
      files.write('two.yaml', other);
      assert.deepEqual(files.addresses, ['10.0.0.1 ready', '10.0.0.1 ready']);
      files.write('two.yaml', undefined);
      assert.deepEqual(files.addresses, ['10.0.0.1 ready']);
    }
    files.write('one.yaml', slice('cart', endpoint('10.0.0.1'), endpoint('10.0.0.2')));
    files.write('one.yaml', slice('cart', endpoint('10.0.0.1'), endpoint('10.0.0.1')));
    assert.deepEqual(files.addresses, ['10.0.0.1 ready']);
  });

  it('count a pod of a dual-stack Service once, by its address of the first family', () => {
    const files = new Files();
    const pod = (address: string, name: string, more = ''): string =>
      `{ addresses: ["${address}"], targetRef: { kind: Pod, name: ${name}${more} } }`;
    const v6 = (...endpoints: string[]): string =>
      slice('cart', ...endpoints)
        .replace('name: s,', 'name: t,')
        .replace('IPv4', 'IPv6');
    files.write('service.yaml', SERVICE);
    files.write('v4.yaml', slice('cart', pod('10.0.0.1', 'cart-1'), pod('10.0.0.2', 'cart-2')));
    files.write('v6.yaml', v6(pod('fd00::1', 'cart-1'), pod('fd00::2', 'cart-2'), pod('fd00::3', 'cart-3')));
    assert.deepEqual(files.addresses, ['10.0.0.1 ready', '10.0.0.2 ready', 'fd00::3 ready']);
    assert.equal(files.cart?.endpoints[0]?.otherAddress, 'fd00::1');
    files.write('service.yaml', SERVICE.replace('spec: {', 'spec: { ipFamilies: [IPv6, IPv4],'));
    assert.deepEqual(files.addresses, ['fd00::1 ready', 'fd00::2 ready', 'fd00::3 ready']);
    assert.equal(files.cart.endpoints[0]?.otherAddress, '10.0.0.1');
    files.write('service.yaml', SERVICE.replace('spec: {', 'spec: { clusterIP: "fd00:96::1",'));
    assert.equal(files.addresses[0], 'fd00::1 ready');
    // A slice that a person wrote may name pods of any namespace.
    const at = (namespace: string): string => v6(pod('fd00::1', 'cart-1', `, namespace: ${namespace}`));
    files.write('v6.yaml', at('default'));
    assert.deepEqual(files.addresses, ['fd00::1 ready', '10.0.0.2 ready']);
    files.write('v6.yaml', at('other'));
    assert.deepEqual(files.addresses, ['fd00::1 ready', '10.0.0.1 ready', '10.0.0.2 ready']);
    // Who does not say which pods they are may be others.
    files.write('v6.yaml', v6(endpoint('"fd00::1"')));
    assert.deepEqual(files.addresses, ['fd00::1 ready', '10.0.0.1 ready', '10.0.0.2 ready']);
    files.write('v6.yaml', undefined);
    assert.deepEqual(files.addresses, ['10.0.0.1 ready', '10.0.0.2 ready']);
    assert.equal(files.cart.endpoints[0]?.otherAddress, undefined);
  });

  it('tell nothing where nothing changed', () => {
    const files = new Files();
    files.write('service.yaml', SERVICE);
    assert.deepEqual(files.write('service.yaml', `# a comment\n${SERVICE}`), []);
    assert.deepEqual(files.write('other.yaml', '# nothing\n'), []);
  });

  it('say when an export offers nothing', () => {
    const files = new Files();
    files.write('export.yaml', exported(''));
    assert.deepEqual(files.index.problems(), [
      {
        where: 'export.yaml:1',
        message: 'ServiceExport default/cart: there is no Service of this name',
        hint: 'add the Service, or remove the export',
      },
    ]);
    files.write('service.yaml', SERVICE);
    assert.deepEqual(files.index.problems(), []);
  });
});
