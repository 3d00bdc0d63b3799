import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { UserError } from '../model/user-error.ts';
import { addressText, findGateway } from './gateway-address.ts';

describe('address of the gateway', () => {
  it('is the one that is given', async (t) => {
    const folder = tempFolder(t);
    const told = async (admin: string) => addressText(await findGateway({ admin }, folder));
    for (const address of ['127.0.0.1:15021', 'gateway-0:80', '[::1]:15021', 'unix:/run/isthmus.sock']) {
      assert.equal(await told(address), address);
    }
  });

  it('is refused when it cannot be one', async (t) => {
    const folder = tempFolder(t);
    for (const admin of [
      '',
      'gateway',
      'gateway:0',
      'gateway:99999',
      'gateway:http',
      'unix:',
      '::1:80',
      'a b:80',
    ]) {
      await assert.rejects(findGateway({ admin }, folder), (error) => {
        assert.ok(error instanceof UserError, admin);
        assert.equal(error.exitCode, 2);
        assert.match(error.hint ?? '', /--admin HOST:PORT/);
        return true;
      });
    }
    await assert.rejects(findGateway({ admin: 'a:1', config: 'x' }, folder), /both say where/);
  });

  it('is the default where nothing says another', async (t) => {
    const folder = tempFolder(t);
    assert.equal(addressText(await findGateway({}, folder)), '127.0.0.1:15021');
    writeFileSync(join(folder, 'gateway.yaml'), 'cluster: east\n');
    assert.equal(addressText(await findGateway({}, folder)), '127.0.0.1:15021');
  });

  it('is the configuration’s, whatever else that has', async (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, 'gateway.yaml'), 'cluster: east\nadmin: { host: 127.0.0.2, port: 15022 }\n');
    assert.equal(addressText(await findGateway({}, folder)), '127.0.0.2:15022');
    mkdirSync(join(folder, 'west'));
    writeFileSync(join(folder, 'west', 'g.yaml'), 'admin: { socket: state/admin.sock }\n');
    const socket = await findGateway({ config: 'west/g.yaml' }, folder);
    assert.equal(addressText(socket), `unix:${join(folder, 'west', 'state', 'admin.sock')}`);
  });

  it('says where a configuration is broken', async (t) => {
    const folder = tempFolder(t);
    await assert.rejects(findGateway({ config: 'none.yaml' }, folder), /cannot read .*none\.yaml/);
    writeFileSync(join(folder, 'gateway.yaml'), 'cluster: east\nadmin: { port: 99999 }\n');
    await assert.rejects(findGateway({}, folder), /gateway\.yaml:2/);
  });
});
