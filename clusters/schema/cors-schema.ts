import { z } from 'zod';
import { type Cors, MAX_CORS_AGE_SECONDS, MAX_CORS_ITEMS, parseOrigin } from '../../federation/model/cors.ts';
import type { RuleFaults } from './rule-faults.ts';

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  '*',
] as const;
/** As in the standard's own schema. */
const ORIGIN = /^(?:\*|https?:\/\/(?:(?:\*\.)?(?:[a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(?::[0-9]{1,5})?)$/;
const NAME = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}$/;

function alone(items: readonly string[]): boolean {
  return items.length <= 1 || !items.includes('*');
}

const NOT_ALONE = 'has * beside others';
const names = z.array(z.string().regex(NAME, 'is not the name of a header')).max(MAX_CORS_ITEMS).default([]);

/** The part `cors` of an HTTPRoute's filter. */
export const corsFilter = z.looseObject({
  allowOrigins: z
    .array(
      z
        .string()
        .max(253)
        .regex(ORIGIN, 'is not an origin, such as https://app.example')
        .refine((text) => text === '*' || parseOrigin(text) !== undefined, 'has no port of 1 to 65535'),
    )
    .max(MAX_CORS_ITEMS)
    .refine(alone, NOT_ALONE)
    .default([]),
  allowMethods: z.array(z.enum(METHODS)).max(METHODS.length).refine(alone, NOT_ALONE).default([]),
  allowHeaders: names.refine(alone, NOT_ALONE),
  exposeHeaders: names,
  allowCredentials: z.boolean().default(false),
  maxAge: z.int().min(1).max(MAX_CORS_AGE_SECONDS).default(5),
});

export function toCors(given: z.infer<typeof corsFilter>, faults: RuleFaults): Cors {
  faults.only(given, Object.keys(corsFilter.shape), '');
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge } = given;
  return {
    allowOrigins,
    allowMethods,
    allowHeaders,
    exposeHeaders,
    allowCredentials,
    maxAgeSeconds: maxAge,
  };
}
