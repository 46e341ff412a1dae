import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../../src/models/runtime/tokenizer.js'
import { hasPython, pythonEnvironment } from '../../support/python/environment.js'
import { KINDS, type Row } from './kinds.js'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const TEXTS = 1000

describe.skipIf(!hasPython())(`${TEXTS} texts in 27 languages, odd ones included`, () => {
  let folder: string
  beforeAll(async () => {
    const programs = await pythonEnvironment(here('requirements.txt'), ['open_clip_torch==3.3.0'])
    folder = await mkdtemp(join(tmpdir(), 'tokenizers-'))
    await promisify(execFile)(join(programs, 'python'), [here('library.py'), folder, '--texts', String(TEXTS)])
  }, 900_000)
  afterAll(() => folder && rm(folder, { recursive: true, force: true }))

  test.each(Object.entries(KINDS))('of %s become the tokens of its own library', async (name, { input, except }) => {
    const rows: Row[] = JSON.parse(await readFile(join(folder, name, 'ids.json'), 'utf8'))
    expect(rows).toHaveLength(TEXTS)
    const { encode } = await loadTokenizer(join(folder, name), input.contextLength, input)
    const others = rows.filter(({ text, ids }) => encode(text).join() !== ids.join()).map(({ text }) => text)
    expect(others.filter(text => !except?.test(text))).toEqual([])
    expect(others.length).toBeLessThan(0.03 * TEXTS)
  })
})
