import { existsSync } from 'node:fs'
import { delimiter, join, sep } from 'node:path'

/** The commands of the program, as its texts name them. */
export const COMMANDS = [
  ...[
    'demo',
    'ingest',
    'import',
    'worker',
    'health',
    'search',
    'serve',
    'mcp',
    'keys',
    'facets',
    'duplicates',
    'labels',
    'eval',
    'analyze',
    'prompts',
    'photo',
    'export',
  ],
  ...['status', 'run', 'models', 'index', 'db', 'store', 'completion', 'help', 'version'],
] as const

const PROGRAM = 'unsplash-clip'
const NAMED = new RegExp(`(?<![\\w/-])(?<!npx )${PROGRAM}(?= (?:(?:${COMMANDS.join('|')})\\b|\\[options\\]))`, 'g')
/** npm puts these folders on the PATH of what it starts; the user's shell does not have them. */
const OF_NPM = `node_modules${sep}.bin`

/** By PATH: a command prints many lines. */
const found = new Map<string, boolean>()

/**
 * Writes the commands that a text names as the user has to type them: with `npx` in a clone, or where the program is a
 * dependency; without it where the shell finds the program by its name.
 */
export function asTyped(text: string, path = process.env.PATH ?? ''): string {
  if (!text.includes(PROGRAM)) return text
  const isFound = found.get(path) ?? isOnPath(path)
  found.set(path, isFound)
  return isFound ? text : text.replace(NAMED, `npx ${PROGRAM}`)
}

function isOnPath(path: string): boolean {
  return path
    .split(delimiter)
    .filter(folder => folder !== '' && !folder.endsWith(OF_NPM))
    .some(folder => existsSync(join(folder, PROGRAM)) || existsSync(join(folder, `${PROGRAM}.cmd`)))
}
