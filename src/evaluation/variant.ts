import { AppError } from '../domain/errors.js'
import { MAX_EF_SEARCH, MAX_LISTS } from '../domain/indexes/index-plan.js'

/** How a variant finds its candidates. `tuned`: as searches do; without an effort the tuned one. */
export type IndexChoice = 'tuned' | 'exact' | { method: 'hnsw' | 'ivfflat'; effort?: number }

/** One way to search, as it is written. */
export interface VariantSpec {
  /** Its settings as they were written; `plain` without any. */
  name: string
  /** Undefined: the model of the command. */
  model?: string
  index: IndexChoice
  /** Weights of the meaning and of the words themselves, as in hybrid search; null: by meaning only. */
  hybrid: { vectorWeight: number; textWeight: number } | null
  /** Weight of a correction of hubs: of the stored one, or with `k` of one that is tried. */
  correction?: number
  /** Nearest reference texts of a correction that is tried. */
  k?: number
}

const SYNTAX =
  '--variant expects settings such as "hybrid=0.3 index=hnsw:100": model=NAME, index=tuned|exact|hnsw[:EF]|ivfflat[:PROBES], hybrid=WEIGHT|words, correction=WEIGHT, k=K; several values of one, with commas between them, make several variants'
const MOST_VARIANTS = 40
const MOST_WEIGHT = 1000
/** As in searches. */
const MOST_CORRECTION = 2
const MOST_TEXTS = 1000

/**
 * Reads `--variant` options. Each holds settings with blanks between them; a setting with several values multiplies the
 * variant. Without any there is one variant: search as it is.
 * @throws AppError USAGE
 */
export function parseVariants(texts: readonly string[]): VariantSpec[] {
  const written = texts.length === 0 ? [''] : texts
  const variants = written.flatMap(text => combinations(text).map(variantOf))
  if (variants.length > MOST_VARIANTS)
    throw new AppError('USAGE', `--variant expects at most ${MOST_VARIANTS} variants, found ${variants.length}`)
  const names = variants.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new AppError('USAGE', `--variant: two variants are the same: ${twice}`)
  return variants
}

type Setting = readonly [name: string, value: string]

/** `a=1,2 b=3` → a=1 b=3; a=2 b=3. */
function combinations(text: string): Setting[][] {
  const settings = text.split(/\s+/).filter(each => each !== '' && each !== 'plain')
  let made: Setting[][] = [[]]
  const names = new Set<string>()
  for (const setting of settings) {
    const equals = setting.indexOf('=')
    const name = setting.slice(0, Math.max(equals, 0))
    const values = setting.slice(equals + 1).split(',')
    if (equals <= 0 || values.includes('')) throw usage(setting)
    if (names.has(name)) throw new AppError('USAGE', `--variant: ${name} is set twice in ${JSON.stringify(text)}`)
    names.add(name)
    made = made.flatMap(before => values.map((value): Setting[] => [...before, [name, value]]))
    if (made.length > MOST_VARIANTS)
      throw new AppError('USAGE', `--variant expects at most ${MOST_VARIANTS} variants, found more in ${text}`)
  }
  return made
}

function variantOf(settings: readonly Setting[]): VariantSpec {
  const name = settings.map(setting => setting.join('=')).join(' ') || 'plain'
  const variant: VariantSpec = { name, index: 'tuned', hybrid: null }
  for (const [setting, value] of settings)
    if (setting === 'model') variant.model = value
    else if (setting === 'index') variant.index = indexOf(value)
    else if (setting === 'hybrid') variant.hybrid = hybridOf(value)
    else if (setting === 'correction') variant.correction = numberOf(setting, value, 0, MOST_CORRECTION)
    else if (setting === 'k') variant.k = wholeOf(setting, value, MOST_TEXTS)
    else throw usage(`${setting}=${value}`)
  requireTriable(variant)
  return variant
}

/** A tried correction is computed for all photos, without the search. */
function requireTriable({ name, k, correction, hybrid, index }: VariantSpec): void {
  if (k === undefined) return
  if (correction !== undefined && hybrid === null && typeof index === 'string') return
  throw new AppError(
    'USAGE',
    `--variant: k=K tries a correction by comparing all photos, so it expects correction=WEIGHT, and neither an index nor hybrid; found ${JSON.stringify(name)}`,
  )
}

function indexOf(value: string): IndexChoice {
  if (value === 'tuned' || value === 'exact') return value
  const [, method, effort] = /^(hnsw|ivfflat)(?::(.*))?$/.exec(value) ?? []
  if (method !== 'hnsw' && method !== 'ivfflat') throw usage(`index=${value}`)
  if (effort === undefined) return { method }
  return { method, effort: wholeOf(`index=${method}`, effort, method === 'hnsw' ? MAX_EF_SEARCH : MAX_LISTS) }
}

function hybridOf(value: string): VariantSpec['hybrid'] {
  if (value === 'words') return { vectorWeight: 0, textWeight: 1 }
  const textWeight = numberOf('hybrid', value, 0, MOST_WEIGHT)
  return textWeight === 0 ? null : { vectorWeight: 1, textWeight }
}

function numberOf(setting: string, value: string, least: number, most: number): number {
  const number = Number(value)
  if (/^\d+(\.\d+)?$/.test(value) && number >= least && number <= most) return number
  throw new AppError(
    'USAGE',
    `--variant: ${setting} expects a number from ${least} to ${most}, found ${JSON.stringify(value.slice(0, 80))}`,
  )
}

function wholeOf(setting: string, value: string, most: number): number {
  const number = numberOf(setting, value, 1, most)
  if (Number.isInteger(number)) return number
  throw new AppError('USAGE', `--variant: ${setting} expects a whole number from 1 to ${most}, found ${value}`)
}

function usage(found: string): AppError {
  return new AppError('USAGE', `${SYNTAX}; found ${JSON.stringify(found.slice(0, 80))}`)
}
