import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { AppError } from '../domain/errors.js'
import type { TextInput } from './entry.js'

export interface TextTokenizer {
  /**
   * Start token where the model has one, content, end token: at most `contextLength` ids, without padding. A longer text
   * loses content, never its end token.
   */
  encode(text: string): number[]
  readonly endId: number
}

/**
 * Longer texts are cut before they are tokenised. It is far beyond what 77 tokens hold, and bounds the time that one
 * hostile text can take (a word of a million letters: 20 s).
 */
const MAX_CHARACTERS = 10_000

/**
 * Loads `tokenizer.json` and `tokenizer_config.json` of a model folder in the Hugging Face layout.
 * @param contextLength longest sequence the text tower takes
 * @throws AppError MODEL_INVALID when the files are unusable
 */
export async function loadTokenizer(
  folder: string,
  contextLength: number,
  { lowerCase = false, dropPunctuation = false }: Partial<TextInput> = {},
): Promise<TextTokenizer> {
  const config = await readJson(join(folder, 'tokenizer_config.json'))
  const tokenizer = construct(folder, await readJson(join(folder, 'tokenizer.json')), config)

  const endId = expectEndToken(folder, tokenizer.encode('').ids)

  return {
    endId,
    encode(text) {
      let content = text.slice(0, MAX_CHARACTERS)
      if (lowerCase) content = content.toLowerCase()
      if (dropPunctuation) content = withoutPunctuation(content)
      const { ids } = tokenizer.encode(content)
      return ids.length <= contextLength ? ids : [...ids.slice(0, contextLength - 1), endId]
    },
  }
}

/** https://github.com/huggingface/transformers/blob/main/src/transformers/models/siglip/tokenization_siglip.py (canonicalize_text) */
function withoutPunctuation(text: string): string {
  return text
    .replace(/[!-/:-@[-`{-~]/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}

function construct(folder: string, model: object, config: object): Tokenizer {
  try {
    return new Tokenizer(model, config)
  } catch (cause) {
    throw invalid(folder, `tokenizer.json cannot be used (${cause instanceof Error ? cause.message : cause})`, cause)
  }
}

/** The empty text shows which ids stand around every text: a start and an end token (CLIP), or the latter alone (SigLIP). */
function expectEndToken(folder: string, ids: number[]): number {
  const end = ids.at(-1)
  if (end === undefined || ids.length > 2)
    throw invalid(
      folder,
      `the empty text gives ${JSON.stringify(ids)}, an end token expected, alone or after a start token`,
    )
  return end
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? cause.message : String(cause), cause)
  }
  throw invalid(path, 'a JSON object expected')
}

function invalid(where: string, found: string, cause?: unknown): AppError {
  return new AppError(
    'MODEL_INVALID',
    `The tokenizer of ${where} is unusable: ${found}. Check the files with \`models verify\`; fetch them again with \`models pull\`, or put the right ones into the folder that MODEL_FOLDERS names.`,
    { cause },
  )
}
