import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Arrival, ConnectionRoom } from './connection-room.ts';

interface Guest {
  readonly name: string;
}

const LIMITS = { maxConnections: 6, maxUnauthenticated: 4, maxUnauthenticatedPerSource: 2 };

class Party {
  readonly room = new ConnectionRoom<Guest>(LIMITS);
  readonly #guests = new Map<string, Guest>();

  /** What became of it: `in`, who made way, or why it was refused. */
  arrives(name: string, source: string): string {
    const guest = { name };
    this.#guests.set(name, guest);
    return textOf(this.room.arrive(guest, source));
  }

  guest(name: string): Guest {
    const guest = this.#guests.get(name);
    assert.ok(guest !== undefined);
    return guest;
  }

  member(name: string): void {
    assert.equal(this.arrives(name, name), 'in');
    this.room.authenticate(this.guest(name));
  }

  get names(): readonly string[] {
    return this.room.connections.map(({ name }) => name);
  }
}

function textOf(arrival: Arrival<Guest>): string {
  if (arrival.kind === 'refused') return arrival.reason;
  return arrival.makesWay === undefined ? 'in' : `instead of ${arrival.makesWay.name}`;
}

describe('room for connections', () => {
  it('takes so many of a source until they have authenticated or gone', () => {
    const party = new Party();
    assert.equal(party.arrives('a', '10.0.0.1'), 'in');
    assert.equal(party.arrives('b', '10.0.0.1'), 'in');
    assert.equal(party.arrives('c', '10.0.0.1'), 'source-limit');
    assert.equal(party.arrives('d', '10.0.0.2'), 'in');
    party.room.authenticate(party.guest('a'));
    assert.equal(party.arrives('e', '10.0.0.1'), 'in');
    party.room.leave(party.guest('b'));
    assert.equal(party.arrives('f', '10.0.0.1'), 'in');
    assert.equal(party.arrives('g', '10.0.0.1'), 'source-limit');
    assert.deepEqual(party.names, ['d', 'e', 'f', 'a']);
  });

  it('lets the stranger make way that came first, and keeps the rest for members', () => {
    const party = new Party();
    for (const name of ['a', 'b', 'c', 'd']) assert.equal(party.arrives(name, name), 'in');
    assert.equal(party.arrives('e', 'e'), 'instead of a');
    party.room.authenticate(party.guest('e'));
    assert.equal(party.arrives('f', 'f'), 'in');
    assert.equal(party.arrives('g', 'g'), 'instead of b');
    party.room.authenticate(party.guest('g'));
    assert.deepEqual(party.names, ['c', 'd', 'f', 'e', 'g']);
  });

  it('is never fuller than it may be, and refuses only when there are members alone', () => {
    const party = new Party();
    for (const name of ['m1', 'm2', 'm3', 'm4', 'm5']) party.member(name);
    assert.equal(party.arrives('a', 'a'), 'in');
    assert.equal(party.arrives('b', 'b'), 'instead of a');
    party.room.authenticate(party.guest('b'));
    assert.equal(party.arrives('c', 'c'), 'connection-limit');
    party.room.leave(party.guest('m1'));
    assert.equal(party.arrives('d', 'd'), 'in');
    assert.deepEqual(party.names, ['d', 'm2', 'm3', 'm4', 'm5', 'b']);
  });

  it('counts right when who makes way is of the same source', () => {
    const party = new Party();
    party.arrives('a', 'x');
    for (const name of ['b', 'c', 'd']) party.arrives(name, name);
    assert.equal(party.arrives('e', 'x'), 'instead of a');
    assert.equal(party.arrives('f', 'x'), 'instead of b');
    assert.equal(party.arrives('g', 'x'), 'source-limit');
  });

  it('does not take back who made way', () => {
    const party = new Party();
    for (const name of ['a', 'b', 'c', 'd', 'e']) party.arrives(name, name);
    party.room.authenticate(party.guest('a'));
    party.room.leave(party.guest('a'));
    assert.deepEqual(party.names, ['b', 'c', 'd', 'e']);
  });
});
