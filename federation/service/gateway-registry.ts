import { changedFindings, type FindingsOfGateway, groupFindings } from '../export/host-verdict.ts';
import type { ServiceKey } from '../model/service.ts';
import type { HealthReport, TrunkFinding } from '../wire/health-report.ts';
import type {
  GatewayHello,
  GatewayRefusal,
  GatewaySession,
  GatewayStatus,
  SessionListener,
} from './gateway-session.ts';

/** What the gateways' findings lead to. */
export interface FindingsListener {
  /** The findings on these services' hosts changed. */
  endpointsChanged(services: Iterable<ServiceKey>): void;
  trunksReported(hello: GatewayHello, findings: readonly TrunkFinding[]): void;
  gatewayGone(gateway: string): void;
  gatewayRefused(gateway: string, refusal: GatewayRefusal): void;
}

interface Member {
  readonly session: GatewaySession;
  /** undefined until its first report. */
  readonly findings: FindingsOfGateway | undefined;
  readonly trunks: readonly TrunkFinding[] | undefined;
}

/** The gateways that follow this service now, one stream each, and what they find. */
export class GatewayRegistry implements SessionListener {
  readonly #listener: FindingsListener;
  readonly #members = new Map<string, Member>();

  constructor(listener: FindingsListener) {
    this.#listener = listener;
  }

  /** What each gateway that reported finds of hosts. */
  get reports(): readonly FindingsOfGateway[] {
    return [...this.#members.values()].flatMap(({ findings }) => findings ?? []);
  }

  /** What each gateway that reported says of its trunks, with their round trips as they are now. */
  get trunkReports(): readonly (readonly TrunkFinding[])[] {
    return [...this.#members.values()].map(({ trunks }) => trunks).filter((trunks) => trunks !== undefined);
  }

  get statuses(): readonly GatewayStatus[] {
    return [...this.#members.values()].flatMap(({ session }) => session.status ?? []);
  }

  /** Ends all streams. */
  close(): void {
    for (const { session } of [...this.#members.values()]) session.end();
  }

  /** A gateway that comes again has given up its earlier stream, even if that does not know it yet. */
  joined(session: GatewaySession, hello: GatewayHello): void {
    const earlier = this.#members.get(hello.gateway);
    this.#members.set(hello.gateway, { session, findings: earlier?.findings, trunks: earlier?.trunks });
    earlier?.session.end();
  }

  reported(session: GatewaySession, hello: GatewayHello, report: HealthReport): void {
    const before = this.#members.get(hello.gateway);
    if (before?.session !== session) return;
    const findings = groupFindings(report.endpoints);
    this.#members.set(hello.gateway, { session, findings, trunks: report.trunks });
    this.#listener.trunksReported(hello, report.trunks);
    if (before.findings === undefined) this.#countChanged(findings);
    else this.#listener.endpointsChanged(changedFindings(before.findings, findings));
  }

  refused(_session: GatewaySession, hello: GatewayHello, refusal: GatewayRefusal): void {
    this.#listener.gatewayRefused(hello.gateway, refusal);
  }

  ended(session: GatewaySession): void {
    for (const [gateway, member] of this.#members) {
      if (member.session !== session) continue;
      this.#members.delete(gateway);
      this.#listener.gatewayGone(gateway);
      if (member.findings !== undefined) this.#countChanged(member.findings);
    }
  }

  /** With one reporting gateway more or less, each service that any of them speaks of may be judged otherwise. */
  #countChanged(findings: FindingsOfGateway): void {
    const services = new Set(findings.keys());
    for (const report of this.reports) for (const service of report.keys()) services.add(service);
    this.#listener.endpointsChanged(services);
  }
}
