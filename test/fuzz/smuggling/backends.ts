import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Lifetime } from '../../../federation/runtime/lifetime.ts';
import { startServer } from '../../bench/program.ts';
import { freePort } from '../../fixtures/ephemeral-port.ts';

/** A complete request that a backend answered with 200, as its own log has it. */
export interface SeenRequest {
  /** Of its field `x-mutant`, as it came. */
  readonly mutant: string;
  readonly method: string;
  readonly path: string;
  /** latin1 */
  readonly body: string;
}

/** A server behind the gateways that logs what it saw; its answers have the field `x-backend`. */
export interface LoggingBackend {
  readonly name: 'node' | 'nginx' | 'haproxy';
  readonly port: number;
  seen(): readonly SeenRequest[];
}

export async function startNode(lifetime: Lifetime): Promise<LoggingBackend> {
  const log: SeenRequest[] = [];
  const server = createServer({ maxHeaderSize: 128 * 1024 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A request that breaks off is none; the gateway's connection goes with it.
    request.on('error', () => undefined);
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const body = Buffer.concat(chunks).toString('latin1');
      log.push({ mutant: String(headers['x-mutant']), method, path, body });
      response.writeHead(200, { 'x-backend': 'node' }).end('ok');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  lifetime.add(() => {
    server.close();
    server.closeAllConnections();
  });
  return { name: 'node', port: (server.address() as AddressInfo).port, seen: () => log };
}

/** nginx passes each request on to itself: that is how it comes to know the body. */
export async function startNginx(
  lifetime: Lifetime,
  binary: string,
  folder: string,
): Promise<LoggingBackend> {
  const [port, inner] = [await freePort(), await freePort()];
  const log = join(folder, 'nginx.log');
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => {
    const path = join(folder, kind);
    mkdirSync(path, { recursive: true });
    return `${kind}_temp_path ${path};`;
  });
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${join(folder, 'nginx.pid')}; error_log /dev/null;
    events { worker_connections 4096; }
    http {
      ${temps.join('\n')}
      log_format seen escape=json
        '{"mutant":"$http_x_mutant","method":"$request_method","path":"$request_uri","body":"$request_body","status":$status}';
      client_body_buffer_size 1m; client_body_in_single_buffer on; keepalive_requests 1000000;
      large_client_header_buffers 8 128k;
      server {
        listen 127.0.0.1:${port}; access_log ${log} seen;
        location / {
          proxy_pass http://127.0.0.1:${inner}; proxy_http_version 1.1; proxy_set_header Connection "";
          add_header x-backend nginx;
        }
      }
      server { listen 127.0.0.1:${inner}; access_log off; large_client_header_buffers 8 128k; return 200 ok; }
    }`,
  );
  await startServer(lifetime, binary, ['-e', '/dev/null', '-c', config], port);
  return { name: 'nginx', port, seen: () => readNginxLog(log) };
}

function readNginxLog(path: string): readonly SeenRequest[] {
  return lines(path)
    .map((line) => JSON.parse(line) as SeenRequest & { readonly status: number })
    .filter(({ status }) => status === 200)
    .map(({ mutant, method, path, body }) => ({ mutant, method, path, body }));
}

/**
 * HAProxy passes each request on to a Node of its own: it would itself answer one whose body breaks off, and only
 * Node's answer says that the request was complete.
 */
export async function startHaproxy(
  lifetime: Lifetime,
  binary: string,
  folder: string,
): Promise<LoggingBackend> {
  const [port, node] = [await freePort(), await startNode(lifetime)];
  const config = join(folder, 'haproxy.cfg');
  const log = join(folder, 'haproxy.log');
  writeFileSync(
    config,
    `global
  tune.bufsize 131072
  tune.maxrewrite 1024
  log stdout len 65535 format raw local0
defaults
  mode http
  log global
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  timeout http-request 60s
  option http-buffer-request
frontend seen
  bind 127.0.0.1:${port}
  log-format "%[var(txn.mutant),hex] %ST %[capture.req.method,hex] %[var(txn.path),hex] %[var(txn.body),hex]"
  http-request set-var(txn.mutant) req.hdr(x-mutant)
  http-request set-var(txn.path) url
  http-request set-var(txn.body) req.body
  http-response set-header x-backend haproxy if { status 200 }
  default_backend node
backend node
  server node 127.0.0.1:${node.port}
`,
  );
  await startServer(lifetime, binary, ['-db', '-f', config], port, openSync(log, 'w'));
  return { name: 'haproxy', port, seen: () => readHaproxyLog(log) };
}

function readHaproxyLog(path: string): readonly SeenRequest[] {
  return lines(path)
    .map((line) => line.split(' '))
    .filter(([, status]) => status === '200')
    .map(([mutant = '', , method = '', path = '', body = '']) => ({
      mutant: fromHex(mutant),
      method: fromHex(method),
      path: fromHex(path),
      body: fromHex(body),
    }));
}

/** `-` is HAProxy's way to say nothing. */
function fromHex(text: string): string {
  return text === '-' ? '' : Buffer.from(text, 'hex').toString('latin1');
}

function lines(path: string): string[] {
  return readFileSync(path, 'latin1')
    .split('\n')
    .filter((line) => line !== '');
}
