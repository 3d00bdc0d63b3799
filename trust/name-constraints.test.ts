import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Certificate } from './certificate.ts';
import type { Extensions, NameConstraints } from './extensions.ts';
import { DIRECTORY_NAME_TAG, type GeneralName } from './general-name.ts';
import { nameConstraintsProblem } from './name-constraints.ts';

const NO_EXTENSIONS: Extensions = {
  basicConstraints: undefined,
  keyUsage: undefined,
  extendedKeyUsage: undefined,
  subjectAltNames: [],
  nameConstraints: undefined,
  subjectKeyId: undefined,
  authorityKeyId: undefined,
  unknownCritical: [],
};
const EMPTY_SUBJECT = Uint8Array.of(0x30, 0);

function problem(
  constraints: Partial<NameConstraints>,
  names: readonly GeneralName[],
  more: Partial<Certificate> = {},
): string | undefined {
  const none = new Uint8Array();
  const certificate: Certificate = {
    der: none,
    tbs: none,
    signatureAlgorithm: { hash: 'sha256', keyType: 'ec' },
    signature: none,
    serial: '1',
    issuer: EMPTY_SUBJECT,
    subject: EMPTY_SUBJECT,
    subjectEmails: [],
    notBeforeMs: 0,
    notAfterMs: 0,
    spki: none,
    extensions: { ...NO_EXTENSIONS, subjectAltNames: names },
    ...more,
  };
  return nameConstraintsProblem(certificate, { permitted: [], excluded: [], ...constraints });
}

const uri = (value: string): GeneralName => ({ kind: 'uri', value });
const dns = (value: string): GeneralName => ({ kind: 'dns', value });
const email = (value: string): GeneralName => ({ kind: 'email', value });
const ip = (...bytes: number[]): GeneralName => ({ kind: 'ip', bytes: Uint8Array.from(bytes) });
const directory: GeneralName = { kind: 'other', tag: DIRECTORY_NAME_TAG };

/** Base, what is within, what is not. */
const table: readonly (readonly [GeneralName, readonly GeneralName[], readonly GeneralName[]])[] = [
  [
    uri('west.example'),
    [uri('spiffe://west.example/a'), uri('spiffe://WEST.example/a'), uri('https://west.example')],
    [
      uri('spiffe://east.example/a'),
      uri('spiffe://x.west.example/a'),
      uri('spiffe://west.example.evil/a'),
      uri('spiffe://west.example:x@east.example/a'),
      uri('spiffe://x@west.example/a'),
      uri('spiffe://west.example:443/a'),
      uri('spiffe://east.example/west.example'),
      uri('urn:west.example'),
      uri('spiffe:///west.example'),
      uri(''),
    ],
  ],
  [
    uri('.west.example'),
    [uri('spiffe://a.west.example/a')],
    [uri('spiffe://west.example/a'), uri('spiffe://awest.example/a')],
  ],
  [
    dns('.west.example'),
    [dns('a.west.example'), dns('a.b.WEST.example'), dns('*.west.example')],
    [dns('west.example'), dns('awest.example'), dns('west.example.evil'), dns('')],
  ],
  [dns('west.example'), [dns('west.example'), dns('a.west.example')], [dns('awest.example'), dns('example')]],
  [dns(''), [dns('anything')], []],
  [
    email('invalid'),
    [email('a@invalid')],
    [email('a@west.example'), email('a@x.invalid'), email('invalid'), email('a@b@west')],
  ],
  [email('.west.example'), [email('a@b.west.example')], [email('a@west.example')]],
  [email('a@west.example'), [email('a@west.example')], [email('b@west.example'), email('A@west.example')]],
  [ip(10, 0, 0, 0, 255, 0, 0, 0), [ip(10, 1, 2, 3)], [ip(11, 1, 2, 3)]],
  [ip(0, 0, 0, 0, 0, 0, 0, 0), [ip(1, 2, 3, 4)], []],
];

describe('name constraints', () => {
  for (const [base, within, outside] of table) {
    it(`permit by ${JSON.stringify(base)} what is within, and nothing else of that form`, () => {
      for (const name of within)
        assert.equal(problem({ permitted: [base] }, [name]), undefined, JSON.stringify(name));
      for (const name of outside) assert.ok(problem({ permitted: [base] }, [name]), JSON.stringify(name));
    });

    it(`exclude by ${JSON.stringify(base)} what is within`, () => {
      for (const name of within) assert.ok(problem({ excluded: [base] }, [name]), JSON.stringify(name));
    });
  }

  it('say nothing of other forms', () => {
    assert.equal(problem({ permitted: [uri('a')] }, [dns('b'), ip(1, 2, 3, 4)]), undefined);
    const v4 = ip(0, 0, 0, 0, 0, 0, 0, 0);
    assert.equal(problem({ excluded: [v4] }, [ip(...new Array<number>(16).fill(0))]), undefined);
  });

  it('hold for each name', () => {
    assert.ok(problem({ permitted: [dns('.a')] }, [dns('x.a'), dns('x.b')]));
    assert.equal(problem({ permitted: [dns('.a'), dns('.b')] }, [dns('x.a'), dns('x.b')]), undefined);
    assert.ok(problem({ permitted: [dns('.a')], excluded: [dns('x.a')] }, [dns('x.a')]));
  });

  it('hold for e-mail addresses in the subject', () => {
    assert.ok(problem({ permitted: [email('invalid')] }, [], { subjectEmails: ['root@west.example'] }));
    assert.equal(
      problem({ permitted: [email('invalid')] }, [], { subjectEmails: ['root@invalid'] }),
      undefined,
    );
  });

  it('refuse a constrained form that is not understood, be it in the subject', () => {
    assert.match(problem({ excluded: [directory] }, [directory]) ?? '', /not understood/);
    assert.equal(problem({ permitted: [directory] }, []), undefined);
    const subject = Uint8Array.of(0x30, 2, 0x31, 0);
    assert.match(problem({ permitted: [directory] }, [], { subject }) ?? '', /not understood/);
    const otherName: GeneralName = { kind: 'other', tag: 0xa0 };
    assert.match(problem({ permitted: [otherName] }, [otherName]) ?? '', /not understood/);
    assert.match(problem({ excluded: [uri('b')] }, [uri('spiffe://a:1/x')]) ?? '', /not understood/);
  });
});
