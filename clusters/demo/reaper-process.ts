/**
 * Ends what the demo started when the demo itself is gone, however it went: SIGKILL of the demo closes the IPC
 * channel, and this process then kills every group that it was told of. Stopped (frozen) groups die of SIGKILL too.
 */
import { rmSync } from 'node:fs';

export type ReaperMessage =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'ended'; readonly pid: number }
  | { readonly kind: 'folder'; readonly path: string }
  /** Somebody is to read what is in it. */
  | { readonly kind: 'keep'; readonly path: string };

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (failure) {
    // ESRCH: the group ended by itself before its end was told.
    if ((failure as NodeJS.ErrnoException).code !== 'ESRCH') throw failure;
  }
}

function main(): void {
  process.title = 'isthmus-demo-reaper';
  const groups = new Set<number>();
  const folders = new Set<string>();
  process.on('message', (message: ReaperMessage) => {
    if (message.kind === 'started') groups.add(message.pid);
    else if (message.kind === 'ended') groups.delete(message.pid);
    else if (message.kind === 'folder') folders.add(message.path);
    else folders.delete(message.path);
  });
  // The terminal's Ctrl-C goes to the demo, which then closes the channel.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => {
    for (const pid of groups) killGroup(pid);
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  });
}

main();
