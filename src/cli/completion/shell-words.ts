import type { CompletedCommand } from './command-tree.js'

/** Quotes a text as one word of a POSIX shell. */
export const quoteWord = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** All commands with at least one word. */
export const routesOf = (commands: readonly CompletedCommand[]): string[] =>
  commands.map(({ route }) => route).filter(route => route !== '')

/** Where the value of an option follows: `route --option`, with its possible values; none: any. */
export function valuesOf(commands: readonly CompletedCommand[]): { where: string[]; choices: string[] }[] {
  return commands.flatMap(({ route, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, choices }) => ({ where: flags.map(flag => `${route} ${flag}`), choices })),
  )
}
