import { createHash } from 'node:crypto'
import { isExact } from './comparison.js'

/** Positions of an embedding and a SHA-256 over properties of these components, in place of the vector itself. */
export interface ComponentDigest {
  /** Positions in the embedding. */
  readonly at: readonly number[]
  readonly sha256: string
}

/** A text with a published embedding. */
export interface PublishedText {
  readonly text: string
  /** SHA-256 over its token ids, see {@link digestOfTokens}. */
  readonly tokens: string
  /** Over the signs of components far from zero: also valid for weights of 8 and 4 bits. */
  readonly signs: ComponentDigest
  /** Over components in cells of {@link CELL}: valid only for weights of 16 and 32 bits. */
  readonly values: ComponentDigest
}

/** Published embeddings of a model. */
export interface PublishedVectors {
  /** Name of the towers that give them, for display. */
  readonly title: string
  /** Publisher. */
  readonly source: string
  /** Length of an embedding. */
  readonly dimension: number
  readonly texts: readonly PublishedText[]
}

/** Width of the cells for the components of a unit vector. */
export const CELL = 0.01

/** One in four texts may miss, because a rounded weight moved a component across a cell border. */
const NEEDED_SHARE = 0.75

/** - `values`: the components are the published ones   - `signs`: their signs are   - `none`: neither */
export type Fit = 'values' | 'signs' | 'none'

export interface TextMatch {
  readonly text: string
  /** Whether the tokenizer gives the model's own ids. */
  readonly tokens: boolean
  readonly fit: Fit
}

export interface TextVerdict {
  readonly ok: boolean
  readonly matches: readonly TextMatch[]
  /** One sentence. */
  readonly sentence: string
}

/**
 * Compares embeddings of the published texts with their published digests.
 * @param outputs token ids and unit embedding of each text, in the order of `published.texts`
 * @param precision of the weights, for example `int8`
 */
export function judgeTexts(
  published: PublishedVectors,
  outputs: readonly { ids: readonly number[]; embedding: Float32Array }[],
  precision: string,
): TextVerdict {
  const { texts, title, dimension } = published
  const matches = texts.map((text, i) => ({
    text: text.text,
    tokens: digestOfTokens(outputs[i]!.ids) === text.tokens,
    fit: fitOf(text, outputs[i]!.embedding),
  }))
  const total = matches.length
  const needed = Math.ceil(NEEDED_SHARE * total)
  const tokens = matches.filter(match => match.tokens).length
  const signs = matches.filter(match => match.fit !== 'none').length
  const values = matches.filter(match => match.fit === 'values').length
  const exact = isExact(precision)
  const found = exact ? values : signs
  const no = (why: string) => ({ ok: false, matches, sentence: `this is not ${title}: ${why}` })

  const width = outputs[0]?.embedding.length
  if (width !== dimension) return no(`expected embeddings with ${dimension} components, found ${width}`)
  if (tokens < total)
    return no(`the tokenizer gives ${total - tokens} of ${total} texts other tokens; it belongs to another model`)
  if (found >= needed)
    return { ok: true, matches, sentence: `the text tower is ${title}: ${found} of ${total} texts give its vectors` }
  if (exact && signs >= needed)
    return {
      ok: false,
      matches,
      sentence:
        `this is not ${title} in ${precision}: ${signs} of ${total} texts give the signs of its vectors, ` +
        `${values} their values, ${needed} needed; a tower with fewer bits gives such figures`,
    }
  return no(`${found} of ${total} texts give its vectors, ${needed} needed; the text tower is another one`)
}

/** Returns how well a unit-length embedding fits the published one. */
export function fitOf({ signs, values }: PublishedText, embedding: Float32Array): Fit {
  if (digestOfSigns(embedding, signs.at) !== signs.sha256) return 'none'
  return digestOfValues(embedding, values.at) === values.sha256 ? 'values' : 'signs'
}

/** Returns the SHA-256 over the ids in decimal, separated by commas. */
export function digestOfTokens(ids: readonly number[]): string {
  return sha256(ids.join(','))
}

/** Returns the SHA-256 over `+` and `-`, one per component. */
export function digestOfSigns(embedding: ArrayLike<number>, at: readonly number[]): string {
  return sha256(at.map(i => (embedding[i]! < 0 ? '-' : '+')).join(''))
}

/** Returns the SHA-256 over the cell numbers of the components, separated by commas. */
export function digestOfValues(embedding: ArrayLike<number>, at: readonly number[]): string {
  return sha256(at.map(i => Math.floor(embedding[i]! / CELL)).join(','))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
