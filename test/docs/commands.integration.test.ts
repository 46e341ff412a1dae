import { describe, expect, test } from 'vitest'
import { unknownVariables } from '../infra/entry-point.js'
import { helpOf } from '../support/help.js'
import { PAGES } from './pages.js'

const ASSIGNMENT = /\b([A-Z][A-Z0-9_]{2,})=/g

describe.each(PAGES.filter(({ path }) => path !== 'CHANGELOG.md'))('$path', ({ text }) => {
  test('names commands and options that exist', async () => {
    for (const { words, options } of commandsOf(text)) {
      const { path, help } = await commandOf(words)
      const shown = `unsplash-clip ${path} ${options.join(' ')}`
      for (const option of options)
        expect(help.includes(` ${option} `) || help.includes(` ${option},`), `${shown}: ${option}`).toBe(true)
    }
  })
})

test('commands on the pages set settings that exist', () => {
  const lines = PAGES.flatMap(({ text }) => code(text)).filter(line => line.includes('unsplash-clip '))
  const names = lines.flatMap(line => [...line.matchAll(ASSIGNMENT)].map(([, name]) => name!))
  expect(names.length).toBeGreaterThan(3)
  expect(unknownVariables(names.filter(name => name !== 'CUDA_VISIBLE_DEVICES'))).toEqual([])
})

/** Lines of code blocks, lines that end with a backslash joined, and code within the text. */
function code(text: string): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, '')
  const blocks = [...joined.matchAll(/^```\w*\n(.*?)^```/gms)].flatMap(([, block]) => block!.split('\n'))
  const indented = [...joined.matchAll(/^ {4}(\S.*)$/gm)].map(([, line]) => line!)
  const inline = [...joined.replaceAll(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, line]) => line!)
  return [...blocks, ...indented, ...inline]
}

function* commandsOf(text: string): Generator<{ words: string[]; options: string[] }> {
  for (const line of code(text)) {
    for (const [, command] of line.matchAll(/(?<![\w./-])(?:npx )?unsplash-clip ((?:"[^"]*"|'[^']*'|[^#|&;)"'])+)/g)) {
      const tokens = command!
        .replaceAll(/"[^"]*"|'[^']*'/g, 'QUOTED')
        .trim()
        .split(/\s+/)
      if (!/^[a-z]+$/.test(tokens[0]!)) continue
      yield {
        words: tokens.slice(0, 2).filter(token => /^[a-z]+$/.test(token)),
        options: tokens.filter(token => /^--?[a-z]/.test(token)),
      }
    }
  }
}

/** The command that these words name, and its help. The second word is a subcommand only where there are some. */
async function commandOf([first, second]: string[]): Promise<{ path: string; help: string }> {
  const help = await helpOf(first!)
  expect(help, `unsplash-clip ${first}`).toMatch(new RegExp(`^Usage: (npx )?unsplash-clip ${first}\\b`))
  const hasSubcommands = help.includes('\nCommands:\n')
  if (!hasSubcommands || second === undefined) return { path: first!, help }
  expect(help, `unsplash-clip ${first} ${second}`).toMatch(new RegExp(`^  ${second}\\b`, 'm'))
  return { path: `${first} ${second}`, help: await helpOf(first!, second) }
}
