import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowsOrigin, compileCors } from './compiled-cors.ts';

const NONE = {
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
  maxAgeSeconds: 5,
};

for (const [pattern, good, bad] of [
  ['*', ['https://a.example', 'http://a.example:81', 'null'], []],
  [
    'https://a.example',
    ['https://a.example', 'https://A.example', 'https://a.example:443'],
    [
      'http://a.example',
      'https://a.example:444',
      'https://b.a.example',
      'https://a.example.evil',
      'null',
      '',
    ],
  ],
  ['http://a.example:8080', ['http://a.example:8080'], ['http://a.example', 'https://a.example:8080']],
  [
    'https://*.a.example',
    ['https://b.a.example', 'https://c.b.a.example'],
    ['https://a.example', 'https://.a.example:0', 'https://evila.example', 'https://b.a.example:1'],
  ],
  ['http://*', ['http://any', 'http://1.2.3.4:80', 'http://[::1]'], ['https://any', 'http://any:81']],
  [
    'http://*:81',
    ['http://any:81'],
    ['http://any', 'http://a@any:81', 'http://any:81/path', 'http://any:810000'],
  ],
] as const) {
  test(`origins that ${pattern} allows`, () => {
    const cors = compileCors({ ...NONE, allowOrigins: [pattern] });
    for (const origin of good) assert.equal(allowsOrigin(cors, origin), true, origin);
    for (const origin of bad) assert.equal(allowsOrigin(cors, origin), false, origin);
  });
}
