import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { missingTools } from './fixtures/requirement.ts';
import { tempFolder } from './fixtures/temp-folder.ts';

const launcher = join(import.meta.dirname, '../isthmus.js');

function scriptOf(shell: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, 'completion', shell], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** What follows `line`, by the shell's own machinery; contexts come from a kubectl that has two. */
const cases: readonly (readonly [line: string, has: readonly string[], hasNot: readonly string[]])[] = [
  ['isthmus ', ['cluster', 'service', 'why', 'completion'], ['register']],
  ['isthmus cl', ['cluster'], ['service']],
  ['isthmus cluster ', ['register', 'check', 'leave', 'drain'], ['export']],
  ['isthmus cluster check --', ['--context', '--output', '--help'], ['--token-file']],
  ['isthmus cluster check --output ', ['json', 'yaml', 'text'], ['--context']],
  ['isthmus cluster check --context ', ['kind-east', 'kind-west'], ['json']],
  ['isthmus cluster register west --with-context kind-w', ['kind-west'], ['kind-east']],
  ['isthmus service export --context kind-east --', ['--timeout'], ['--in']],
  ['isthmus completion ', ['bash', 'zsh', 'fish'], ['cluster']],
];

function toolsFolder(t: { after(end: () => void): void }): string {
  const folder = tempFolder(t);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const kubectl = join(bin, 'kubectl');
  writeFileSync(kubectl, '#!/bin/sh\nprintf "kind-east\\nkind-west\\n"\n');
  chmodSync(kubectl, 0o755);
  return folder;
}

function completions(shell: 'bash' | 'fish', line: string, folder: string): readonly string[] {
  const script = join(folder, `isthmus.${shell}`);
  writeFileSync(script, scriptOf(shell));
  const programs: Record<typeof shell, readonly string[]> = {
    bash: ['-c', BASH, 'bash', script, line],
    fish: ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, line],
  };
  const env = { ...process.env, HOME: folder, PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
  const ran = spawnSync(shell, programs[shell], { encoding: 'utf8', env });
  assert.equal(ran.status, 0, ran.stderr);
  return ran.stdout.split('\n').map((each) => each.split('\t')[0]?.trim() ?? '');
}

/** As bash does it: the words of the line, and the function that `complete` has for the program. */
const BASH = `
source "$1"
complete -p isthmus > /dev/null || exit 9
read -ra COMP_WORDS <<< "$2"
[[ "$2" == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
"$(complete -p isthmus | sed 's/.*-F \\([^ ]*\\) .*/\\1/')"
printf '%s\\n' "\${COMPREPLY[@]}"
`;

for (const shell of ['bash', 'fish'] as const) {
  describe(`completion in ${shell}`, { skip: missingTools(shell) }, () => {
    for (const [line, has, hasNot] of cases) {
      it(`of: ${line}`, (t) => {
        const found = completions(shell, line, toolsFolder(t));
        for (const word of has) assert.ok(found.includes(word), `${word}: ${found.join(' ')}`);
        for (const word of hasNot) assert.ok(!found.includes(word), `${word}: ${found.join(' ')}`);
      });
    }
  });
}

describe('completion in zsh', { skip: missingTools('zsh') }, () => {
  it('is taken by its own completion system', (t) => {
    const script = join(tempFolder(t), '_isthmus');
    writeFileSync(script, scriptOf('zsh'));
    const code = 'autoload -U compinit && compinit -u -D; source $1; print -r -- $_comps[isthmus]';
    const { status, stdout, stderr } = spawnSync('zsh', ['-f', '-c', code, 'zsh', script], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /_bash_complete.* -F _isthmus/);
  });
});
