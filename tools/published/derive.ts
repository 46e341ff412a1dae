/**
 * Derives src/models/check/published-clip-vit-b-32.ts from published text embeddings of CLIP ViT-B/32, of which it keeps digests
 * only:
 *
 *     npx tsx tools/published/derive.ts VECTORS.npy PROMPTS.txt TOKENIZER_FOLDER > src/models/check/published-clip-vit-b-32.ts
 *     npx biome check --write src/models/check/published-clip-vit-b-32.ts
 *
 * VECTORS.npy: one row a line of PROMPTS.txt. TOKENIZER_FOLDER: CLIP's tokenizer.json and tokenizer_config.json.
 */
import { readFile } from 'node:fs/promises'
import { normalise } from '../../src/domain/similarity.js'
import { readMatrix } from '../../src/models/check/npy.js'
import {
  CELL,
  digestOfSigns,
  digestOfTokens,
  digestOfValues,
  type PublishedText,
} from '../../src/models/check/self-test-texts.js'
import { loadTokenizer } from '../../src/models/runtime/tokenizer.js'

/** One word each, most of several tokens, some with capitals or a hyphen; they lie far from the mean of all prompts. */
const TEXTS = [
  'a dalmatian',
  'a sawhorse',
  'a blackboard',
  'a fireplug',
  'a persimmon',
  'a seahorse',
  'a weathervane',
  'a harmonium',
  'a hippopotamus',
  'a tachometer',
  'a parakeet',
  'a pug-dog',
  'a golfcart',
  'a newsstand',
  'a Rollerblade',
  'a bow-tie',
]

/** Twelve signs hold for any noise down to a cosine of 0.98, and no other prompt has them. */
const COMPONENTS = 12

const CONTEXT_LENGTH = 77

const [vectorsFile, promptsFile, tokenizerFolder] = process.argv.slice(2)
if (!vectorsFile || !promptsFile || !tokenizerFolder)
  throw new Error('usage: derive.js VECTORS.npy PROMPTS.txt TOKENIZER_FOLDER')
const vectors = (await readMatrix(vectorsFile)).map(normalise)
const prompts = (await readFile(promptsFile, 'utf8')).trim().split('\n')
const tokenizer = await loadTokenizer(tokenizerFolder, CONTEXT_LENGTH)
const mean = normalise(vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0)))

process.stdout.write(`import type { PublishedVectors } from './self-test-texts.js'

/** Made by tools/published/derive.ts, which says from what. */
export const CLIP_VIT_B_32_VECTORS: PublishedVectors = ${JSON.stringify(
  {
    title: 'CLIP ViT-B/32',
    source: 'text embeddings of OpenAI CLIP ViT-B/32 (github.com/openai/CLIP)',
    dimension: mean.length,
    texts: TEXTS.map(derive),
  },
  null,
  2,
)}
`)

function derive(text: string): PublishedText {
  const vector = vectors[prompts.indexOf(text)]
  if (!vector) throw new Error(`${promptsFile} does not have ${JSON.stringify(text)}`)
  const signsAt = mostUnlikeTheMean(vector)
  const valuesAt = inTheMiddleOfTheirCells(vector).filter(i => !signsAt.includes(i))
  const at = { signs: signsAt, values: valuesAt.slice(0, COMPONENTS).sort((a, b) => a - b) }
  return {
    text,
    tokens: digestOfTokens(tokenizer.encode(text)),
    signs: { at: at.signs, sha256: digestOfSigns(vector, at.signs) },
    values: { at: at.values, sha256: digestOfValues(vector, at.values) },
  }
}

/**
 * The largest components of the other sign than the mean's: all prompts share a cone, and a text tower that gives every
 * text the middle of it has none of these signs.
 */
function mostUnlikeTheMean(vector: Float32Array): number[] {
  return positions(vector)
    .filter(i => vector[i]! * mean[i]! < 0)
    .sort((a, b) => Math.abs(vector[b]!) - Math.abs(vector[a]!))
    .slice(0, COMPONENTS)
    .sort((a, b) => a - b)
}

/** At least 0.4 of a cell from its edges, those farthest from the mean first. */
function inTheMiddleOfTheirCells(vector: Float32Array): number[] {
  const distance = (i: number) => Math.abs(vector[i]! - mean[i]!)
  return positions(vector)
    .filter(i => Math.abs(vector[i]! / CELL - Math.floor(vector[i]! / CELL) - 0.5) < 0.1)
    .sort((a, b) => distance(b) - distance(a))
}

function positions(vector: Float32Array): number[] {
  return Array.from(vector, (_, i) => i)
}
