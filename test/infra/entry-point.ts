import { expect } from 'vitest'
import { SETTINGS } from '../../src/config.js'
import { helpOf } from '../support/help.js'

/** What images start. */
export const MAIN = 'dist/cli/main.js'

/** Fails unless the built command line has this command with these options. */
export async function expectCommand(args: readonly string[]): Promise<void> {
  const stdout = await helpOf(...args)
  // An unknown subcommand shows the help of the command above it.
  const words = args.slice(0, 2).filter(word => /^[a-z]+$/.test(word))
  const [, path = ''] = /^Usage: (?:npx )?unsplash-clip ((?:[a-z]+ )*)/.exec(stdout) ?? []
  expect(`${words.join(' ')} `, stdout).toBe(path)
  for (const option of args.filter(word => word.startsWith('-'))) expect(stdout).toContain(`${option} `)
}

/** What the SDK of S3, Node itself and glibc read. */
const OTHERS_VARIABLES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'MALLOC_ARENA_MAX', 'NODE_ENV']

/** Names that nobody reads: misspelt, or of a setting that is gone. */
export function unknownVariables(names: Iterable<string>): string[] {
  return [...names].filter(name => !Object.hasOwn(SETTINGS, name) && !OTHERS_VARIABLES.includes(name))
}
