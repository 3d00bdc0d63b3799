import { changedFindings, type FindingsOfGateway, groupFindings } from '../export/host-verdict.ts';
import type { ServiceKey } from '../model/service.ts';
import type { HealthReport, TrunkFinding } from '../wire/health-report.ts';
import type {
  GatewayHello,
  GatewayRefusal,
  GatewayStatus,
  Session,
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

/** What came on a stream last. */
interface Word {
  readonly hello: GatewayHello;
  readonly findings: FindingsOfGateway;
  readonly trunks: readonly TrunkFinding[];
}

interface Stream {
  readonly session: Session;
  /** undefined until its first report. */
  readonly word: Word | undefined;
}

/** One gateway's streams, one of each kind at most. */
interface Member {
  readonly follow?: Stream | undefined;
  readonly report?: Stream | undefined;
}

/**
 * The gateways that follow this service or another replica of it, and what they find. Of one that has both streams the
 * word on that which it follows counts, and not whichever comes last: what two streams carry may cross.
 */
export class GatewayRegistry implements SessionListener {
  readonly #listener: FindingsListener;
  readonly #members = new Map<string, Member>();

  constructor(listener: FindingsListener) {
    this.#listener = listener;
  }

  /** What each gateway that reported finds of hosts. */
  get reports(): readonly FindingsOfGateway[] {
    return this.#words.map(({ findings }) => findings);
  }

  /** What each gateway that reported says of its trunks, with their round trips as they are now. */
  get trunkReports(): readonly (readonly TrunkFinding[])[] {
    return this.#words.map(({ trunks }) => trunks);
  }

  get statuses(): readonly GatewayStatus[] {
    return [...this.#members.values()].flatMap(
      ({ follow, report }) => (follow ?? report)?.session.status ?? [],
    );
  }

  /** Ends all streams. */
  close(): void {
    for (const { follow, report } of [...this.#members.values()]) {
      follow?.session.end();
      report?.session.end();
    }
  }

  /** A gateway that comes again has given up its earlier stream, even if that does not know it yet. */
  joined(session: Session, hello: GatewayHello): void {
    const member = this.#members.get(hello.gateway);
    const earlier = member?.[session.kind];
    this.#members.set(hello.gateway, { ...member, [session.kind]: { session, word: earlier?.word } });
    earlier?.session.end();
  }

  reported(session: Session, hello: GatewayHello, report: HealthReport): void {
    const member = this.#members.get(hello.gateway);
    if (member?.[session.kind]?.session !== session) return;
    const word = { hello, findings: groupFindings(report.endpoints), trunks: report.trunks };
    this.#change(hello.gateway, { ...member, [session.kind]: { session, word } });
  }

  refused(_session: Session, hello: GatewayHello, refusal: GatewayRefusal): void {
    this.#listener.gatewayRefused(hello.gateway, refusal);
  }

  ended(session: Session): void {
    for (const [gateway, member] of this.#members) {
      if (member[session.kind]?.session === session) {
        this.#change(gateway, { ...member, [session.kind]: undefined });
      }
    }
  }

  get #words(): readonly Word[] {
    return [...this.#members.values()].flatMap((member) => wordOf(member) ?? []);
  }

  #change(gateway: string, member: Member): void {
    const before = wordOf(this.#members.get(gateway));
    const after = wordOf(member);
    if (member.follow === undefined && member.report === undefined) this.#members.delete(gateway);
    else this.#members.set(gateway, member);
    if (after === undefined) this.#listener.gatewayGone(gateway);
    else if (after.trunks !== before?.trunks) this.#listener.trunksReported(after.hello, after.trunks);
    if (before !== undefined && after !== undefined) {
      this.#listener.endpointsChanged(changedFindings(before.findings, after.findings));
      return;
    }
    const counted = before ?? after;
    if (counted !== undefined) this.#countChanged(counted.findings);
  }

  /** With one reporting gateway more or less, each service that any of them speaks of may be judged otherwise. */
  #countChanged(findings: FindingsOfGateway): void {
    const services = new Set(findings.keys());
    for (const report of this.reports) for (const service of report.keys()) services.add(service);
    this.#listener.endpointsChanged(services);
  }
}

function wordOf(member: Member | undefined): Word | undefined {
  return member?.follow?.word ?? member?.report?.word;
}
