import type { Encoder } from '../domain/ports/encoder.js'
import { publishedFor } from './published.js'
import { isFromHub, type ModelSpec } from './registry.js'
import {
  judgePictures,
  judgePicturesAlone,
  type PictureAnswer,
  PLAIN_COLOURS,
  promptsFor,
  RENDERED_SCENES,
} from './self-test-pictures.js'
import { judgeTexts, type TextMatch } from './self-test-texts.js'
import { loadTokenizer } from './tokenizer.js'

/** One step of the self-test, with its finding in a plain sentence. `ok` is null where nothing is known to hold it against. */
export type SelfTestStep = { readonly ok: boolean | null; readonly sentence: string } & (
  | { readonly step: 'texts'; readonly texts: readonly TextMatch[]; readonly source?: string }
  | { readonly step: 'pictures'; readonly pictures: readonly PictureAnswer[] }
)

export interface SelfTestInput {
  readonly spec: ModelSpec
  /** Where the files are. */
  readonly folder: string
  /** The model, both towers of it. */
  readonly encoder: Encoder
  /** As the workers do it. @param image an image file @returns RGB, [input.size, input.size, 3] */
  readonly preprocess: (image: Uint8Array) => Promise<Uint8Array>
}

/**
 * Runs both towers: texts of which the embeddings are published, then rendered pictures that get zero-shot labels. Steps
 * come in this order, each when it is done; one that is not `ok` does not keep the next from running.
 */
export async function* selfTest(input: SelfTestInput): AsyncGenerator<SelfTestStep> {
  yield await testTexts(input)
  yield await testPictures(input)
}

async function testTexts({ spec, folder, encoder }: SelfTestInput): Promise<SelfTestStep> {
  const step = 'texts'
  if (!spec.text) return { step, ok: null, texts: [], sentence: `${spec.name} has no text tower` }
  const published = publishedFor(spec)
  if (!published) return { step, ok: null, texts: [], sentence: unpublished(spec) }

  const { vectors, claimed } = published
  const tokenizer = await loadTokenizer(folder, spec.text.contextLength)
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
    ? `${nothing}: of its text tower only the digest was checked`
    : `${nothing}, no digests are on record: its text tower was not checked by itself`
}

async function testPictures({ spec, encoder, preprocess }: SelfTestInput): Promise<SelfTestStep> {
  const set = spec.name === 'demo' ? RENDERED_SCENES : PLAIN_COLOURS
  // All before the first is decoded: once the decoder of photos is loaded, no drawing can be rendered in this process.
  const files = await Promise.all(set.pictures.map(picture => picture.render()))
  const pixels = await Promise.all(files.map(preprocess))
  const images = await encoder.encodeImages(pixels)
  const verdict = spec.text
    ? judgePictures(set, images, await encoder.encodeTexts(promptsFor(set)), encoder.model)
    : judgePicturesAlone(set, images)
  return { step: 'pictures', ...verdict }
}
