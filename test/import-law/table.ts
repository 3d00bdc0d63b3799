/** Parts of the project that import each other by the table below; the files of one part do so freely. */
export type Part =
  | 'model'
  | 'runtime'
  | 'config'
  | 'failover'
  | 'wire'
  | 'trust'
  | 'clusters'
  | 'federation'
  | 'gateway'
  | 'demo'
  | 'command'
  | 'cli'
  | 'launcher'
  | 'test';

export interface Row {
  /** A folder or a file. Of all rows that cover a file, the one with the longest path holds. */
  readonly path: string;
  readonly part: Part;
  readonly mayImport: readonly Part[] | 'every part';
  /** Parts of which only types may be imported. */
  readonly mayImportTypesOf?: readonly Part[];
  readonly builtins: boolean;
  readonly bannedBuiltins?: readonly string[];
  readonly packages: readonly string[] | 'every dependency' | 'every package';
  /** Files and folders which alone may import this row's files; without it the others' rows decide. */
  readonly importedOnlyBy?: readonly string[];
}

const composition = {
  part: 'command',
  mayImport: 'every part',
  builtins: true,
  packages: ['commander', 'pino', 'prom-client', 'yaml', 'zod'],
  importedOnlyBy: ['cli.ts'],
} as const;

const federation = {
  part: 'federation',
  mayImport: ['model', 'runtime', 'config', 'failover', 'wire', 'trust'],
  mayImportTypesOf: ['clusters'],
  builtins: true,
} as const;

/** The import law. ARCHITECTURE.md tells the same in prose. */
export const importLaw: readonly Row[] = [
  { path: 'federation/model', part: 'model', mayImport: [], builtins: false, packages: [] },
  { path: 'federation/runtime', part: 'runtime', mayImport: [], builtins: true, packages: [] },
  {
    path: 'federation/config',
    part: 'config',
    mayImport: ['model'],
    builtins: true,
    packages: ['yaml', 'zod'],
  },
  { path: 'federation/failover', part: 'failover', mayImport: ['model'], builtins: false, packages: [] },
  {
    path: 'federation/wire',
    part: 'wire',
    mayImport: ['model'],
    builtins: true,
    packages: ['@bufbuild/protobuf'],
  },
  {
    path: 'trust',
    part: 'trust',
    mayImport: ['model', 'runtime'],
    builtins: true,
    packages: ['@peculiar/asn1-schema', '@peculiar/asn1-x509', '@peculiar/x509', 'reflect-metadata', 'zod'],
  },
  {
    path: 'clusters',
    part: 'clusters',
    mayImport: ['model', 'runtime', 'config', 'trust'],
    builtins: true,
    packages: ['chokidar', 'yaml', 'zod'],
  },
  {
    path: 'clusters/kubernetes',
    part: 'clusters',
    mayImport: ['model', 'runtime', 'config', 'trust'],
    builtins: true,
    packages: ['@kubernetes/client-node', 'zod'],
  },
  {
    path: 'clusters/demo',
    part: 'demo',
    mayImport: 'every part',
    builtins: true,
    packages: 'every dependency',
    importedOnlyBy: ['clusters/command-line', 'test'],
  },
  {
    path: 'federation',
    ...federation,
    packages: ['@grpc/grpc-js', 'pino', 'prom-client', 'zod'],
  },
  { path: 'federation/store', ...federation, packages: ['@grpc/grpc-js', 'ioredis', 'zod'] },
  {
    path: 'gateway',
    part: 'gateway',
    mayImport: ['model', 'runtime', 'config', 'failover', 'wire', 'trust'],
    builtins: true,
    // Its streams cost five to eight times the CPU of the gateway's own codec.
    bannedBuiltins: ['node:http2'],
    packages: ['@grpc/grpc-js', 'pino', 'prom-client', 'zod'],
  },
  { path: 'trust/command.ts', ...composition },
  { path: 'clusters/command.ts', ...composition },
  // A file for each of its commands.
  {
    path: 'clusters/command-line',
    ...composition,
    importedOnlyBy: ['clusters/command.ts', 'clusters/command-line'],
  },
  { path: 'federation/command.ts', ...composition },
  // The same where Kubernetes has the membership.
  { path: 'federation/kubernetes-command.ts', ...composition, importedOnlyBy: ['federation/command.ts'] },
  { path: 'gateway/kubernetes-command.ts', ...composition, importedOnlyBy: ['gateway/command.ts'] },
  // A command of its own: asking a gateway loads nothing of the federation service.
  { path: 'federation/why/command.ts', ...composition, importedOnlyBy: ['federation/command.ts', 'cli.ts'] },
  { path: 'gateway/command.ts', ...composition },
  {
    path: 'cli.ts',
    part: 'cli',
    mayImport: 'every part',
    builtins: true,
    packages: ['commander'],
    importedOnlyBy: ['isthmus.js'],
  },
  {
    path: 'isthmus.js',
    part: 'launcher',
    mayImport: [],
    builtins: true,
    packages: [],
    importedOnlyBy: [],
  },
  {
    path: 'test',
    part: 'test',
    mayImport: 'every part',
    builtins: true,
    packages: 'every package',
    importedOnlyBy: [],
  },
];

/** What unit tests, wherever they stand, may import beside what their folder may. */
export const testFixtures = 'test/fixtures';
