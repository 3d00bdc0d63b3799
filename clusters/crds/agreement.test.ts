import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { type KubeAnswer, kubeCall } from '../../test/fixtures/kube-call.ts';
import { resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { AGREEMENT_CASES, type AgreementCase, caseText, ONLY_ZOD_REFUSES } from './agreement-cases.ts';
import { CUSTOM_KINDS } from './kinds.ts';
import { structuralSchema } from './structural-schema.ts';
import { CRD_FOLDER, copyPath, thirdPartyModules } from './third-party.ts';
import { fieldPaths, valuePaths, variantsOf } from './variants.ts';

const root = join(import.meta.dirname, '..', '..');
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const POLL_MS = 50;

const definition = z.looseObject({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    versions: z.array(z.object({ name: z.string(), served: z.boolean(), storage: z.boolean() })),
  }),
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish() })
    .optional(),
});

const custom = z.looseObject({ spec: z.unknown() });

/** Needs a certificate; `upstream-tls-schema.test.ts` has some. */
const NOT_TRIED = ['spec.upstreamTls.caCertificates'];

function readYaml(path: string): unknown {
  return parse(readFileSync(join(root, path), 'utf8'));
}

/** The texts of all rules in CEL of a schema. */
function messagesOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => {
    if (key !== 'x-kubernetes-validations') return messagesOf(value);
    return z
      .array(z.object({ message: z.string() }))
      .parse(value)
      .map(({ message }) => message);
  });
}

describe('CustomResourceDefinitions on a real API server', { skip: missingKubeApiServer() }, () => {
  const suite = KubeApiServer.forSuite();
  let server: KubeApiServer;
  const refusals: string[] = [];

  async function install(path: string): Promise<z.infer<typeof definition>> {
    const created = await kubeCall(server, 'POST', CRDS, readYaml(path));
    assert.equal(created.status, 201, created.message);
    const { name } = definition.parse(created.body).metadata;
    for (;;) {
      const { body } = await kubeCall(server, 'GET', `${CRDS}/${name}`);
      const read = definition.parse(body);
      const conditions = read.status?.conditions ?? [];
      const not = conditions.find(({ type, status }) => type === 'NonStructuralSchema' && status === 'True');
      assert.equal(not, undefined, `${name} has no structural schema`);
      if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return read;
      await sleep(POLL_MS);
    }
  }

  /** Asks again while the API server has not heard of the new kind: 404 without details of an object. */
  async function send(name: string, object: unknown): Promise<KubeAnswer> {
    const kind = CUSTOM_KINDS.find((one) => one.kind === name);
    assert.ok(kind !== undefined);
    const place = kind.scope === 'Cluster' ? '' : 'namespaces/shop/';
    const path = `/apis/isthmus.io/v1alpha1/${place}${kind.plural}?dryRun=All&fieldValidation=Strict`;
    for (;;) {
      const answer = await kubeCall(server, 'POST', path, object);
      if (answer.status !== 404) return answer;
      await sleep(POLL_MS);
    }
  }

  const submit = (given: AgreementCase): Promise<KubeAnswer> => send(given.kind, parse(caseText(given)));

  before(async () => {
    server = suite.server;
    const made = await kubeCall(server, 'POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    assert.equal(made.status, 201, made.message);
    for (const { plural } of CUSTOM_KINDS) await install(`${CRD_FOLDER}/${plural}.isthmus.io.yaml`);
  });

  for (const given of AGREEMENT_CASES) {
    const { wrong } = given;
    const verdict = wrong === undefined ? 'takes' : `refuses (${wrong.zod})`;
    it(`${verdict} as zod does: ${given.kind} ${given.name ?? ''} ${given.spec.slice(0, 100)}`, async () => {
      const problems = resourceProblems(caseText(given)).join('\n');
      const answer = await submit(given);
      if (wrong === undefined) {
        assert.equal(problems, '');
        assert.equal(answer.status, 201, answer.message);
        return;
      }
      refusals.push(answer.message);
      assert.ok(problems.includes(wrong.zod), `zod: ${problems}`);
      assert.ok(answer.status === 422 || answer.status === 400, `${answer.status} ${answer.message}`);
      assert.ok(answer.message.includes(wrong.api ?? wrong.zod), `API server: ${answer.message}`);
    });
  }

  for (const {
    kind,
    schema: { shape },
  } of CUSTOM_KINDS) {
    const schema = structuralSchema(shape.spec, kind);
    const good = AGREEMENT_CASES.filter((given) => given.kind === kind && given.wrong === undefined);

    it(`draws each bound of ${kind} where zod does`, async () => {
      const apart: string[] = [];
      const tried = new Set<string>();
      for (const given of good) {
        const object = custom.parse(parse(caseText(given)));
        for (const { what, value } of variantsOf(schema, object.spec)) {
          const changed = stringify({ ...object, spec: value });
          if (tried.has(changed)) continue;
          tried.add(changed);
          const problems = resourceProblems(changed);
          const answer = await send(kind, { ...object, spec: value });
          if ((problems.length === 0) === (answer.status === 201)) continue;
          apart.push(
            `${what}: zod says ${problems.join() || 'good'}, the API server ${answer.message || 'good'}`,
          );
        }
      }
      assert.deepEqual(apart, []);
    });

    it(`has a good object above with each field of ${kind}`, () => {
      const given = new Set(good.flatMap((one) => valuePaths(custom.parse(parse(caseText(one))).spec)));
      const missing = fieldPaths(schema).filter((path) => !given.has(path) && !NOT_TRIED.includes(path));
      assert.deepEqual(missing, []);
    });
  }

  it('has an object above that breaks each rule in CEL', () => {
    const messages = CUSTOM_KINDS.flatMap(({ plural }) =>
      messagesOf(readYaml(`${CRD_FOLDER}/${plural}.isthmus.io.yaml`)),
    );
    assert.ok(messages.length > 20, 'there are rules');
    const untried = messages.filter((message) => !refusals.some((refusal) => refusal.includes(message)));
    assert.deepEqual(untried, [], 'rules that no object of agreement-cases.ts breaks');
  });

  it('takes what only zod can refuse', async () => {
    assert.equal((await submit(ONLY_ZOD_REFUSES)).status, 201);
    assert.ok(
      resourceProblems(caseText(ONLY_ZOD_REFUSES))
        .join()
        .includes(ONLY_ZOD_REFUSES.wrong?.zod ?? '?'),
    );
  });

  it('takes the copies of Gateway API and MCS API, with the versions that are read', async () => {
    const served = new Map<string, string>();
    for (const module of thirdPartyModules()) {
      for (const path of Object.keys(module.files).filter((one) => one.endsWith('.yaml'))) {
        const { metadata, spec } = await install(copyPath(module, path));
        const versions = spec.versions.filter((version) => version.served).map(({ name }) => name);
        served.set(metadata.name, versions.join(' '));
      }
    }
    assert.deepEqual(Object.fromEntries(served), {
      'grpcroutes.gateway.networking.k8s.io': 'v1',
      'httproutes.gateway.networking.k8s.io': 'v1 v1beta1',
      'referencegrants.gateway.networking.k8s.io': 'v1 v1beta1',
      'serviceexports.multicluster.x-k8s.io': 'v1alpha1 v1beta1',
      'serviceimports.multicluster.x-k8s.io': 'v1alpha1 v1beta1',
    });
  });
});
