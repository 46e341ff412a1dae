import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { builtFile } from '../../src/package-root.js'
import { requires } from '../support/servers/requirements.js'

const run = promisify(execFile)
const MAIN = builtFile('cli/main.js')

function hasShell(shell: string): boolean {
  let isThere = true
  try {
    execFileSync(shell, ['-c', 'true'], { stdio: 'ignore' })
  } catch {
    isThere = false
  }
  return requires(`The shell ${shell}`, isThere, 'Install it (infra/dev/install-debian.sh).')
}

/** Typed words, and what the shell offers for the last one. */
const OFFERED: [line: string, expected: string[], not: string[]][] = [
  ['unsplash-clip mo', ['models'], ['ingest', 'move']],
  ['unsplash-clip models p', ['pull'], ['list']],
  ['unsplash-clip models use --j', ['--json'], ['--model']],
  ['unsplash-clip db re', ['restore', 'restore-snapshot'], ['backup']],
  ['unsplash-clip search --fa', ['--facets'], ['--fast']],
  ['unsplash-clip completion ', ['bash', 'zsh', 'fish'], ['photos.csv']],
  ['unsplash-clip index build --kind ', ['ivfflat', 'hnsw'], ['status']],
  ['unsplash-clip ingest ph', ['photos.csv'], ['photo']],
  ['unsplash-clip labels predict --model demo ph', ['photos.csv'], ['photo']],
]

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'uc-completion-'))
  writeFileSync(join(folder, 'photos.csv'), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

const scripts = new Map<string, Promise<string>>()
function script(shell: string): Promise<string> {
  const file = scripts.get(shell) ?? writeScript(shell)
  scripts.set(shell, file)
  return file
}

async function writeScript(shell: string): Promise<string> {
  const file = join(folder, `.completion.${shell}`)
  const { stdout } = await run(process.execPath, [MAIN, 'completion', shell])
  writeFileSync(file, stdout)
  return file
}

function expectOffered(line: string, found: readonly string[]): void {
  const [, expected, not] = OFFERED.find(([known]) => known === line)!
  expect(found, line).toEqual(expect.arrayContaining(expected))
  for (const word of not) expect(found, line).not.toContain(word)
}

describe.skipIf(!hasShell('bash'))('bash', () => {
  test.each(OFFERED)('offers what may follow %j', async line => {
    const words = line.split(' ')
    const ask = `source ${await script('bash')}
      COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _unsplash_clip
      [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
      printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout } = await run('bash', ['--norc', '-c', ask], { cwd: folder })
    expectOffered(line, stdout.split('\n'))
  })
})

describe.skipIf(!hasShell('zsh'))('zsh', () => {
  /** A terminal in which the line is typed, and a key lists what zsh would insert. */
  test.each(OFFERED)('offers what may follow %j', async line => {
    const commands = `
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell "PS1=; PS2=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -d ${folder}/.zcompdump; source ${await script('zsh')}"
      zpty -w shell 'offered() { compadd() { [[ $* == *-O* || $* == *-A* || $* == *-D* ]] && { builtin compadd "$@"; return }; local -a found; builtin compadd -O found "$@"; print -r -- "OFFERED $found" >> ${folder}/.offered; builtin compadd "$@" }; _main_complete }'
      zpty -w shell 'zle -C offered complete-word offered; bindkey "^X" offered; rm -f ${folder}/.offered; print REA""DY'
      zpty -r shell output '*READY*'
      zpty -w -n shell ${JSON.stringify(line)}$'\\x18'
      for ((i = 0; i < 400; i++)) { [[ -s ${folder}/.offered ]] && break; sleep 0.05 }
      cat ${folder}/.offered`
    const { stdout } = await run('zsh', ['-f', '-c', commands], { cwd: folder, timeout: 60_000 })
    expectOffered(line, stdout.split(/\s+/))
  })
})

describe.skipIf(!hasShell('fish'))('fish', () => {
  test.each(OFFERED)('offers what may follow %j', async line => {
    const ask = `source ${await script('fish')}; complete -C ${JSON.stringify(line)}`
    const { stdout } = await run('fish', ['--no-config', '-c', ask], {
      cwd: folder,
      env: { ...process.env, HOME: folder },
    })
    expectOffered(
      line,
      stdout.split('\n').map(found => found.split('\t')[0]!),
    )
  })
})

describe('help and version', () => {
  test('are words as well as options', async () => {
    const output = async (...args: string[]) => (await run(process.execPath, [MAIN, ...args])).stdout
    expect(await output('help', 'models', 'pull')).toBe(await output('models', 'pull', '--help'))
    expect(await output('help')).toBe(await output('--help'))
    expect(await output('version')).toBe(await output('--version'))
    await expect(run(process.execPath, [MAIN, 'help', 'serach'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('unsplash-clip has no command serach; its commands: demo, ingest'),
    })
  })
})

test.skipIf(!hasShell('bash'))('the alias of the help works in every folder', async () => {
  const help = (await run(process.execPath, [MAIN, 'completion', '--help'])).stdout
  const alias = /^ {2}(alias .+)$/m.exec(help)![1]
  const lines = `shopt -s expand_aliases\n${alias}\nunsplash-clip version`
  const { stdout } = await run('bash', ['--norc', '-c', lines], { cwd: folder })
  expect(stdout).toMatch(/^(unsplash-clip )?\d+\.\d+\.\d+/)
})
