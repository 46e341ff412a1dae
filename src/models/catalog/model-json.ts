import { z } from 'zod'
import type { ModelEntry } from './entry.js'

/** Returns a schema for a leaf whose message names the expected value. */
function leaf<T>(expected: string, isRight: (value: unknown) => boolean) {
  return z.custom<T>(isRight, { error: expected })
}

const whole = (min: number, max: number) =>
  leaf<number>(`a whole number, ${min} to ${max}`, value => isBetween(value, min, max) && Number.isInteger(value))
const line = leaf<string>('a text of one line', value => typeof value === 'string' && /^[^\p{Cc}]{1,300}$/u.test(value))
const name = leaf<string>(
  'small letters, digits, "-", "_" and "."',
  value => typeof value === 'string' && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(value),
)
/** A path of a file of a model: relative, with `/`, and never out of its folder. */
export const modelPath = leaf<string>(
  'a path inside the folder, such as "onnx/vision_model.onnx"',
  value => typeof value === 'string' && /^[^\0/\\]+(\/[^\0/\\]+)*$/.test(value) && !value.split('/').includes('..'),
)
/** The same, without names that this program uses itself, such as `.partial`. */
export const fetchedPath = leaf<string>(
  'a path without names that begin with a dot, such as "onnx/vision_model.onnx"',
  value =>
    typeof value === 'string' &&
    value.length <= 300 &&
    /^[^\p{Cc}/\\.][^\p{Cc}/\\]*(\/[^\p{Cc}/\\.][^\p{Cc}/\\]*)*$/u.test(value),
)
const threeOf = (expected: string, isRight: (value: unknown) => boolean) =>
  leaf<[number, number, number]>(
    `three numbers ${expected}, for red, green and blue`,
    value => Array.isArray(value) && value.length === 3 && value.every(isRight),
  )
const trueOrFalse = leaf<boolean>('true or false', isOneOf(true, false))
const isPositive = (value: unknown) => isBetween(value, Number.MIN_VALUE, 1e6)
/** An object that has no other fields. */
export const object = <S extends z.ZodRawShape>(shape: S) =>
  z.strictObject(shape, {
    error: issue =>
      issue.code === 'unrecognized_keys' ? `no fields but ${Object.keys(shape).join(', ')}` : 'an object',
  })

const MODEL_JSON = object({
  name,
  title: line.optional(),
  license: line.optional(),
  note: line.optional(),
  // The limit of a pgvector column.
  dimension: whole(1, 16_000),
  input: object({
    size: whole(1, 2048),
    fit: leaf<'crop' | 'squash'>('"crop" or "squash"', isOneOf('crop', 'squash')),
    cropShare: leaf<number>('a number above 0, at most 1', value => isPositive(value) && Number(value) <= 1),
    kernel: leaf<'bicubic' | 'bilinear'>('"bicubic" or "bilinear"', isOneOf('bicubic', 'bilinear')),
  }),
  mean: threeOf('from 0 to 1', value => isBetween(value, 0, 1)),
  std: threeOf('above 0', isPositive),
  pooling: leaf<'first'>('"first"', isOneOf('first')).optional(),
  text: object({
    contextLength: whole(2, 4096),
    padId: whole(0, 2 ** 31 - 1).optional(),
    clean: leaf<'openai'>('"openai"', isOneOf('openai')).optional(),
    lowerCase: trueOrFalse.optional(),
    dropPunctuation: trueOrFalse.optional(),
  }).optional(),
  scoring: leaf<'softmax' | 'sigmoid'>('"softmax" or "sigmoid"', isOneOf('softmax', 'sigmoid')),
  logitScale: leaf<number>('a number above 0, at most 1000000', isPositive),
  logitBias: leaf<number>('a number, from -1000000 to 1000000', value => isBetween(value, -1e6, 1e6)),
  defaultPrecision: name,
  precisions: z.record(
    name,
    object({
      vision: modelPath,
      text: modelPath.optional(),
      others: z.array(modelPath, { error: 'a list of paths' }).optional(),
    }),
    { error: 'an object with one field per precision, such as "fp32"' },
  ),
})

/**
 * Parses a registry entry.
 * @param json contents of a `model.json`
 * @returns the entry, or its faults, one text per fault: the field, the expected and the found value
 */
export function parseModelJson(json: unknown): { entry: ModelEntry } | { faults: string[] } {
  const parsed = MODEL_JSON.safeParse(json)
  if (!parsed.success) return { faults: parsed.error.issues.map(issue => describeIssue(issue, json)) }
  const { title = parsed.data.name, license = 'not stated', ...rest } = parsed.data
  const entry = { ...rest, title, license }
  const faults = contradictions(entry)
  return faults.length > 0 ? { faults } : { entry }
}

function contradictions({ text, precisions, defaultPrecision }: ModelEntry): string[] {
  const known = Object.keys(precisions)
  if (known.length === 0) return ['precisions: expected at least one, such as "fp32", found none']
  const faults = known.includes(defaultPrecision)
    ? []
    : [`defaultPrecision: expected one of the precisions ${known.join(', ')}, found ${defaultPrecision}`]
  for (const [precision, files] of Object.entries(precisions)) {
    const where = `precisions.${precision}.text`
    if (text && files.text === undefined)
      faults.push(`${where}: expected the file of the text tower, because the model has the field text, found nothing`)
    if (!text && files.text !== undefined)
      faults.push(
        `${where}: expected nothing, because the model has no field text, found ${JSON.stringify(files.text)}`,
      )
  }
  return faults
}

/** Says which field is wrong, what was expected and what was found. */
export function describeIssue(issue: z.core.$ZodIssue, json: unknown): string {
  const where = issue.path.join('.') || 'the file'
  if (issue.code === 'unrecognized_keys') return `${where}: expected ${issue.message}, found ${issue.keys.join(', ')}`
  const expected = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
  return `${where}: expected ${expected}, found ${quoteShort(at(json, issue.path))}`
}

function at(json: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], json)
}

const SHOWN_CHARACTERS = 100

function quoteShort(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`
}

function isBetween(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && value >= min && value <= max
}

function isOneOf(...allowed: unknown[]) {
  return (value: unknown) => allowed.includes(value)
}
