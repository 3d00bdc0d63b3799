import { HUFFMAN_CODE } from './huffman-code.ts';

/** Bytes that `text` (latin1) takes in Huffman code. */
export function huffmanLength(text: string): number {
  const { lengths } = HUFFMAN_CODE;
  let bits = 0;
  for (let index = 0; index < text.length; index++) bits += lengths[text.charCodeAt(index) & 255] as number;
  return (bits + 7) >> 3;
}

/** Writes `text` (latin1) in Huffman code, padded with ones; returns the position after it. */
export function encodeHuffman(text: string, target: Buffer, position: number): number {
  const { codes, lengths } = HUFFMAN_CODE;
  let at = position;
  // At most 7 bits wait between symbols; with a code of up to 30 that is 37: two steps keep it within 32.
  let waiting = 0;
  let waitingBits = 0;
  for (let index = 0; index < text.length; index++) {
    const symbol = text.charCodeAt(index) & 255;
    const code = codes[symbol] as number;
    let left = lengths[symbol] as number;
    while (left > 0) {
      const taken = Math.min(left, 24 - waitingBits);
      left -= taken;
      waiting = (waiting << taken) | ((code >>> left) & ((1 << taken) - 1));
      waitingBits += taken;
      while (waitingBits >= 8) {
        waitingBits -= 8;
        target[at++] = (waiting >>> waitingBits) & 255;
      }
      waiting &= (1 << waitingBits) - 1;
    }
  }
  if (waitingBits > 0) {
    const padding = 8 - waitingBits;
    target[at++] = ((waiting << padding) | ((1 << padding) - 1)) & 255;
  }
  return at;
}
