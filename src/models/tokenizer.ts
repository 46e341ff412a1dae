import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { AppError } from '../domain/errors.js'

export interface TextTokenizer {
  /** Start token, content, end token: at most `contextLength` ids. A longer text loses content, never its end token. */
  encode(text: string): number[]
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
export async function loadTokenizer(folder: string, contextLength: number): Promise<TextTokenizer> {
  const config = await readJson(join(folder, 'tokenizer_config.json'))
  const tokenizer = construct(folder, await readJson(join(folder, 'tokenizer.json')), config)

  const [, endId] = expectEmptyEncoding(folder, tokenizer.encode('').ids)

  return {
    encode(text) {
      const { ids } = tokenizer.encode(text.slice(0, MAX_CHARACTERS))
      return ids.length <= contextLength ? ids : [...ids.slice(0, contextLength - 1), endId]
    },
  }
}

function construct(folder: string, model: object, config: object): Tokenizer {
  try {
    return new Tokenizer(model, config)
  } catch (cause) {
    throw invalid(folder, `tokenizer.json cannot be used (${cause instanceof Error ? cause.message : cause})`, cause)
  }
}

/** The empty text shows which ids start and end every sequence. */
function expectEmptyEncoding(folder: string, ids: number[]): [number, number] {
  const [start, end] = ids
  if (ids.length !== 2 || start === undefined || end === undefined)
    throw invalid(folder, `the empty text gives ${JSON.stringify(ids)}, a start and an end token expected`)
  return [start, end]
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
    `The tokenizer of ${where} is unusable: ${found}. Check the files with \`models verify\`, fetch them again with \`models pull\`.`,
    { cause },
  )
}
