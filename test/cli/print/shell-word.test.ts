import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { shellWord } from '../../../src/cli/print/shell-word.js'

describe('shellWord', () => {
  test.each([
    '/photos/plain.jpg',
    '写真/é',
    "it's",
    '"quoted"',
    '$(exit 3)',
    '`exit 3`',
    '$HOME',
    'a b',
    '#x',
    '~',
    '',
    '!!',
  ])('bash takes %j literally', text => expect(inBash(text)).toBe(text))

  test.each(['two\nlines', "tab\t and 'quotes' \\n", '\u001b[31mred', 'delete\u007f1', 'separator\u2028'])(
    'bash takes %j literally, and a terminal obeys nothing in it',
    text => {
      expect(inBash(text)).toBe(text)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(shellWord(text)).not.toMatch(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]/)
    },
  )

  test('leaves plain paths as they are', () => expect(shellWord('/photos/2023/a-b.jpg')).toBe('/photos/2023/a-b.jpg'))
})

function inBash(text: string): string {
  const script = `printf %s ${shellWord(text)}`
  return execFileSync('bash', ['-c', script], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } })
}
