/**
 * Counts the texts whose tokens are those of CLIP's own tokenizer, and prints what differs:
 *
 *     npx tsx tools/published/tokens.ts TOKENIZER_FOLDER GOLDEN.json [CONTEXT_LENGTH]
 *
 * TOKENIZER_FOLDER: tokenizer.json and tokenizer_config.json. GOLDEN.json: a list of { "text": …, "ids": […] }, cut at
 * CONTEXT_LENGTH (default: 77) with the end token kept. Exit code 1 when a text differs.
 */
import { readFile } from 'node:fs/promises'
import { loadTokenizer } from '../../src/models/runtime/tokenizer.js'

const [folder, goldenFile, contextLength = '77'] = process.argv.slice(2)
if (!folder || !goldenFile) throw new Error('usage: tokens.js TOKENIZER_FOLDER GOLDEN.json [CONTEXT_LENGTH]')
const golden = JSON.parse(await readFile(goldenFile, 'utf8')) as { text: string; ids: number[] }[]
const tokenizer = await loadTokenizer(folder, Number(contextLength))
const different = golden.filter(({ text, ids }) => tokenizer.encode(text).join() !== ids.join())
for (const { text, ids } of different)
  console.log(`${JSON.stringify(text)}: expected ${ids.join(' ')}, found ${tokenizer.encode(text).join(' ')}`)
console.log(`${golden.length - different.length} of ${golden.length} token sequences are those of the reference`)
process.exitCode = different.length > 0 ? 1 : 0
