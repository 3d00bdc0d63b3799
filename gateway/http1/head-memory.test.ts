import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seeded } from '../../test/fixtures/balanced-endpoints.ts';
import { SensitiveNames } from '../hpack/indexing.ts';
import { SharedStrings } from '../hpack/shared-strings.ts';
import { FieldNames } from '../http/field-names.ts';
import { HeadBytes, HeadError, type HeadRules } from './head-fields.ts';
import { parseRequestHead } from './request-head.ts';
import { parseResponseHead } from './response-head.ts';

function newRules(): HeadRules {
  const memory = { goodAuthority: undefined, goodPath: '' };
  return { maxFields: 20, names: new FieldNames(new SensitiveNames()), strings: new SharedStrings(), memory };
}

/** What a head is, or why it is refused. `text` has its empty line. */
function parsed(text: string, rules: HeadRules): unknown {
  const buffer = Buffer.from(`${text}GET /next HTTP/1.1\r\nhost: next\r\n\r\n`, 'latin1');
  const head = new HeadBytes(buffer, 0, text.length - 2);
  try {
    return text.startsWith('HTTP/')
      ? parseResponseHead(head, { isHead: false, isConnect: false, upgrade: false }, rules)
      : parseRequestHead(head, 'http', rules);
  } catch (error) {
    if (error instanceof HeadError) return [error.reason, error.status];
    throw error;
  }
}

const LINES = [
  'GET / HTTP/1.1',
  'GET /a HTTP/1.1',
  'POST /ab?c HTTP/1.1',
  'CONNECT /a HTTP/1.1',
  'GET /a#b HTTP/1.1',
];
const MORE_LINES = [
  'GET /a HTTP/1.0',
  'GET /a HTTP/1.2',
  'GET  /a HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'HTTP/1.1 200 OK',
];
const LAST_LINES = ['HTTP/1.0 204', 'HTTP/1.1 2OO OK', 'HTTP/2.0 200 OK', 'HTTP/1.1 404'];
const NAMES = [
  'Host',
  'host',
  'Content-Length',
  'Connection',
  'x',
  'X',
  'Transfer-Encoding',
  'Te',
  'cookie',
  'Date',
];
const VALUES = [
  'a',
  'ab',
  'abc',
  '5',
  '55',
  'chunked',
  'close',
  'keep-alive, x',
  '',
  'a b',
  'a\tb',
  'a\x00',
  'a\rb',
];
const SPACES = ['', ' ', '\t', '  '];

describe('what one head leaves for the next', () => {
  it('changes nothing of what the next is, nor of why it is refused', () => {
    const random = seeded(11);
    const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
    const shared = newRules();
    const lines = [...LINES, ...MORE_LINES, ...LAST_LINES];
    let accepted = 0;
    for (let round = 0; round < 20_000; round++) {
      let text = `${one(lines)}\r\n`;
      for (let fields = Math.floor(random() * 5); fields > 0; fields--) {
        text += `${one(NAMES)}:${one(SPACES)}${one(VALUES)}${one(SPACES)}\r\n`;
      }
      const result = parsed(`${text}\r\n`, shared);
      assert.deepEqual(result, parsed(`${text}\r\n`, newRules()), JSON.stringify(text));
      if (!Array.isArray(result)) accepted++;
    }
    assert.ok(accepted > 1000, `${accepted}`);
  });

  it('is the string of a value that comes again, but of no secret', () => {
    const names = new FieldNames(new SensitiveNames());
    const again = (line: string): string | undefined => {
      const bytes = Buffer.from(`${line}\r\n`, 'latin1');
      const colon = line.indexOf(':');
      const field = names.of(bytes, 0, colon);
      const value = field.again(bytes, colon + 1);
      if (value === undefined) field.remember(line.slice(colon + 1));
      return value;
    };
    assert.equal(again('Server:nginx'), undefined);
    assert.equal(again('server:nginx'), 'nginx');
    assert.equal(again('server:ngin'), undefined);
    assert.equal(again('server:nginxx'), undefined);
    for (const secret of ['cookie', 'authorization', 'set-cookie', 'x-request-id']) {
      again(`${secret}:abc`);
      assert.equal(again(`${secret}:abc`), undefined, secret);
    }
  });
});
