import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostPort, isLoopback, isLoopbackAuthority, parseHostPort } from './endpoint.ts';

describe('HOST:PORT', () => {
  it('is read as it is written, the host in lower case', () => {
    const good: readonly [string, string, number][] = [
      ['10.0.0.1:15443', '10.0.0.1', 15_443],
      ['East.Example:1', 'east.example', 1],
      ['[FD00::1]:65535', 'fd00::1', 65_535],
      ['localhost:0', 'localhost', 0],
    ];
    for (const [text, host, port] of good) {
      assert.deepEqual(parseHostPort(text), { host, port });
      assert.equal(hostPort(host, port), text.toLowerCase());
    }
  });

  it('is nothing else', () => {
    for (const text of [
      '',
      'east',
      'east:',
      ':1',
      'east:65536',
      'east:123456',
      'east:-1',
      'east:1 ',
      '::1:80',
      '[::1]',
      '[east]:1',
      'a b:1',
      'user@east:1',
      'http://east:1',
      `${'a'.repeat(254)}:1`,
    ]) {
      assert.equal(parseHostPort(text), undefined, text);
    }
  });
});

describe('loopback', () => {
  it('is what only this machine reaches', () => {
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) {
      assert.ok(isLoopback(host), host);
      assert.ok(isLoopbackAuthority(hostPort(host, 80)), host);
    }
    for (const host of [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      'localhost.example',
      '127.0.0.1.example',
      '127.0.0',
      '',
    ]) {
      assert.ok(!isLoopback(host), host);
      assert.ok(!isLoopbackAuthority(`${host}:80`), host);
    }
    assert.ok(!isLoopbackAuthority('::1'), 'without brackets');
  });
});
