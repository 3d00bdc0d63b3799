import { definitionName, definitionYaml } from './definition.ts';
import { CUSTOM_KINDS } from './kinds.ts';
import { CRD_FOLDER, copyPath, type ThirdPartyModule, thirdPartyModules } from './third-party.ts';

/** Path below the project's root → text, of everything that `npm run generate` makes of what is said here. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const definitions = CUSTOM_KINDS.map(
    (kind) => [`${CRD_FOLDER}/${definitionName(kind)}.yaml`, definitionYaml(kind)] as const,
  );
  return new Map([...definitions, [`${CRD_FOLDER}/README.md`, readme(thirdPartyModules())]]);
}

function readme(modules: readonly ThirdPartyModule[]): string {
  return `# CustomResourceDefinitions

The chart's templates include these files. Those beside this one are our own kinds, made of their zod schemas by
\`npm run generate\`. Those in folders are copies of what others wrote, byte for byte, under the LICENSE beside them
(Apache-2.0, The Kubernetes Authors). This file is made by \`npm run generate\` of \`clusters/crds/third-party.json\`.

To renew the copies, change a version in that file and run \`npm run crds:renew\`, which takes the module from the Go module
proxy, then \`npm run generate\`. \`npm run generate:check\` fails when a copy is not what was recorded.
${modules.map(section).join('')}`;
}

function section(module: ThirdPartyModule): string {
  const rows = Object.entries(module.files).map(
    ([path, hash]) =>
      `| \`${copyPath(module, path).slice(CRD_FOLDER.length + 1)}\` | \`${path}\` | \`${hash}\` |`,
  );
  return `
## ${module.module} ${module.version}

| Copy | In the module | SHA-256 |
| ---- | ------------- | ------- |
${rows.join('\n')}
`;
}
