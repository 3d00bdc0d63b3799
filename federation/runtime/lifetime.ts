/** What is started must be stopped, last first. An owner adds each thing it starts and closes all of them once. */
export class Lifetime implements AsyncDisposable {
  readonly #closers: (() => void | Promise<void>)[] = [];
  #closed: Promise<void> | undefined;

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** @throws when the lifetime has ended: what is added then would never be closed. */
  add(close: () => void | Promise<void>): void {
    if (this.#closed !== undefined) throw new Error('lifetime has ended');
    this.#closers.push(close);
  }

  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.reverse()) {
      try {
        await close();
      } catch (failure) {
        failures.push(failure);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'some things could not be closed');
  }
}
