import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkRequest, checkResponse, checkTrailers, newMessageFacts } from './message-rules.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];

/** RFC 9113 section 8.2.2: by field, why a request, a response and trailers are malformed; undefined = they are good. */
const CASES: ReadonlyArray<
  readonly [
    name: string,
    value: string,
    request: string | undefined,
    response: string | undefined,
    trailers: string | undefined,
  ]
> = [
  ['connection', 'close', 'connection-field', 'connection-field', 'connection-field'],
  ['keep-alive', 'timeout=5', 'connection-field', 'connection-field', 'connection-field'],
  ['proxy-connection', 'close', 'connection-field', 'connection-field', 'connection-field'],
  ['transfer-encoding', 'chunked', 'connection-field', 'connection-field', 'connection-field'],
  ['upgrade', 'h2c', 'connection-field', 'connection-field', 'connection-field'],
  ['te', 'trailers', undefined, 'te-field', 'te-field'],
  ['te', 'gzip', 'te-field', 'te-field', 'te-field'],
  ['host', 'a.example', undefined, undefined, 'trailers-invalid'],
  ['content-length', '0', undefined, undefined, 'content-length-invalid'],
  ['trailer', 'x-sum', undefined, undefined, undefined],
  ['proxy-authenticate', 'Basic', undefined, undefined, undefined],
  ['proxy-authorization', 'Basic eDp5', undefined, undefined, undefined],
];

describe('fields of the connection in HTTP/2', () => {
  for (const [name, value, request, response, trailers] of CASES) {
    test(`${name}: ${value}`, () => {
      const facts = newMessageFacts();
      assert.equal(checkRequest([...GET, name, value], facts)?.reason, request, 'in a request');
      assert.equal(checkResponse([':status', '200', name, value], facts)?.reason, response, 'in a response');
      assert.equal(checkTrailers([name, value])?.reason, trailers, 'in trailers');
    });
  }
});
