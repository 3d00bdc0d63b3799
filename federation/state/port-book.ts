import type { PortGrant } from '../snapshot/listen-ports.ts';
import { readPorts, writePorts } from './memory-file.ts';

/** Where the ports of a cluster's services are written down, for all replicas and for the next process. */
export interface PortBook {
  /** For messages. */
  readonly name: string;
  /**
   * Whether a replica must have read it before it leads: the truth is elsewhere, and there is nothing of it here. Where
   * it is false, a replica that cannot read it leads with what it knows.
   */
  readonly mustBeRead: boolean;
  /**
   * @param takingOver the replica is about to lead: it needs what holds now, and all of it
   * @throws UserError, or another Error, when it cannot be read
   */
  read(takingOver: boolean): Promise<readonly PortGrant[]>;
  /** @throws Error */
  write(grants: readonly PortGrant[]): Promise<void>;
}

/** A file that the replicas share. */
export class FilePortBook implements PortBook {
  readonly name: string;
  readonly mustBeRead = false;

  constructor(path: string) {
    this.name = path;
  }

  read(): Promise<readonly PortGrant[]> {
    return readPorts(this.name);
  }

  write(grants: readonly PortGrant[]): Promise<void> {
    return writePorts(this.name, grants);
  }
}
