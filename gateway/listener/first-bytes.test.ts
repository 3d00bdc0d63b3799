import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recognize } from './first-bytes.ts';

describe('the first bytes on a shared port', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['', undefined],
    ['\x16', 'tls'],
    ['\x16\x03\x01\x02\x00', 'tls'],
    ['P', undefined],
    ['PR', undefined],
    ['PRI', undefined],
    ['PRI ', 'http2'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
    ['PUT /', 'http1'],
    ['PO', 'http1'],
    ['PROPFIND / HTTP/1.1\r\n', 'http1'],
    ['PRINT /', 'http1'],
    ['GET / HTTP/1.1\r\n', 'http1'],
    ['\x00', 'http1'],
  ];
  for (const [text, expected] of cases) {
    it(`${JSON.stringify(text)} are ${expected ?? 'too few'}`, () => {
      assert.equal(recognize(Buffer.from(text, 'latin1')), expected);
    });
  }
});
