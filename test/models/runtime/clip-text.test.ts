import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ENTRIES } from '../../../src/models/catalog/entries.js'
import { cleanClipText } from '../../../src/models/runtime/clip-text.js'
import { loadTokenizer } from '../../../src/models/runtime/tokenizer.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'

/** What OpenAI's own tokenizer makes of odd texts; see odd-texts.py. `encoding`: ftfy repaired the encoding. */
const rows: { text: string; clean: string; ids: number[]; encoding?: true }[] = JSON.parse(
  readFileSync(new URL('odd-texts.json', import.meta.url), 'utf8'),
)
const expected = rows.filter(({ encoding }) => !encoding)

test('a text is cleaned as OpenAI’s CLIP cleans it', () => {
  expect(expected.length).toBeGreaterThan(600)
  expect(expected.map(({ text }) => ({ text, clean: cleanClipText(text) }))).toEqual(
    expected.map(({ text, clean }) => ({ text, clean })),
  )
})

test('the repair of a wrong encoding is the one step that is left out', () => {
  const repaired = rows.filter(({ encoding }) => encoding)
  expect(repaired.length).toBeGreaterThan(0)
  for (const { text, clean } of repaired) expect(cleanClipText(text)).not.toBe(clean)
})

test('half of a surrogate pair becomes a replacement character', () => {
  expect(cleanClipText('a\uD83C b')).toBe('a\uFFFD b')
})

test('OpenAI’s models clean their texts, and others do not', () => {
  const cleaning = ENTRIES.filter(({ entry }) => entry.text?.clean === 'openai').map(({ entry }) => entry.name)
  expect(cleaning).toEqual(['clip-vit-b-32', 'clip-vit-b-16', 'clip-vit-l-14'])
})

describe.skipIf(!hasReference())('with CLIP’s vocabulary', () => {
  const folder = join(REFERENCE, 'tokenizer')

  test('odd texts get the ids that OpenAI’s own tokenizer gives them', async () => {
    const tokenizer = await loadTokenizer(folder, 77, { clean: 'openai' })
    expect(expected.map(({ text }) => ({ text, ids: tokenizer.encode(text) }))).toEqual(
      expected.map(({ text, ids }) => ({ text, ids })),
    )
  })

  test('ordinary texts get the ids that tokenizer.json alone gives them', async () => {
    const golden: { text: string; ids: number[] }[] = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8'))
    const tokenizer = await loadTokenizer(folder, 77, { clean: 'openai' })
    // ftfy makes typographic quotes straight; the golden ids were made without it.
    const ordinary = golden.filter(({ text }) => !/[‘’“”]/.test(text))
    expect(ordinary.length).toBeGreaterThan(700)
    expect(ordinary.map(({ text }) => ({ text, ids: tokenizer.encode(text) }))).toEqual(ordinary)
  })
})
