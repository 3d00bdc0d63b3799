import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGrpcTimeout } from './grpc-timeout.ts';

test('reads each unit', () => {
  assert.equal(parseGrpcTimeout('2H'), 7_200_000);
  assert.equal(parseGrpcTimeout('3M'), 180_000);
  assert.equal(parseGrpcTimeout('10S'), 10_000);
  assert.equal(parseGrpcTimeout('99999999m'), 99_999_999);
  assert.equal(parseGrpcTimeout('1500u'), 2);
  assert.equal(parseGrpcTimeout('1n'), 1);
});

test('reads nothing else', () => {
  for (const text of ['', '1', 'S', '-1S', '1.5S', '123456789S', '1s', '1S ', '1SS']) {
    assert.equal(parseGrpcTimeout(text), undefined, text);
  }
});
