import type { HeaderChanges } from '../../federation/model/mesh-route.ts';
import type { HeaderBlock } from '../http/stream.ts';
import { shortenBlock } from './fields.ts';

/** Makes the changes of a header filter in place. The schema lets none through that would touch what gateways make. */
export function changeHeaders(block: HeaderBlock, { set, add, remove }: HeaderChanges): void {
  for (const { name, value } of set) setField(block, name, value);
  for (const { name, value } of add) block.push(name, value);
  for (const name of remove) removeField(block, name, 0);
}

/** The first of that name gets the value, others go. */
function setField(block: HeaderBlock, name: string, value: string): void {
  for (let i = 0; i < block.length; i += 2) {
    if (block[i] !== name) continue;
    block[i + 1] = value;
    removeField(block, name, i + 2);
    return;
  }
  block.push(name, value);
}

function removeField(block: HeaderBlock, name: string, from: number): void {
  let kept = from;
  for (let i = from; i < block.length; i += 2) {
    if (block[i] === name) continue;
    if (kept !== i) {
      block[kept] = block[i] as string;
      block[kept + 1] = block[i + 1] as string;
    }
    kept += 2;
  }
  shortenBlock(block, kept);
}
