import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { loadTokenizer } from '../../../src/models/runtime/tokenizer.js'
import { KINDS, type Row } from './kinds.js'

/** Small tokenizers in the configuration of published ones, and what their libraries make of texts: library.py. */
interface Golden {
  tokenizer: object
  config: object
  rows: Row[]
}

test.each(['siglip', 'siglip2', 'xlm-roberta'])('odd texts become the tokens of the library of %s', async name => {
  const packed = await readFile(new URL(`golden/${name}.json.gz`, import.meta.url))
  const { tokenizer, config, rows } = JSON.parse(gunzipSync(packed).toString()) as Golden
  const folder = await mkdtemp(join(tmpdir(), 'tokenizer-'))
  try {
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
    await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config))
    const { input, except } = KINDS[name]!
    const { encode } = await loadTokenizer(folder, input.contextLength, input)
    const comparable = rows.filter(({ text }) => !except?.test(text))
    expect(comparable.length).toBeGreaterThan(400)
    expect(comparable.map(({ text }) => ({ text, ids: encode(text) }))).toEqual(comparable)
  } finally {
    await rm(folder, { recursive: true })
  }
})
