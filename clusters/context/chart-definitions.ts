import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { readIfThere } from '../../federation/runtime/durable-file.ts';
import { type Definition, definitionSchema } from './schema-age.ts';

/** The chart that this command came with. */
export interface ShippedChart {
  /** Its folder. */
  readonly folder: string;
  readonly version: string;
  readonly definitions: readonly ShippedDefinition[];
}

export interface ShippedDefinition {
  readonly definition: Definition;
  /** Its file; it holds nothing else. */
  readonly file: string;
}

/** In a checkout the sources are beside the chart; in the package what was built is one folder deeper. */
const PLACES = ['../..', '../../..'].map((up) => join(import.meta.dirname, up, 'charts', 'isthmus'));

/** undefined where there is none: the image has only what runs in pods. */
export async function shippedChart(): Promise<ShippedChart | undefined> {
  for (const folder of PLACES) {
    const chart = await readIfThere(join(folder, 'Chart.yaml'));
    const version = chart?.match(/^version: *(\S+)/m)?.[1];
    if (version !== undefined)
      return { folder, version, definitions: definitionsIn(join(folder, 'crd-files')) };
  }
  return undefined;
}

function definitionsIn(folder: string): readonly ShippedDefinition[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => {
      const file = join(folder, name);
      return parseAllDocuments(readFileSync(file, 'utf8'))
        .map((document): unknown => document.toJS())
        .filter((value) => value !== null)
        .map((value) => ({ definition: definitionSchema.parse(value), file }));
    });
}
