import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { z } from 'zod';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { UserError } from '../model/user-error.ts';
import { checkYaml, readYamlDocuments } from './yaml-document.ts';
import { parseYaml, readYamlFile } from './yaml-file.ts';

const address = z.strictObject({ host: z.string(), port: z.int().min(1).max(65535) });
const schema = z.strictObject({
  cluster: z.string(),
  listeners: z.strictObject({ http: address.optional(), mesh: address.optional() }),
  store: z
    .union([
      z.strictObject({ kind: z.literal('memory'), address: z.string() }),
      z.strictObject({ kind: z.literal('redis'), urls: z.array(z.string()) }),
    ])
    .optional(),
});

function refused(text: string): UserError {
  try {
    parseYaml(text, 'east.yaml', schema);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  assert.fail('was accepted');
}

describe('a configuration file in YAML', () => {
  it('is read as what the schema says', () => {
    const text = 'cluster: east\nlisteners:\n  http: { host: 127.0.0.1, port: 80 }\n';
    assert.deepEqual(parseYaml(text, 'east.yaml', schema), {
      cluster: 'east',
      listeners: { http: { host: '127.0.0.1', port: 80 } },
    });
  });

  const wrong: readonly (readonly [string, string, string, string | undefined])[] = [
    [
      'a value out of range',
      'cluster: east\nlisteners:\n  http:\n    host: a\n    port: 70000\n',
      'east.yaml:5: listeners.http.port',
      undefined,
    ],
    [
      'an unknown key',
      'cluster: east\nlisteners:\n  htpp: { host: a, port: 1 }\n',
      'east.yaml:3: listeners.htpp: unknown key',
      'did you mean http?',
    ],
    [
      'an unknown key like none',
      'cluster: east\nlisteners: {}\nzzzzzz: 1\n',
      'east.yaml:3: zzzzzz: unknown key',
      'known keys here: cluster, listeners, store',
    ],
    ['a missing key', 'cluster: east\n', 'east.yaml:1: listeners: is missing (object)', undefined],
    [
      'the missing key of an inner map',
      'cluster: east\nlisteners:\n  http:\n    host: a\n',
      'east.yaml:3: listeners.http.port: is missing (number)',
      undefined,
    ],
    [
      'a place in a list',
      'cluster: e\nlisteners: {}\nstore:\n  kind: redis\n  urls:\n    - a\n    - 7\n',
      'east.yaml:7: store.urls.1: ',
      undefined,
    ],
    [
      'a doubled key',
      'cluster: east\ncluster: west\nlisteners: {}\n',
      'east.yaml:2: Map keys must be unique',
      undefined,
    ],
    ['broken syntax', 'cluster: east\nlisteners: {\n', 'east.yaml:3: ', undefined],
    ['an alias of nothing', 'cluster: *gone\nlisteners: {}\n', 'east.yaml:1: ', undefined],
    [
      'two documents',
      'cluster: a\nlisteners: {}\n---\ncluster: b\n',
      'east.yaml:4: a second document',
      'it must hold one YAML document',
    ],
    ['nothing', '# only a comment\n', 'east.yaml is empty', 'it must hold one YAML document'],
  ];
  for (const [what, text, message, hint] of wrong) {
    it(`refuses ${what} with its line`, () => {
      const error = refused(text);
      assert.ok(error.message.startsWith(message), error.message);
      if (hint !== undefined) assert.equal(error.hint, hint);
    });
  }

  it('names all that is wrong at once', () => {
    const error = refused('cluster: 1\nlisteners:\n  htpp: 1\n');
    assert.deepEqual(
      error.message.split('\n').map((line) => line.split(': ')[0]),
      ['east.yaml:1', 'east.yaml:3'],
    );
  });

  it('says why a file cannot be read', async (t: TestContext) => {
    const folder = tempFolder(t);
    await assert.rejects(
      readYamlFile(join(folder, 'none.yaml'), schema),
      /cannot read .*none\.yaml \(ENOENT\)/,
    );
    await assert.rejects(readYamlFile(folder, schema), /\(EISDIR\)/);
    const large = join(folder, 'large.yaml');
    writeFileSync(large, Buffer.alloc(5_000_000, ' '));
    await assert.rejects(readYamlFile(large, schema), /5000000 bytes long/);
  });
});

describe('a text of many YAML documents', () => {
  it('keeps lines across documents, and one broken document from spoiling the others', () => {
    const documents = readYamlDocuments(
      'cluster: a\nlisteners: {}\n---\ncluster: [\n---\ncluster: c\nlisteners: 3\n',
    );
    const checks = documents.map((document) => checkYaml(document, schema));
    assert.equal(checks[0]?.kind, 'valid');
    assert.equal(checks.at(-1)?.kind, 'invalid');
    assert.deepEqual(checks.at(-1), {
      kind: 'invalid',
      problems: [{ line: 7, message: 'listeners: must be a map, not a number', hint: undefined }],
    });
  });

  it('refuses aliases that multiply a short text', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 9; level++) {
      const before = String.fromCharCode(96 + level);
      bomb.push(
        `${String.fromCharCode(97 + level)}: &${String.fromCharCode(97 + level)} [${Array(9).fill(`*${before}`).join(', ')}]`,
      );
    }
    const [document] = readYamlDocuments(bomb.join('\n'));
    assert.match(document?.problems[0]?.message ?? '', /alias/i);
  });
});
