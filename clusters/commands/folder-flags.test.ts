import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { FOLDER_DEFAULTS, type FolderFlags, parseFolderFlags } from './folder-flags.ts';

function flags(change: Partial<FolderFlags> = {}): FolderFlags {
  return { ...FOLDER_DEFAULTS, region: 'eu', zone: 'eu-a', ...change };
}

function refusal(change: Partial<FolderFlags>): string {
  try {
    parseFolderFlags(flags(change));
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, 2);
    assert.ok(error.hint !== undefined);
    return error.message;
  }
  assert.fail('was accepted');
}

describe('the flags of init and join', () => {
  it('open nothing to the network unless they are told to', () => {
    const { listen, advertise } = parseFolderFlags(flags());
    const { http, mesh, gatewayAdmin, federation, issuer, federationAdmin, servicesHost } = listen;
    for (const one of [http, mesh, gatewayAdmin, federation, issuer, federationAdmin]) {
      assert.equal(one?.host, '127.0.0.1');
    }
    assert.equal(servicesHost, '127.0.0.1');
    assert.deepEqual(advertise, ['127.0.0.1:15443']);
  });

  it('take every address, advertised ones in their order', () => {
    const plan = parseFolderFlags(
      flags({
        listenMesh: '0.0.0.0:443',
        listenFederation: '[::1]:15010',
        advertise: ['East.Example:443', '[fd00::1]:443'],
        servicePorts: '20000-20010',
        workers: '4',
        accessLogSample: '0.01',
      }),
    );
    assert.deepEqual(plan.listen.mesh, { host: '0.0.0.0', port: 443 });
    assert.deepEqual(plan.listen.federation, { host: '::1', port: 15010 });
    assert.deepEqual(plan.advertise, ['east.example:443', '[fd00::1]:443']);
    assert.deepEqual(plan.listen.servicePorts, { from: 20_000, to: 20_010 });
    assert.deepEqual([plan.workers, plan.accessLogSample], [4, 0.01]);
  });

  const refused: readonly (readonly [Partial<FolderFlags>, RegExp])[] = [
    [{ listenHttp: '15080' }, /^--listen-http 15080: is not HOST:PORT$/],
    [{ listenHttp: 'a b:1' }, /is not HOST:PORT/],
    [{ listenHttp: '::1:80' }, /is not HOST:PORT/],
    [{ listenHttp: '127.0.0.1:0' }, /^--listen-http 127\.0\.0\.1:0: is not HOST:PORT$/],
    [{ listenMesh: '127.0.0.1:65536' }, /65536: is not HOST:PORT/],
    [{ listenMesh: '0.0.0.0:15443' }, /^peers cannot dial 0\.0\.0\.0:15443$/],
    [{ listenMesh: '[::]:15443' }, /^peers cannot dial \[::\]:15443$/],
    [{ advertise: ['0.0.0.0:1'] }, /^peers cannot dial 0\.0\.0\.0:1$/],
    [{ advertise: ['east.example'] }, /^--advertise east\.example: is not HOST:PORT$/],
    [{ advertise: Array.from({ length: 33 }, () => 'a:1') }, /^--advertise is given 33 times$/],
    [{ listenGatewayAdmin: '0.0.0.0:15021' }, /^--listen-gateway-admin .* is not a loopback address$/],
    [{ listenFederationAdmin: '10.0.0.1:1' }, /^--listen-federation-admin .* is not a loopback address$/],
    [
      { listenMesh: FOLDER_DEFAULTS.listenHttp },
      /^--listen-mesh and --listen-http are both 127\.0\.0\.1:15080$/,
    ],
    [{ listenMesh: '0.0.0.0:15080', advertise: ['a:1'] }, /^--listen-mesh and --listen-http are both/],
    [
      { listenMesh: '127.0.0.1:16000' },
      /^--listen-mesh 127\.0\.0\.1:16000: is among the service ports 15500-32767$/,
    ],
    [{ servicePorts: '15500' }, /^--service-ports 15500: is not FROM-TO$/],
    [{ servicePorts: '0-100' }, /is not a whole number from 1 to 65535/],
    [{ servicePorts: '20010-20000' }, /begins after its end/],
    [{ servicePorts: '20000-70000' }, /70000: is not a whole number/],
    [{ workers: '0' }, /^--workers 0: is not a whole number from 1 to 256$/],
    [{ workers: '1.5' }, /--workers 1\.5/],
    [{ accessLogSample: '2' }, /^--access-log-sample 2: is not a share$/],
    [{ accessLogSample: '' }, /is not a share/],
    [{ accessLogSample: 'NaN' }, /is not a share/],
    [{ region: '' }, /^--region "": is not a name of a place$/],
    [{ zone: 'eu a' }, /^--zone "eu a": is not a name of a place$/],
  ];
  for (const [change, message] of refused) {
    it(`are refused: ${JSON.stringify(change).slice(0, 80)}`, () => assert.match(refusal(change), message));
  }
});
