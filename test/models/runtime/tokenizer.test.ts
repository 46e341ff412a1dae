import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../../src/models/runtime/tokenizer.js'
import { hasReference, REFERENCE } from '../../support/servers/requirements.js'
import { END, START, tinySpec, writeTinyModel } from '../tiny-model.js'

describe.skipIf(!hasReference())('the tokenizer of CLIP', () => {
  const folder = join(REFERENCE, 'tokenizer')

  test('gives every text the golden ids, without cleaning it', async () => {
    const golden: { text: string; ids: number[] }[] = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8'))
    expect(golden.length).toBeGreaterThan(700)
    const tokenizer = await loadTokenizer(folder, 77)
    expect(golden.map(({ text }) => ({ text, ids: tokenizer.encode(text) }))).toEqual(golden)
  })
})

test('a text of a million letters is answered at once, cut to the context', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tokenizer-'))
  try {
    await writeTinyModel(folder)
    const tokenizer = await loadTokenizer(folder, tinySpec.text.contextLength)
    expect(tokenizer.encode('b'.repeat(1_000_000))).toEqual([START, 1, 1, 1, 1, END])
  } finally {
    await rm(folder, { recursive: true })
  }
})
