import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ActiveList, type ActiveNode } from './active-list.ts';

class Node implements ActiveNode {
  newer: ActiveNode | undefined = undefined;
  older: ActiveNode | undefined = undefined;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

function names(list: ActiveList<Node>): number[] {
  const found: number[] = [];
  list.walk((node) => {
    found.push(node.name);
    return true;
  });
  return found;
}

test('keeps the order of arrival whatever leaves', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 60 }), (steps) => {
      const list = new ActiveList<Node>();
      const model: Node[] = [];
      for (const [index, step] of steps.entries()) {
        const leaving = model[step];
        if (leaving === undefined) {
          const node = new Node(index);
          list.add(node);
          model.push(node);
        } else {
          list.remove(leaving);
          model.splice(step, 1);
        }
        assert.deepEqual(
          names(list),
          model.map((node) => node.name),
        );
        assert.equal(list.size, model.length);
      }
    }),
  );
});

test('a walk ends at false, and what it visits may leave', () => {
  const list = new ActiveList<Node>();
  for (const name of [1, 2, 3]) list.add(new Node(name));
  list.walk((node) => {
    list.remove(node);
    return node.name < 2;
  });
  assert.deepEqual(names(list), [3]);
});
