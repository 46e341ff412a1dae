import type { Encoder } from '../../domain/ports/encoder.js'
import type { FileRewrites } from '../../domain/rewrite.js'
import { isFromHub, type ModelSpec } from '../catalog/registry.js'
import type { SessionOptions } from '../runtime/session.js'
import { loadTokenizer } from '../runtime/tokenizer.js'
import { describeRewrites } from './describe-rewrites.js'
import { publishedFor } from './published.js'
import {
  judgePictures,
  judgePicturesAlone,
  type PictureAnswer,
  PLAIN_COLOURS,
  promptsFor,
  RENDERED_SCENES,
} from './self-test-pictures.js'
import { judgeTexts, type TextMatch } from './self-test-texts.js'

/** One step of the self-test, with its finding in one sentence. `ok` is null without a reference to compare with. */
export type SelfTestStep = { readonly ok: boolean | null; readonly sentence: string } & (
  | { readonly step: 'rewrites'; readonly files: readonly FileRewrites[] }
  | { readonly step: 'texts'; readonly texts: readonly TextMatch[]; readonly source?: string }
  | { readonly step: 'pictures'; readonly pictures: readonly PictureAnswer[] }
)

export interface SelfTestInput {
  readonly spec: ModelSpec
  /** Where the files are. */
  readonly folder: string
  /** Options of the encoder's sessions. */
  readonly session: SessionOptions
  /** Both towers of the model. */
  readonly encoder: Encoder
  /** The preprocessing of the workers. @param image an image file @returns RGB, [input.size, input.size, 3] */
  readonly preprocess: (image: Uint8Array) => Promise<Uint8Array>
}

/**
 * Reports which rewrites of the graphs apply, then runs both towers: texts with published embeddings, then rendered
 * pictures with zero-shot labels. Yields each step when it is done, in this order; a failed step does not stop the
 * next.
 */
export async function* selfTest(input: SelfTestInput): AsyncGenerator<SelfTestStep> {
  yield await testRewrites(input)
  yield await testTexts(input)
  yield await testPictures(input)
}

/** An unrecognised graph gives the same results, only slower: a note, not a failure. */
async function testRewrites({ spec, folder, session }: SelfTestInput): Promise<SelfTestStep> {
  const files = await describeRewrites(spec, folder, session)
  const all = files.flatMap(({ rewrites }) => rewrites).filter(({ outcome }) => outcome !== 'not-needed')
  const count = all.filter(({ outcome }) => outcome === 'applied').length
  const sentence =
    all.length === 0
      ? 'Rewrites that make graphs faster: these have nothing to change'
      : `Rewrites that make graphs faster: ${count} of ${all.length} apply`
  return { step: 'rewrites', files, ok: count === all.length ? true : null, sentence }
}

async function testTexts({ spec, folder, encoder }: SelfTestInput): Promise<SelfTestStep> {
  const step = 'texts'
  if (!spec.text) return { step, ok: null, texts: [], sentence: `${spec.name} has no text tower` }
  const published = publishedFor(spec)
  if (!published) return { step, ok: null, texts: [], sentence: unpublished(spec) }

  const { vectors, claimed } = published
  const tokenizer = await loadTokenizer(folder, spec.text.contextLength, spec.text)
  const texts = vectors.texts.map(({ text }) => text)
  const embeddings = await encoder.encodeTexts(texts)
  const outputs = texts.map((text, i) => ({ ids: tokenizer.encode(text), embedding: embeddings[i]! }))
  const { ok, matches, sentence } = judgeTexts(vectors, outputs, spec.precision)
  const found = { step, texts: matches, source: vectors.source } as const
  return ok || claimed
    ? { ...found, ok, sentence }
    : { ...found, ok: null, sentence: `${sentence}. ${unpublished(spec)}` }
}

function unpublished(spec: ModelSpec): string {
  const nothing = `No vectors of ${spec.name} are published`
  return isFromHub(spec)
    ? `${nothing}: only the digest of its text tower was checked`
    : `${nothing}, and no digests are on record: its text tower was not checked separately`
}

async function testPictures({ spec, encoder, preprocess }: SelfTestInput): Promise<SelfTestStep> {
  const set = spec.name === 'demo' ? RENDERED_SCENES : PLAIN_COLOURS
  // Rendered before the first decode: after the photo decoder is loaded, this process cannot render drawings.
  const files = await Promise.all(set.pictures.map(picture => picture.render()))
  const pixels = await Promise.all(files.map(preprocess))
  const images = await encoder.encodeImages(pixels)
  const verdict = spec.text
    ? judgePictures(set, images, await encoder.encodeTexts(promptsFor(set)), encoder.model)
    : judgePicturesAlone(set, images)
  return { step: 'pictures', ...verdict }
}
