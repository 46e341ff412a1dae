import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PAGES } from './pages.js'

const LINE_LENGTH = 120
/** Words that a plain technical text does without; CONTRIBUTING.md has the rules. */
const UNWANTED = /\b(whoever|anew|so many|by lot|lest|in hand)\b/gi

describe.each(PAGES)('$path', ({ path, text }) => {
  test('links to files and headings that exist', () => {
    for (const [, target] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const [file, heading] = target!.split('#') as [string, string?]
      const linked = file === '' ? path : join(dirname(path), file)
      expect(existsSync(linked), `${target} in ${path}`).toBe(true)
      if (heading !== undefined) expect(headings(readFileSync(linked, 'utf8')), target).toContain(heading)
    }
  })

  test('names files and folders that exist', () => {
    const paths = [...text.matchAll(/`((?:src|test|bench|infra|tools|assembly|docs)\/[\w./-]*)`/g)].map(
      ([, named]) => named!,
    )
    expect(paths.filter(named => !existsSync(named) && !named.endsWith('/.env'))).toEqual([])
  })

  test(`has no line of more than ${LINE_LENGTH} characters`, () => {
    const long = text.split('\n').flatMap((line, index) => ([...line].length > LINE_LENGTH ? [index + 1] : []))
    expect(long, 'numbers of the lines that are too long').toEqual([])
  })

  test('is written in plain words', () => {
    expect(text.replaceAll(/\s+/g, ' ').match(UNWANTED) ?? []).toEqual([])
  })
})

test('the table of places where work waits names files that exist', () => {
  const { text } = PAGES.find(({ path }) => path === 'docs/design.md')!
  const files = [...text.matchAll(/\| `([\w/-]+\.ts)` \|$/gm)].map(([, file]) => file!)
  expect(files.length).toBeGreaterThan(25)
  expect(files.filter(file => !existsSync(join('src', file)))).toEqual([])
})

test('comments, help and error texts use plain words', () => {
  const folders = ['src', 'migrations', 'assembly', 'tools', 'bench', 'infra', 'labels']
  const files = folders.flatMap(folder =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name)),
  )
  // Joined lines, because comments wrap between any two words.
  const wordsOf = (file: string) => readFileSync(file, 'utf8').replaceAll(/\n\s*(?:\*|\/\/|#|--)?\s*/g, ' ')
  const found = files.filter(file => wordsOf(file).match(UNWANTED) !== null)
  expect(found).toEqual([])
})

/** Anchors of the headings of a page, as GitHub makes them. */
function headings(text: string): string[] {
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '')
}
