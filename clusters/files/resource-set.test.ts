import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FileReading, type ResourceFile, readResourceFile } from './resource-file.ts';
import { ResourceSet } from './resource-set.ts';

function service(name: string, port: number | string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: { ports: [{ port: ${port} }] }\n`;
}

function at(ms: number): FileReading {
  return { changedAtMs: ms, modifiedAtMs: ms, atStart: false };
}

function read(file: string, texts: readonly string[], previous?: ResourceFile): ResourceFile {
  return readResourceFile(file, texts.join('---\n'), at(1_000), previous);
}

/** The ports of the services in force, by id. */
function inForce(set: ResourceSet): Record<string, number | undefined> {
  const found: Record<string, number | undefined> = {};
  for (const { id, resource } of set.all()) {
    if (resource.kind === 'Service') found[id] = resource.spec.ports[0]?.port;
  }
  return found;
}

describe('a resource file', () => {
  it('keeps the last good version of an object that is broken, and says where and what', () => {
    const good = read('a.yaml', [service('cart', 80), service('till', 90)]);
    const broken = read('a.yaml', [service('cart', 0), service('till', 91)], good);
    assert.deepEqual(broken.problems, [
      {
        where: 'a.yaml:4',
        message: 'spec.ports.0.port: is not a port (1 to 65535)',
        hint: 'the last good version stays in force until this is mended',
      },
    ]);
    const set = new ResourceSet();
    set.replace('a.yaml', broken);
    assert.deepEqual(inForce(set), { 'Service/default/cart': 80, 'Service/default/till': 91 });
  });

  it('keeps all that it held when a part does not even say what it is', () => {
    const good = read('a.yaml', [service('cart', 80), service('till', 90)]);
    const broken = read('a.yaml', [service('cart', 81), 'kind: [\n'], good);
    assert.equal(broken.objects.size, 2);
    assert.ok(broken.problems.length > 0);
    assert.ok(broken.problems.every(({ where }) => /^a\.yaml:\d+$/.test(where)));
  });

  it('keeps an object whose kind was mistyped, but not beside a good one of the same id', () => {
    const good = read('a.yaml', [service('cart', 80), service('till', 90)]);
    const mistyped = service('cart', 81).replace('kind: Service', 'kind: Bogus');
    const broken = read('a.yaml', [mistyped], good);
    assert.deepEqual([...broken.objects.keys()], ['Service/default/cart']);
    const both = read('a.yaml', [mistyped, service('cart', 82)], good);
    const cart = both.objects.get('Service/default/cart')?.resource;
    assert.ok(cart?.kind === 'Service' && cart.spec.ports[0]?.port === 82);
  });

  it('does not keep what was removed from a file that is good', () => {
    const before = read('a.yaml', [service('cart', 80), service('till', 90)]);
    assert.deepEqual(
      [...read('a.yaml', [service('cart', 80)], before).objects.keys()],
      ['Service/default/cart'],
    );
    assert.equal(read('a.yaml', [''], before).objects.size, 0);
  });

  it('uses the first of two objects of one name, and names both places', () => {
    const { objects, problems } = read('a.yaml', [service('cart', 80), service('cart', 81)]);
    assert.equal(objects.get('Service/default/cart')?.line, 1);
    assert.deepEqual(problems, [
      {
        where: 'a.yaml:6',
        message: 'Service/default/cart is also in a.yaml:1, which is used',
        hint: 'remove one of the two',
      },
    ]);
  });

  it('remembers since when an object is what it is, however often its file is written', () => {
    const first = readResourceFile('a.yaml', service('cart', 80), at(1_000), undefined);
    const moved = readResourceFile('a.yaml', `# why\n${service('cart', 80)}`, at(2_000), first);
    const changed = readResourceFile('a.yaml', service('cart', 81), at(3_000), moved);
    const cart = (file: ResourceFile) => file.objects.get('Service/default/cart');
    assert.deepEqual([cart(moved)?.changedAtMs, cart(moved)?.line], [1_000, 2]);
    assert.equal(cart(changed)?.changedAtMs, 3_000);
  });
});

describe('a set of resource files', () => {
  it('uses the object of the file that sorts first, and the next one when that goes', () => {
    const set = new ResourceSet();
    set.replace('z.yaml', read('z.yaml', [service('cart', 90)]));
    set.replace('a.yaml', read('a.yaml', [service('cart', 80)]));
    assert.deepEqual(inForce(set), { 'Service/default/cart': 80 });
    assert.deepEqual(
      set.problems().map(({ where, message }) => `${where} ${message}`),
      ['z.yaml:1 Service/default/cart is also in a.yaml:1, which is used'],
    );
    assert.deepEqual([...set.replace('a.yaml', undefined)], ['Service/default/cart']);
    assert.deepEqual(inForce(set), { 'Service/default/cart': 90 });
    assert.deepEqual(set.problems(), []);
  });

  it('tells which objects may have changed, and only those', () => {
    const set = new ResourceSet();
    const first = read('a.yaml', [service('cart', 80), service('till', 90)]);
    assert.deepEqual([...set.replace('a.yaml', first)], ['Service/default/cart', 'Service/default/till']);
    const second = read('a.yaml', [service('cart', 80), service('till', 91), service('shelf', 70)], first);
    assert.deepEqual([...set.replace('a.yaml', second)], ['Service/default/till', 'Service/default/shelf']);
    assert.deepEqual([...set.replace('a.yaml', second)], []);
    assert.deepEqual([...set.replace('b.yaml', undefined)], []);
    assert.equal([...set.replace('a.yaml', undefined)].length, 3);
    assert.deepEqual(inForce(set), {});
    assert.equal(set.get('Service/default/cart'), undefined);
  });
});
