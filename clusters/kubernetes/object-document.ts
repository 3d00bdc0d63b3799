import type { YamlDocument } from '../../federation/config/yaml-document.ts';

/**
 * An object of the API as a document that the schemas read: without lines, and without a text to guess from, for the API
 * server has checked what there is to guess in one.
 */
export function objectDocument(value: Readonly<Record<string, unknown>>): YamlDocument {
  return { value, remains: undefined, text: '', problems: [], lineOf: () => 0 };
}
