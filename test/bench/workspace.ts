import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatewayDnsName, gatewayId, workloadId } from '../../federation/model/identity.ts';
import type { Lifetime } from '../../federation/runtime/lifetime.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';

const TEMPLATES = join(import.meta.dirname, 'peers');

/** A folder for one benchmark, with the same certificates for all engines. */
export class Workspace {
  readonly folder: string;
  readonly pki: string;
  readonly clusterset: TestClusterset;

  private constructor(folder: string, clusterset: TestClusterset) {
    this.folder = folder;
    this.pki = join(folder, 'pki');
    this.clusterset = clusterset;
  }

  static async create(lifetime: Lifetime): Promise<Workspace> {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-'));
    lifetime.add(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    // The backend's workers may be another user's; keys have folders and modes of their own.
    chmodSync(folder, 0o711);
    const workspace = new Workspace(folder, await TestClusterset.create(['east', 'west']));
    await workspace.#writePki();
    return workspace;
  }

  /** Fills in `peers/NAME.in`; returns the path of the result. */
  fill(name: string, values: Readonly<Record<string, string | number>>): string {
    const all: Readonly<Record<string, string | number>> = { FOLDER: this.folder, PKI: this.pki, ...values };
    const text = readFileSync(join(TEMPLATES, `${name}.in`), 'utf8').replace(
      /\$\{([A-Z0-9_]+)\}/g,
      (_, key: string) => {
        const value = all[key];
        if (value === undefined) throw new Error(`${name}.in wants \${${key}}`);
        return String(value);
      },
    );
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  async #writeClient(): Promise<void> {
    const id = workloadId('east.mesh.example', 'shop', 'client');
    const svid = await this.clusterset.svid('east', id);
    writeFileSync(join(this.pki, 'client.crt'), svid.certificateChainPem);
    writeFileSync(join(this.pki, 'client.key'), svid.privateKeyPem, { mode: 0o600 });
  }

  async #writePki(): Promise<void> {
    mkdirSync(this.pki, { mode: 0o700 });
    writeFileSync(join(this.pki, 'root.pem'), this.clusterset.root.certificatePem);
    await this.#writeClient();
    for (const cluster of ['east', 'west']) {
      const trustDomain = `${cluster}.mesh.example`;
      const svid = await this.clusterset.svid(cluster, gatewayId(trustDomain), [gatewayDnsName(trustDomain)]);
      const secret = { mode: 0o600 };
      writeFileSync(join(this.pki, `${cluster}.crt`), svid.certificateChainPem);
      writeFileSync(join(this.pki, `${cluster}.key`), svid.privateKeyPem, secret);
      writeFileSync(join(this.pki, `${cluster}.pem`), svid.certificateChainPem + svid.privateKeyPem, secret);
    }
  }
}
