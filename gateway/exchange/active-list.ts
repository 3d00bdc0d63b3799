/** A member of an `ActiveList`: the list's own links, which nobody else touches. */
export interface ActiveNode {
  newer: ActiveNode | undefined;
  older: ActiveNode | undefined;
}

/** What is under way in a worker, oldest first. Adding and removing cost no allocation. */
export class ActiveList<T extends ActiveNode> {
  #oldest: ActiveNode | undefined;
  #newest: ActiveNode | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(node: T): void {
    node.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
    this.#size++;
  }

  /** `node` must be in the list. */
  remove(node: T): void {
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    node.newer = undefined;
    node.older = undefined;
    this.#size--;
  }

  /** Oldest first. `visit` may remove the node that it is given; false from it ends the walk. */
  walk(visit: (node: T) => boolean): void {
    let node = this.#oldest;
    while (node !== undefined) {
      const next: ActiveNode | undefined = node.newer;
      if (!visit(node as T)) return;
      node = next;
    }
  }
}
