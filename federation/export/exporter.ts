import type { ProvidedService } from '../../clusters/provider.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import type { FindingsOfGateway } from './host-verdict.ts';
import { isExported, sameRecord, serviceRecord } from './service-record.ts';

/** Where records go; the store's publisher is one. */
export interface RecordSink {
  replace(records: ReadonlyMap<ServiceKey, ServiceRecord>): void;
  set(key: ServiceKey, record: ServiceRecord): void;
  delete(key: ServiceKey): void;
}

export interface ExporterSources {
  readonly services: ReadonlyMap<ServiceKey, ProvidedService>;
  /** What each reporting gateway of this cluster finds. */
  readonly reports: () => readonly FindingsOfGateway[];
  /** This cluster's; undefined = only gateways reach its pods. */
  readonly network?: string | undefined;
}

/** What this cluster says of its services: records that follow the provider and the gateways' findings. */
export class Exporter {
  readonly #sources: ExporterSources;
  readonly #sink: RecordSink;
  readonly #records = new Map<ServiceKey, ServiceRecord>();

  constructor(sources: ExporterSources, sink: RecordSink) {
    this.#sources = sources;
    this.#sink = sink;
  }

  get records(): ReadonlyMap<ServiceKey, ServiceRecord> {
    return this.#records;
  }

  /** Says everything anew, once the provider knows everything. */
  start(nowMs: number): void {
    for (const key of this.#sources.services.keys()) this.#update(key, nowMs);
    this.#sink.replace(this.#records);
  }

  /** Looks at one service again. @returns whether what is said of it changed */
  refresh(key: ServiceKey, nowMs: number): boolean {
    if (!this.#update(key, nowMs)) return false;
    const record = this.#records.get(key);
    if (record === undefined) this.#sink.delete(key);
    else this.#sink.set(key, record);
    return true;
  }

  #update(key: ServiceKey, nowMs: number): boolean {
    const provided = this.#sources.services.get(key);
    if (!isExported(provided)) return this.#records.delete(key);
    const before = this.#records.get(key);
    const record = serviceRecord(provided, this.#sources.reports(), this.#sources.network);
    if (sameRecord(before, record)) return false;
    this.#records.set(key, dated(record, before, nowMs));
    return true;
  }
}

/** What the provider did not change became true now: gateways found it. */
function dated(record: ServiceRecord, before: ServiceRecord | undefined, nowMs: number): ServiceRecord {
  const byProvider = before === undefined || record.changedAtMs > before.changedAtMs;
  return byProvider ? record : { ...record, changedAtMs: nowMs };
}
