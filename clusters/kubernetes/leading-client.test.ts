import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type LeadingClient, leadingClient } from './leading-client.ts';
import { type ResourceType, resourceType } from './resource-type.ts';

const TYPE: ResourceType = resourceType('', 'v1', 'services');
const OBJECT = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'a', namespace: 'shop', resourceVersion: '1' },
};

/** Says what it was asked for; also whether it was called as a method. */
class Asked {
  readonly verbs: string[] = [];

  list(): never {
    throw new Error('not asked in this test');
  }
  watch(): never {
    throw new Error('not asked in this test');
  }
  onReturn(): () => void {
    return () => undefined;
  }
  get = async (): Promise<unknown> => this.#say('get');
  async create(): Promise<unknown> {
    return this.#say('create');
  }
  async apply(): Promise<unknown> {
    return this.#say('apply');
  }
  async applyStatus(): Promise<unknown> {
    return this.#say('applyStatus');
  }
  async update(): Promise<unknown> {
    return this.#say('update');
  }
  async delete(): Promise<void> {
    this.#say('delete');
  }

  #say(verb: string): unknown {
    this.verbs.push(verb);
    return {};
  }
}

it('a replica that leads no more reads, and writes nothing', async () => {
  const asked = new Asked();
  let leads = true;
  const client = leadingClient(asked satisfies LeadingClient, () => leads);
  const all = (): Promise<unknown>[] => [
    client.get(TYPE, OBJECT.metadata),
    client.create(TYPE, OBJECT),
    client.apply(TYPE, OBJECT),
    client.applyStatus(TYPE, OBJECT),
    client.update(TYPE, OBJECT),
    client.delete(TYPE, OBJECT.metadata),
  ];
  await Promise.all(all());
  assert.deepEqual(asked.verbs, ['get', 'create', 'apply', 'applyStatus', 'update', 'delete']);
  leads = false;
  const [read, ...writes] = await Promise.allSettled(all());
  assert.equal(read?.status, 'fulfilled');
  for (const write of writes) {
    assert.ok(write.status === 'rejected');
    assert.match(String(write.reason), /another replica may write now/);
  }
  assert.equal(asked.verbs.length, 7);
});
