import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import type { TextInput } from '../catalog/entry.js'
import { correctNormalizers, lowerCase as lowerCased } from '../tokenizers/own-normalizers.js'
import { cleanClipText, PYTHON_SPACES } from './clip-text.js'

export interface TextTokenizer {
  /**
   * Returns the start token (if the model has one), the content and the end token: at most `contextLength` ids, without
   * padding. A longer text loses content, never its end token.
   * @param onCut gets the number of its tokens before that
   */
  encode(text: string, onCut?: (tokens: number) => void): number[]
  readonly endId: number
}

/**
 * Cuts longer texts first: far more than 77 tokens hold, and a bound on hostile texts (a word of 1 M letters: 20 s).
 */
const MAX_CHARACTERS = 10_000

/**
 * Loads `tokenizer.json` and `tokenizer_config.json` of a model folder in the Hugging Face layout.
 * @param contextLength longest sequence of the text tower
 * @throws AppError MODEL_INVALID when the files are unusable
 */
export async function loadTokenizer(
  folder: string,
  contextLength: number,
  { lowerCase = false, dropPunctuation = false, clean }: Partial<TextInput> = {},
): Promise<TextTokenizer> {
  const config = await readJson(join(folder, 'tokenizer_config.json'))
  const model = await readJson(join(folder, 'tokenizer.json'))
  // The cleaning replaces the tokenizer's own, which would compose letters again after it.
  const tokenizer = construct(folder, clean === 'openai' ? { ...model, normalizer: null } : model, config)

  // As Siglip2Tokenizer: special tokens are found before.
  if (lowerCase && !dropPunctuation) {
    const { normalizer } = tokenizer
    tokenizer.normalizer = (text: string) => (normalizer ?? String)(lowerCased(text))
  }
  const endId = expectEndToken(folder, tokenizer.encode('').ids)

  return {
    endId,
    encode(text, onCut) {
      let content = text.slice(0, MAX_CHARACTERS)
      if (clean === 'openai') content = cleanClipText(content)
      if (dropPunctuation) content = withoutPunctuation(lowerCase ? lowerCased(content) : content)
      const { ids } = tokenizer.encode(content)
      if (ids.length <= contextLength) return ids
      onCut?.(ids.length)
      return [...ids.slice(0, contextLength - 1), endId]
    },
  }
}

/**
 * https://github.com/huggingface/transformers/blob/main/src/transformers/models/siglip/tokenization_siglip.py
 * (canonicalize_text)
 */
function withoutPunctuation(text: string): string {
  return text
    .replace(/[!-/:-@[-`{-~]/g, '')
    .replace(PYTHON_SPACES, ' ')
    .replace(/^ | $/g, '')
}

/** The class of transformers that has no counterpart in Rust. */
const WITHOUT_RUST = 'SiglipTokenizer'

function construct(folder: string, model: object, config: Record<string, unknown>): Tokenizer {
  try {
    const tokenizer = new Tokenizer(model, config)
    correctNormalizers(tokenizer.normalizer, config.tokenizer_class === WITHOUT_RUST ? 'sentencepiece' : 'tokenizers')
    return tokenizer
  } catch (cause) {
    throw invalid(folder, `tokenizer.json cannot be used (${cause instanceof Error ? cause.message : cause})`, cause)
  }
}

/** Finds the end token: the empty text gives a start and an end token (CLIP), or only the latter (SigLIP). */
function expectEndToken(folder: string, ids: number[]): number {
  const end = ids.at(-1)
  if (end === undefined || ids.length > 2)
    throw invalid(
      folder,
      `expected an end token for the empty text, alone or after a start token, found ${JSON.stringify(ids)}`,
    )
  return end
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (cause) {
    throw invalid(path, errorMessage(cause), cause)
  }
  throw invalid(path, 'expected a JSON object')
}

function invalid(where: string, found: string, cause?: unknown): AppError {
  return new AppError(
    'MODEL_INVALID',
    `The tokenizer of ${where} is unusable: ${found}. Check the files with \`models verify\`; download them again with \`models pull\`, or put the right files into the folder in MODEL_FOLDERS.`,
    { cause },
  )
}
