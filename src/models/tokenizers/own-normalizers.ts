import { Charsmap } from './charsmap.js'

/** A normalizer of `@huggingface/tokenizers`, as its constructor leaves it. */
export interface Normalizer {
  readonly config: NormalizerConfig
  /** Of a sequence. */
  readonly normalizers?: readonly (Normalizer | null)[]
  normalize(text: string): string
}

/** As in tokenizer.json. */
interface NormalizerConfig {
  readonly type: string
  readonly precompiled_charsmap?: string | null
  readonly strip_left?: boolean
  readonly strip_right?: boolean
}

/** The library whose tokens a model knows. */
export type Library = 'tokenizers' | 'sentencepiece'

/**
 * Replaces what the JavaScript library does to some texts otherwise than the library of the model: SentencePiece, or
 * Hugging Face's in Rust, which is that of Python.
 * @throws RangeError for a broken table of rules
 */
export function correctNormalizers(normalizer: Normalizer | null, library: Library): void {
  if (normalizer === null) return
  for (const part of normalizer.normalizers ?? []) correctNormalizers(part, library)
  const own = ownNormalize(normalizer.config, library)
  if (own) normalizer.normalize = own
}

function ownNormalize(config: NormalizerConfig, library: Library): ((text: string) => string) | undefined {
  switch (config.type) {
    case 'Precompiled':
      return config.precompiled_charsmap ? byCharsmap(new Charsmap(config.precompiled_charsmap), library) : undefined
    case 'Lowercase':
      return lowerCase
    case 'Strip':
      return text => strip(text, config)
    default:
      return undefined
  }
}

/** No rule concerns them. */
const IS_PRINTABLE_ASCII = /^[ -~]*$/
const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** Longer graphemes are rewritten character by character. */
const MAX_GRAPHEME_BYTES = 6

/**
 * By the rules of the model's own table: the JavaScript library takes NFKC of the Unicode version of today.
 * https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/normalizers/precompiled.rs
 */
function byCharsmap(rules: Charsmap, library: Library): (text: string) => string {
  return text => {
    if (IS_PRINTABLE_ASCII.test(text)) return text
    if (library === 'sentencepiece') return rules.rewrite(text)
    let normal = ''
    for (const { segment } of GRAPHEMES.segment(text)) {
      const whole = Buffer.byteLength(segment) < MAX_GRAPHEME_BYTES ? rules.replacementOf(segment) : undefined
      if (whole !== undefined) normal += whole
      else for (const character of segment) normal += rules.replacementOf(character) ?? character
    }
    return normal
  }
}

/** Letter by letter: without the rule of Unicode for a sigma at the end of a word. */
export function lowerCase(text: string): string {
  return text.replace(/\P{ASCII}/gu, character => character.toLowerCase()).toLowerCase()
}

/** By White_Space of Unicode: `trim` takes U+FEFF too, and leaves U+0085. */
function strip(text: string, { strip_left, strip_right }: NormalizerConfig): string {
  const left = strip_left ? text.replace(/^\p{White_Space}+/u, '') : text
  return strip_right ? left.replace(/\p{White_Space}+$/u, '') : left
}
