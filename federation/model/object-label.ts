/** Kubernetes' qualified names of labels and annotations: `team`, or `example.com/team`, the prefix a DNS subdomain (RFC 1123). */
export const LABEL_NAME =
  /^(?:(?=[^/]{1,253}\/)[a-z0-9]+(?:(?:-+|\.)[a-z0-9]+)*\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

const MAX_APP_PROTOCOL_LENGTH = 253;

/** Whether a Service and an EndpointSlice may have it as their port's `appProtocol`: for the API server it is a qualified name, too. */
export function isAppProtocol(text: string): boolean {
  return text.length <= MAX_APP_PROTOCOL_LENGTH && LABEL_NAME.test(text);
}

/** What a label may say; an annotation may say anything. */
export const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** What one export may say to the clusterset, of labels and of annotations each. */
export const MAX_EXPORTED_NAMES = 64;

/** Names and values of all annotations of an export together: a record has 32 KiB. */
export const MAX_EXPORTED_LENGTH = 8192;

export function lengthOfAll(given: Readonly<Record<string, string>>): number {
  return Object.entries(given).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}
