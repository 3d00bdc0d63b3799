import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { readYamlFile } from '../config/yaml-file.ts';
import { hostPort, parseHostPort } from '../model/endpoint.ts';
import { UserError } from '../model/user-error.ts';

/** Where a gateway's admin endpoint is. */
export type GatewayAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

export interface AddressFlags {
  /** `HOST:PORT` or `unix:PATH`. */
  readonly admin?: string;
  /** Path of a gateway.yaml. */
  readonly config?: string;
}

const DEFAULT_ADDRESS: GatewayAddress = { kind: 'tcp', host: '127.0.0.1', port: 15_021 };
const DEFAULT_CONFIG = 'gateway.yaml';

/** Of a gateway.yaml only what is needed here; the gateway itself checks the rest. */
const configuredAdmin = z.object({
  admin: z
    .union([
      z.object({ socket: z.string().min(1) }),
      z.object({ host: z.string().min(1).default('127.0.0.1'), port: z.int().min(1).max(65_535) }),
    ])
    .optional(),
});

/**
 * By `--admin`, else by the configuration that `--config` names or that lies in `folder`, else the default.
 * @throws UserError for an address or a file that cannot be read.
 */
export async function findGateway(flags: AddressFlags, folder: string): Promise<GatewayAddress> {
  if (flags.admin !== undefined && flags.config !== undefined) {
    throw new UserError('--admin and --config both say where the gateway is', {
      hint: 'give one of them',
      exitCode: 2,
    });
  }
  if (flags.admin !== undefined) return parseAddress(flags.admin);
  const config = resolve(folder, flags.config ?? DEFAULT_CONFIG);
  if (flags.config === undefined && !existsSync(config)) return DEFAULT_ADDRESS;
  const { admin } = await readYamlFile(config, configuredAdmin);
  if (admin === undefined) return DEFAULT_ADDRESS;
  if ('socket' in admin) return { kind: 'socket', path: resolve(dirname(config), admin.socket) };
  return { kind: 'tcp', ...admin };
}

export function addressText(address: GatewayAddress): string {
  return address.kind === 'socket' ? `unix:${address.path}` : hostPort(address.host, address.port);
}

function parseAddress(text: string): GatewayAddress {
  if (text.startsWith('unix:') && text.length > 'unix:'.length) {
    return { kind: 'socket', path: text.slice('unix:'.length) };
  }
  const found = parseHostPort(text);
  if (found === undefined || found.port === 0) {
    throw new UserError(`${JSON.stringify(text)} is no address of a gateway`, {
      hint: 'write --admin HOST:PORT, or --admin unix:PATH',
      exitCode: 2,
    });
  }
  return { kind: 'tcp', ...found };
}
