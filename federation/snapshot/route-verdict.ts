import type { ProvidedService, ProviderProblem } from '../../clusters/provider.ts';
import { isKept } from '../export/service-record.ts';
import type { BackendRef, MeshRoute, RouteKind, RouteParent, ServiceRoute } from '../model/mesh-route.ts';
import { type ServiceKey, type ServicePort, serviceKey } from '../model/service.ts';
import type { SnapshotPort, SnapshotService } from '../model/snapshot.ts';
import { type Attachment, backendRefs } from './route-index.ts';
import type { PolicyFault } from './sound-policies.ts';

/** A condition of the Gateway API, without its times. */
export interface RouteCondition {
  readonly type: 'Accepted' | 'ResolvedRefs' | 'PartiallyInvalid';
  readonly status: boolean;
  readonly reason:
    | 'Accepted'
    | 'NoMatchingParent'
    | 'UnsupportedValue'
    | 'Conflicted'
    | 'ResolvedRefs'
    | 'InvalidKind'
    | 'BackendNotFound'
    | 'RefNotPermitted'
    | 'UnsupportedProtocol';
  readonly message: string;
}

/** What is to be said of a route at one parent: an entry of `status.parents`, of MESH_CONTROLLER. */
export interface RouteVerdict {
  readonly route: MeshRoute;
  readonly parent: RouteParent;
  readonly conditions: readonly RouteCondition[];
}

type Services = ReadonlyMap<ServiceKey, SnapshotService>;
type Provided = ReadonlyMap<ServiceKey, ProvidedService>;

const MAX_MESSAGE_LENGTH = 1024;

/**
 * Judges all attachments by the services that there are now.
 * @param provided the Services of this cluster, exported or not
 * @param faults what gateways would refuse
 */
export function routeVerdicts(
  attachments: readonly Attachment[],
  services: Services,
  provided: Provided,
  faults: readonly PolicyFault[] = [],
): RouteVerdict[] {
  return attachments.map((attachment) => ({
    route: attachment.route,
    parent: attachment.parent,
    conditions: [
      refused(attachment, faults) ?? accepted(attachment, services),
      resolvedRefs(attachment, services, provided),
      ...partiallyInvalid(attachment.route),
    ],
  }));
}

/** For those who read no conditions. What is wrong in an object itself its provider has told already. */
export function routeProblems(verdicts: readonly RouteVerdict[]): ProviderProblem[] {
  return verdicts.flatMap(({ route, parent, conditions }) => {
    // Of what has no effect there is nothing more to tell.
    const [first] = conditions.filter(({ type, status }) => type !== 'PartiallyInvalid' && !status);
    const told = first === undefined || first.reason === 'UnsupportedValue' ? [] : [first];
    return told.map(({ type, reason, message }) => ({
      where: `${route.kind} ${route.namespace}/${route.name}, parent ${serviceKey(parent.service)}`,
      message,
      hint:
        type === 'Accepted'
          ? `it has no effect there (${reason})`
          : `its share of the requests gets 500 (${reason})`,
    }));
  });
}

/** Whether a route is attached to a port: by number, by name, or to all. */
export function isAttachedTo(
  route: Pick<ServiceRoute, 'port' | 'sectionName'>,
  port: Pick<SnapshotPort, 'port' | 'name' | 'protocol'>,
): boolean {
  if (port.protocol === 'tcp') return false;
  if (route.port !== undefined && route.port !== port.port) return false;
  return route.sectionName === undefined || route.sectionName === port.name;
}

function refused({ route, parent }: Attachment, faults: readonly PolicyFault[]): RouteCondition | undefined {
  if (faults.length === 0) return undefined;
  const [id, key] = [`${route.kind}/${route.namespace}/${route.name}`, serviceKey(parent.service)];
  const found = faults.find((one) => one.id === id && one.target === key);
  if (found === undefined) return undefined;
  return condition('Accepted', false, 'UnsupportedValue', `gateways would refuse it: ${found.fault}`);
}

function accepted({ route, parent, attached, overflow }: Attachment, services: Services): RouteCondition {
  const no = (reason: RouteCondition['reason'], message: string): RouteCondition =>
    condition('Accepted', false, reason, message);
  const key = serviceKey(parent.service);
  const service = services.get(key);
  if (service === undefined) {
    return no(
      'NoMatchingParent',
      `${key} is offered by no cluster of the clusterset: requests to it pass no gateway`,
    );
  }
  if (overflow) return no('UnsupportedValue', `more is attached to ${key} than a gateway takes`);
  if (attached === undefined || route.problems.length === route.rules.length + dropped(route)) {
    const told = route.problems.map(({ index, message }) => `rules[${index}]: ${message}`).join('; ');
    return no('UnsupportedValue', told === '' ? 'the route has no rules' : told);
  }
  const ports = service.ports.filter((port) => isAttachedTo(parent, port));
  if (ports.length === 0) return no('NoMatchingParent', noPort(parent, service));
  if (route.kind === 'HTTPRoute' && ports.every((port) => hasGrpcRoute(service, port, attached))) {
    return no('Conflicted', `a GRPCRoute is attached to the same port of ${key}, and goes before`);
  }
  return condition('Accepted', true, 'Accepted', 'it governs what passes the gateways of this cluster');
}

function dropped(route: MeshRoute): number {
  return route.problems.filter((problem) => problem.dropped).length;
}

function noPort({ port, sectionName }: RouteParent, service: SnapshotService): string {
  const asked = [port, sectionName].filter((one) => one !== undefined).join(' ');
  const ports = service.ports.map((one) => `${one.name} (${one.port}, ${one.protocol})`).join(', ');
  const what = asked === '' ? 'no HTTP port' : `no HTTP port ${asked}`;
  return `${serviceKey(service.service)} has ${what}; it has ${ports}`;
}

/** Routes of the same callers: of a namespace's own, or of everybody. */
function hasGrpcRoute(service: SnapshotService, port: SnapshotPort, beside: ServiceRoute): boolean {
  const same = (route: ServiceRoute): boolean =>
    route.consumer === beside.consumer && (!route.consumer || route.namespace === beside.namespace);
  return (
    service.routes?.some((one) => one.kind === 'GRPCRoute' && same(one) && isAttachedTo(one, port)) ?? false
  );
}

function resolvedRefs(
  { route, attached }: Attachment,
  services: Services,
  provided: Provided,
): RouteCondition {
  for (const ref of attached === undefined ? [] : backendRefs(attached)) {
    const fault = faultOf(ref, route.kind, services, provided);
    if (fault !== undefined) return condition('ResolvedRefs', false, fault.reason, fault.message);
  }
  return condition('ResolvedRefs', true, 'ResolvedRefs', 'every backend is there');
}

interface Fault {
  readonly reason: RouteCondition['reason'];
  readonly message: string;
}

function faultOf(
  { kind, service, port, fault }: BackendRef,
  routeKind: RouteKind,
  services: Services,
  provided: Provided,
): Fault | undefined {
  const key = serviceKey(service);
  if (fault === 'InvalidKind') return { reason: fault, message: `backend ${key}: a ${kind} cannot be one` };
  if (fault === 'RefNotPermitted') {
    return { reason: fault, message: `backend ${key}: no ReferenceGrant of its namespace permits it` };
  }
  // A Service that this cluster keeps to itself goes before what others offer by its name; a ServiceImport is of the clusterset.
  const own = kind === 'Service' ? provided.get(key) : undefined;
  const found = isKept(own) ? own : (services.get(key) ?? own);
  if (found !== undefined) return portFault(key, port, found.ports, routeKind);
  const nowhere = `backend ${key}: no cluster of the clusterset offers it`;
  const message =
    kind === 'Service'
      ? `${nowhere}, and this cluster has no such Service`
      : `${nowhere}; export it with a ServiceExport, or name the Service`;
  return { reason: 'BackendNotFound', message };
}

function portFault(
  key: ServiceKey,
  number: number,
  ports: readonly ServicePort[],
  routeKind: RouteKind,
): Fault | undefined {
  const protocol = ports.find(({ port }) => port === number)?.protocol;
  if (protocol === undefined) {
    return { reason: 'BackendNotFound', message: `backend ${key}: has no port ${number}` };
  }
  if (protocol === 'tcp') {
    return { reason: 'UnsupportedProtocol', message: `backend ${key}: port ${number} does not speak HTTP` };
  }
  if (protocol === 'http2' || routeKind === 'HTTPRoute') return undefined;
  const message = `backend ${key}: port ${number} is HTTP/1.1, and gRPC needs HTTP/2; give it the appProtocol kubernetes.io/h2c`;
  return { reason: 'UnsupportedProtocol', message };
}

/** Only where some rules hold and others do not; where none does, the route is not accepted. */
function partiallyInvalid(route: MeshRoute): readonly RouteCondition[] {
  const { problems, rules } = route;
  if (problems.length === 0 || problems.length >= rules.length + dropped(route)) return [];
  const told = problems.map(
    ({ index, dropped: left, message }) =>
      `${left ? 'Dropped Rule' : 'Rule answers 500'}: rules[${index}]: ${message}`,
  );
  return [condition('PartiallyInvalid', true, 'UnsupportedValue', told.join('; '))];
}

function condition(
  type: RouteCondition['type'],
  status: boolean,
  reason: RouteCondition['reason'],
  message: string,
): RouteCondition {
  return { type, status, reason, message: message.slice(0, MAX_MESSAGE_LENGTH) };
}
