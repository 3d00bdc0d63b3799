/** A kind of object as the API addresses it. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** As in the path: lower case, plural. */
  readonly plural: string;
  readonly namespaced: boolean;
}

export function resourceType(
  group: string,
  version: string,
  plural: string,
  namespaced = true,
): ResourceType {
  return { group, version, plural, namespaced };
}

export interface ObjectRef {
  readonly name: string;
  /** Needed where the type is namespaced, and only there. */
  readonly namespace?: string | undefined;
}

/** An object on its way to the API server. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectRef & Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** The path of all objects, of one namespace or of all. */
export function collectionPath(type: ResourceType, namespace: string | undefined): string {
  const version = encodeURIComponent(type.version);
  const root = type.group === '' ? `/api/${version}` : `/apis/${encodeURIComponent(type.group)}/${version}`;
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${place}/${encodeURIComponent(type.plural)}`;
}

/** @throws Error when a namespace is missing, or there is one too many: the path would be another object's. */
export function objectPath(type: ResourceType, ref: ObjectRef, subresource?: string): string {
  if (ref.name === '') throw new Error(`${type.plural}: an object's name is missing`);
  const path = `${namespacePath(type, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${encodeURIComponent(subresource)}`;
}

/** Where objects are created. @throws Error as `objectPath` */
export function namespacePath(type: ResourceType, namespace: string | undefined): string {
  if (type.namespaced !== (namespace !== undefined && namespace !== '')) {
    throw new Error(`${type.plural}: ${type.namespaced ? 'a namespace is missing' : 'are in no namespace'}`);
  }
  return collectionPath(type, namespace);
}
