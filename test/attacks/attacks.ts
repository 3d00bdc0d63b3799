import type { Attack } from './attack.ts';
import { HTTP2_FLOODS } from './http2-floods.ts';
import { MALFORMED_MESSAGES } from './malformed-messages.ts';
import { OPAQUE_ATTACKS } from './opaque-attacks.ts';
import { SLOW_ATTACKS } from './slow-attacks.ts';

/** All of the table in gateway/limits/README.md that one attacker can do. */
export const ATTACKS: readonly Attack[] = [
  ...HTTP2_FLOODS,
  ...SLOW_ATTACKS,
  ...OPAQUE_ATTACKS,
  ...MALFORMED_MESSAGES,
];

export function attackNamed(name: string): Attack | undefined {
  return ATTACKS.find((attack) => attack.name === name);
}
