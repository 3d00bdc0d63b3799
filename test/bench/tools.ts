import { UserError } from '../../federation/model/user-error.ts';
import { findTool } from '../fixtures/requirement.ts';

/** Paths of the programs that every scenario needs. */
export interface Tools {
  readonly haproxy: string;
  readonly nginx: string;
  readonly h2load: string;
  readonly wrk: string;
}

const PACKAGES = { haproxy: 'haproxy', nginx: 'nginx-light', h2load: 'nghttp2-client', wrk: 'wrk' } as const;

/** @throws UserError naming all that are missing */
export function findTools(): Tools {
  const found = Object.entries(PACKAGES).map(([name, debian]) => ({ name, debian, path: findTool(name) }));
  const missing = found.filter(({ path }) => path === undefined);
  if (missing.length > 0) {
    throw new UserError(`missing: ${missing.map(({ name }) => name).join(', ')}`, {
      hint: `install them (Debian: apt-get install ${missing.map(({ debian }) => debian).join(' ')})`,
    });
  }
  const path = (name: keyof Tools): string => found.find((tool) => tool.name === name)?.path ?? '';
  return { haproxy: path('haproxy'), nginx: path('nginx'), h2load: path('h2load'), wrk: path('wrk') };
}
