import { HpackError } from './hpack-error.ts';
import { EOS, HUFFMAN_CODE } from './huffman-code.ts';

/**
 * Decoding by steps of four bits: `NEXT[state * 16 + bits]` is the next state (-1: EOS inside the string),
 * `SYMBOL[…]` the byte that the step completed (-1: none; the shortest code has 5 bits, so never two). A state is an
 * inner node of the code tree.
 */
interface Machine {
  readonly next: Int16Array;
  readonly symbol: Int16Array;
  /** 1 where a string may end: at most 7 bits of padding, all ones (RFC 7541 section 5.2). */
  readonly accepting: Uint8Array;
}

const LEAF = -1;

interface Node {
  readonly branches: [number, number];
  symbol: number;
}

function buildTree(): Node[] {
  const nodes: Node[] = [{ branches: [LEAF, LEAF], symbol: -1 }];
  HUFFMAN_CODE.lengths.forEach((length, symbol) => {
    const code = HUFFMAN_CODE.codes[symbol] ?? 0;
    let at = 0;
    for (let bit = length - 1; bit >= 0; bit--) at = branch(nodes, at, (code >>> bit) & 1);
    const leaf = nodes[at];
    if (leaf !== undefined) leaf.symbol = symbol;
  });
  return nodes;
}

function branch(nodes: Node[], at: number, bit: number): number {
  const branches = nodes[at]?.branches ?? [LEAF, LEAF];
  if (branches[bit] === LEAF) {
    branches[bit] = nodes.length;
    nodes.push({ branches: [LEAF, LEAF], symbol: -1 });
  }
  return branches[bit] ?? LEAF;
}

function buildMachine(): Machine {
  const nodes = buildTree();
  const stateOf = new Map<number, number>();
  nodes.forEach((node, index) => {
    if (node.symbol < 0) stateOf.set(index, stateOf.size);
  });
  const machine = {
    next: new Int16Array(stateOf.size * 16),
    symbol: new Int16Array(stateOf.size * 16).fill(-1),
    accepting: new Uint8Array(stateOf.size),
  };
  for (const [index, state] of stateOf) {
    for (let bits = 0; bits < 16; bits++) {
      const step = walk(nodes, index, bits);
      machine.next[state * 16 + bits] = step.at < 0 ? -1 : (stateOf.get(step.at) ?? -1);
      machine.symbol[state * 16 + bits] = step.symbol;
    }
  }
  for (let at = 0, depth = 0; depth <= 7; depth++) {
    machine.accepting[stateOf.get(at) ?? 0] = 1;
    at = nodes[at]?.branches[1] ?? 0;
  }
  return machine;
}

function walk(nodes: readonly Node[], from: number, bits: number): { at: number; symbol: number } {
  let at = from;
  let symbol = -1;
  for (let bit = 3; bit >= 0; bit--) {
    at = nodes[at]?.branches[((bits >> bit) & 1) as 0 | 1] ?? LEAF;
    const reached = nodes[at]?.symbol ?? -1;
    if (reached === EOS) return { at: -1, symbol: -1 };
    if (reached >= 0) {
      symbol = reached;
      at = 0;
    }
  }
  return { at, symbol };
}

const MACHINE = buildMachine();

/**
 * Decodes `buffer[start, end)` into `target` from 0 on and returns how many bytes it wrote.
 * @throws HpackError for EOS inside the string, padding that is not ones or longer than 7 bits, or a full target.
 */
export function decodeHuffman(buffer: Buffer, start: number, end: number, target: Buffer): number {
  const { next, symbol } = MACHINE;
  if ((end - start) * 8 > target.length * 5) checkFits(end - start, target.length);
  let state = 0;
  let written = 0;
  for (let index = start; index < end; index++) {
    const byte = buffer[index] as number;
    let step = state * 16 + (byte >> 4);
    if ((symbol[step] as number) >= 0) target[written++] = symbol[step] as number;
    state = next[step] as number;
    if (state < 0) throw new HpackError('Huffman string has EOS inside');
    step = state * 16 + (byte & 15);
    if ((symbol[step] as number) >= 0) target[written++] = symbol[step] as number;
    state = next[step] as number;
    if (state < 0) throw new HpackError('Huffman string has EOS inside');
  }
  if (MACHINE.accepting[state] !== 1) throw new HpackError('Huffman string has wrong padding');
  return written;
}

/** The shortest code has 5 bits: a longer input might not fit. */
function checkFits(inputBytes: number, targetBytes: number): void {
  throw new HpackError(`Huffman string of ${inputBytes} bytes is longer than ${targetBytes} bytes allow`);
}
