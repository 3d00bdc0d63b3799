import { type Cors, MAX_CORS_AGE_SECONDS, MAX_CORS_ITEMS, parseOrigin } from '../model/cors.ts';
import { WireError } from './field-checks.ts';
import { boolean, list, object, string, whole } from './json-fields.ts';

const NAME = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}$/;

/** @throws WireError naming the field that is missing, unknown or out of range. */
export function corsFromJson(value: unknown): Cors {
  const fields = object('', value, [
    'allowOrigins',
    'allowMethods',
    'allowHeaders',
    'exposeHeaders',
    'allowCredentials',
    'maxAgeSeconds',
  ]);
  return {
    allowOrigins: list(fields, 'allowOrigins', MAX_CORS_ITEMS, origin),
    allowMethods: list(fields, 'allowMethods', MAX_CORS_ITEMS, token),
    allowHeaders: list(fields, 'allowHeaders', MAX_CORS_ITEMS, token),
    exposeHeaders: list(fields, 'exposeHeaders', MAX_CORS_ITEMS, token),
    allowCredentials: boolean(fields, 'allowCredentials'),
    maxAgeSeconds: whole(fields, 'maxAgeSeconds', 1, MAX_CORS_AGE_SECONDS),
  };
}

function origin(value: unknown): string {
  const text = string('', value);
  if (text !== '*' && parseOrigin(text) === undefined) throw new WireError(': is not an origin');
  return text;
}

/** They are written into headers as they are. */
function token(value: unknown): string {
  const text = string('', value);
  if (!NAME.test(text)) throw new WireError(': is not a token');
  return text;
}
