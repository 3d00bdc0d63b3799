import type { WorkerMessage } from './messages.ts';

interface Waiter {
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** A worker's side of enrolment: the parent has the way to the federation service. */
export class EnrolmentRelay {
  readonly #send: (message: WorkerMessage) => void;
  readonly #waiting = new Map<number, Waiter>();
  #lastId = 0;

  constructor(send: (message: WorkerMessage) => void) {
    this.#send = send;
  }

  relay(request: Uint8Array, remoteAddress: string): Promise<Uint8Array> {
    this.#lastId++;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ kind: 'enrol', id, request, remoteAddress });
    });
  }

  /** The parent always answers; without a response when there is none to be had. */
  answered(id: number, response: Uint8Array | undefined): void {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (response === undefined) waiter?.reject(new Error('the federation service could not be asked'));
    else waiter?.resolve(response);
  }
}
