import type { TextInput } from '../catalog/entry.js'
import { Underivable } from './image-input.js'
import { at, isObject, type Json, numberAt, objectAt, textAt } from './json.js'

/** The files of a source that describe its texts, and what the graph of the text tower takes. */
export interface TextDescriptions {
  readonly config?: Json
  readonly openClipConfig?: Json
  readonly tokenizer: Json
  readonly tokenizerConfig: Json
  /** Tokens of every text that the graph takes; undefined: any number. */
  readonly graphLength?: number
  /** Whether the graph takes a mask of the tokens that count. */
  readonly hasMask: boolean
}

export interface DerivedTexts {
  readonly input: TextInput
  /** What was recognised. */
  readonly from: string
  /**
   * The id that fills short texts if filling changes their embeddings, which only the graph tells: see `padding.ts`.
   * Undefined when it is settled.
   */
  readonly fill?: number
}

/** Longer texts are cut: an embedding of a longer one takes seconds, and searches are short. */
const MOST_TOKENS = 512
/** Transformers writes a huge number for "no limit". */
const NO_LIMIT = 100_000
/** Positions of RoBERTa's kind begin behind the id that pads. */
const RESERVED_POSITIONS = 2

/**
 * Derives how texts become tokens.
 * @throws Underivable
 */
export function deriveTexts(files: TextDescriptions): DerivedTexts {
  const { config, openClipConfig, tokenizerConfig, graphLength, hasMask } = files
  const family = familyOf(files)
  const contextLength = graphLength ?? contextLengthOf(files)
  const common = { contextLength, ...CLEANING[family] }
  const length = `${contextLength} tokens`
  // Both were trained on sequences of full length, without a mask.
  if (family === 'siglip' || family === 'siglip2') {
    const padId = padIdOf(files) ?? (family === 'siglip' ? 1 : 0)
    return { input: { ...common, padId }, from: `${NAMES[family]}, always padded with ${padId} to ${length}` }
  }
  if (hasMask && graphLength === undefined)
    return { input: common, from: `${NAMES[family]}, up to ${length}, without padding (the graph takes a mask)` }
  // open_clip's own tokenizer pads with 0, whatever the files of the one of transformers say.
  const isOwn = openClipOf(config, openClipConfig) !== undefined && !tokenizerOf(config, openClipConfig)
  const fill = isOwn ? 0 : padIdOf(files)
  const isPadFree = MASKED_TYPES.test(textAt(config, 'model_type') ?? '')
  const from = `${NAMES[family]} (${textAt(tokenizerConfig, 'tokenizer_class') ?? 'tokenizer of no name'}), ${graphLength === undefined ? 'up to' : 'always'} ${length}`
  return { input: common, from, ...(isPadFree && graphLength === undefined ? {} : { fill: fill ?? 0 }) }
}

type Family = 'clip' | 'siglip' | 'siglip2' | 'other'

const NAMES: Readonly<Record<Family, string>> = {
  clip: 'texts as OpenAI’s CLIP cleans them',
  siglip: 'SigLIP: lower case, no punctuation',
  siglip2: 'SigLIP 2: lower case',
  other: 'texts as they are',
}

/**
 * What the authors do before the tokenizer. SigLIP 2: https://huggingface.co/google/siglip2-base-patch16-224/discussions,
 * its training lower-cased texts, and its tokenizer.json does not.
 */
const CLEANING: Readonly<Record<Family, Omit<TextInput, 'contextLength'>>> = {
  clip: { clean: 'openai' },
  siglip: { lowerCase: true, dropPunctuation: true },
  siglip2: { lowerCase: true },
  other: {},
}

/** Models whose padding never counts, whether their graph takes a mask or makes one. */
const MASKED_TYPES = /jina|nomic|bert|vision-text-dual/

/** @see docs/reference/model-files.md, Texts */
function familyOf({ config, openClipConfig, tokenizer, tokenizerConfig }: TextDescriptions): Family {
  const type = textAt(config, 'model_type') ?? ''
  const name = textAt(tokenizerConfig, 'tokenizer_class') ?? ''
  const openClip = openClipOf(config, openClipConfig)
  const isSigmoid = type.startsWith('siglip') || openClip?.init_logit_bias !== undefined
  const isGemma = /gemma/i.test(name) || /gemma/i.test(tokenizerOf(config, openClipConfig) ?? '')
  if (isSigmoid && (type === 'siglip2' || isGemma)) return 'siglip2'
  // Other models with a sigmoid, such as NLLB-CLIP, have other tokenizers.
  if (isSigmoid && (type === 'siglip' || /^(Siglip|T5)/.test(name))) return 'siglip'
  if (/^CLIPTokenizer/.test(name)) return 'clip'
  const isBytePairs = textAt(tokenizer, 'model.type') === 'BPE' && at(tokenizer, 'model.end_of_word_suffix') === '</w>'
  return isBytePairs && name === '' ? 'clip' : 'other'
}

/** open_clip's description of a model, which Immich's exports have as config.json. */
export function openClipOf(config: Json | undefined, openClipConfig: Json | undefined): Json | undefined {
  const own = objectAt(openClipConfig, 'model_cfg')
  if (own) return own
  return objectAt(config, 'vision_cfg') && objectAt(config, 'text_cfg') ? config : undefined
}

/** Name of a tokenizer of transformers that open_clip uses. */
function tokenizerOf(config: Json | undefined, openClipConfig: Json | undefined): string | undefined {
  return textAt(openClipOf(config, openClipConfig), 'text_cfg.hf_tokenizer_name')
}

function contextLengthOf({ config, openClipConfig, tokenizerConfig }: TextDescriptions): number {
  const text = objectAt(config, 'text_config')
  const isRoberta = /roberta|camembert/.test(`${textAt(text, 'model_type')} ${textAt(config, 'model_type')}`)
  const positions = numberAt(text, 'max_position_embeddings')
  const limits = [
    positions === undefined ? undefined : positions - (isRoberta ? RESERVED_POSITIONS : 0),
    numberAt(openClipOf(config, openClipConfig), 'text_cfg.context_length'),
    numberAt(tokenizerConfig, 'model_max_length'),
  ].filter(limit => limit !== undefined && limit >= 2 && limit < NO_LIMIT) as number[]
  if (limits.length === 0)
    throw new Underivable(
      'contextLength: neither config.json (text_config.max_position_embeddings, text_cfg.context_length) nor tokenizer_config.json (model_max_length) gives a longest text',
    )
  return Math.min(MOST_TOKENS, ...limits)
}

/** The id of the token that fills texts, by tokenizer_config.json. */
function padIdOf({ tokenizer, tokenizerConfig }: TextDescriptions): number | undefined {
  const token = tokenizerConfig.pad_token
  const name = typeof token === 'string' ? token : textAt(token, 'content')
  return name === undefined ? undefined : idOf(tokenizer, name)
}

/** The id of a token in tokenizer.json: among the added ones, or in the vocabulary of byte pairs or of a unigram model. */
function idOf(tokenizer: Json, token: string): number | undefined {
  const added = tokenizer.added_tokens
  if (Array.isArray(added)) {
    const found = added.find(one => isObject(one) && one.content === token)
    if (isObject(found) && typeof found.id === 'number') return found.id
  }
  const vocabulary = at(tokenizer, 'model.vocab')
  if (Array.isArray(vocabulary)) {
    const found = vocabulary.findIndex(one => Array.isArray(one) && one[0] === token)
    return found < 0 ? undefined : found
  }
  const id = isObject(vocabulary) && Object.hasOwn(vocabulary, token) ? vocabulary[token] : undefined
  return typeof id === 'number' ? id : undefined
}
