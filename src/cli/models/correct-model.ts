import { AppError } from '../../domain/errors.js'
import type { CutOff, ReferenceProgress, ReferenceSet } from '../../domain/ports/references/reference-repository.js'
import { formatCount, formatDuration, formatQuantity } from '../../domain/text/format.js'
import { REFERENCE_TEXTS } from '../../domain/text/reference-texts.js'
import { requireTextTower } from '../../domain/text-tower.js'
import type { SearchModel } from '../../search/search-model.js'
import { distinctPrompts } from '../../search/stored-prompts.js'
import type { Context } from '../context.js'
import { chooseModel, openTextEncoder } from '../open-search.js'
import { readLineFile } from '../options/line-file.js'
import { Progress } from '../print/progress.js'

export interface CorrectOptions {
  k?: number
  weight?: number
  references?: string
  off?: boolean
}

const DEFAULT_K = 32
const DEFAULT_WEIGHT = 0.75
/** Texts embedded together. */
const AT_ONCE = 50

/** The `models correct` command. @returns exit code */
export async function correctModel(context: Context, options: CorrectOptions): Promise<number> {
  if (options.off) return dropCorrection(context, options)
  const { app, out, signal } = context
  const given = options.references === undefined ? null : await readReferences(options.references)
  const model = await chooseModel(context)
  const { references } = await app.repositories()
  const known = await references.find(model.id)
  const wanted = {
    texts: given ?? known?.texts ?? REFERENCE_TEXTS,
    k: options.k ?? (given === null ? known?.k : undefined) ?? DEFAULT_K,
  }
  if (known === null || !isSame(known, wanted)) {
    requireTextTower(model.spec, 'embed reference texts', 'Name a model with a text tower: models correct NAME.')
    const encoder = await openTextEncoder(context, model)
    await references.define(model.id, wanted, await embedAll(wanted.texts, encoder.encodeTexts.bind(encoder), signal))
  }

  const before = (await references.progress(model.id))!
  const { compared, seconds } = await compare(context, model, before, references, options)
  const { weight: former, knownTexts, cutOff } = (await references.progress(model.id))!
  const weight = options.weight ?? (former > 0 ? former : DEFAULT_WEIGHT)
  await references.useWeight(model.id, weight)
  const rate = seconds > 0 ? Math.round(compared / seconds) : 0
  out.result(
    {
      model: model.key,
      references: wanted.texts.length,
      known_references: knownTexts,
      k: wanted.k,
      weight,
      photos: before.photos,
      compared,
      seconds,
      cut_off: cutOff,
    },
    `${formatQuantity(compared, 'photo')} of ${formatCount(before.photos)} compared with ${formatQuantity(wanted.texts.length, 'text')} in ${formatDuration(seconds)}${compared > 0 ? `, ${formatCount(rate)} per second` : ''}.\n${unknown(wanted.texts.length - knownTexts)}${outcome(model.key, weight)}\n${ending(model.key, cutOff)}`,
  )
  return 0
}

const outcome = (key: string, weight: number): string =>
  weight > 0
    ? `Searches of ${key} by words are now ordered by score less ${weight} × the similarity to these texts. Scores stay cosine similarities; search --correction-weight 0 shows the order by score.`
    : `Searches of ${key} are ordered by score; search --correction-weight 0.75 shows a corrected order.`

const unknown = (texts: number): string =>
  texts === 0
    ? ''
    : `${formatQuantity(texts, 'text')} ${texts === 1 ? 'means' : 'mean'} nothing to the model: it cannot tell ${texts === 1 ? 'it' : 'them'} from ten others. No photo shows such words.\n`

/** What `search --relevant` does now. */
function ending(key: string, cutOff: CutOff | null): string {
  if (cutOff === null)
    return 'No photo is embedded yet, so search --relevant has no cut-off. Run this command again then.'
  const { by, judged, precision, recall } = cutOff
  if (by === 'none')
    return `search --relevant does not work with ${key} here: no cut-off tells photos that show a text from others. Other texts may: --references FILE.`
  const agreement =
    precision === null || recall === null
      ? 'Descriptions of photos name too few of the texts to say how well.'
      : `Of the photos that it finds for ${formatQuantity(judged, 'text')}, descriptions confirm ${percent(precision)}, and it finds ${percent(recall)} of those that descriptions name.`
  const source =
    by === 'deviations'
      ? 'three standard deviations above the similarity to other texts'
      : 'as descriptions of the photos say'
  return `search --relevant ends its lists ${source}. ${agreement}`
}

const percent = (share: number): string => `${Math.round(100 * share)} %`

async function compare(
  { signal }: Context,
  { id: modelId, key }: SearchModel,
  before: ReferenceProgress,
  references: Awaited<ReturnType<Context['app']['repositories']>>['references'],
  { weight }: CorrectOptions,
): Promise<{ compared: number; seconds: number }> {
  const progress = new Progress('compare')
  const show = (compared: number) =>
    progress.update({ total: before.photos, done: before.compared + compared, failed: 0 })
  const compared = await references.compare(modelId, show, signal).catch(async error => {
    progress.end()
    if (!signal.aborted) throw error
    const reached = (await references.progress(modelId)) ?? before
    throw new AppError('INTERRUPTED', stopped(reached, key, weight))
  })
  return { compared, seconds: progress.end() }
}

/** What an interrupted command says: texts and k are stored by then, the weight is not. */
export function stopped(
  { compared, photos }: Pick<ReferenceProgress, 'compared' | 'photos'>,
  key: string,
  weight?: number,
): string {
  return `Stopped after ${formatCount(compared)} of ${formatQuantity(photos, 'photo')}. Until the last one is compared, searches are as before. To continue: unsplash-clip models correct ${key}${weight === undefined ? '' : ` --weight ${weight}`}`
}

/** @throws AppError INPUT_NOT_FOUND, USAGE for a file without texts */
async function readReferences(file: string): Promise<string[]> {
  const lines = await readLineFile(file, '--references expects a file with one text per line')
  const texts = distinctPrompts(lines).filter(text => text !== '')
  if (texts.length === 0)
    throw new AppError(
      'USAGE',
      `--references expects a file with one text per line, found no text in ${JSON.stringify(file)}`,
    )
  return texts
}

const isSame = (one: ReferenceSet, other: ReferenceSet): boolean =>
  one.k === other.k && one.texts.length === other.texts.length && one.texts.every((text, i) => text === other.texts[i])

async function embedAll(
  texts: readonly string[],
  encode: (texts: readonly string[]) => Promise<Float32Array[]>,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const progress = new Progress('embed texts')
  const embeddings: Float32Array[] = []
  try {
    for (let first = 0; first < texts.length; first += AT_ONCE) {
      signal.throwIfAborted()
      embeddings.push(...(await encode(texts.slice(first, first + AT_ONCE))))
      progress.update({ total: texts.length, done: embeddings.length, failed: 0 })
    }
  } finally {
    progress.end()
  }
  return embeddings
}

/** `--off` */
async function dropCorrection(context: Context, options: CorrectOptions): Promise<number> {
  for (const [name, value] of Object.entries({
    '--k': options.k,
    '--weight': options.weight,
    '--references': options.references,
  }))
    if (value !== undefined) throw new AppError('USAGE', `--off removes the correction, found ${name}, too`)
  const { app, out } = context
  const model = await chooseModel(context)
  const { references } = await app.repositories()
  const dropped = await references.drop(model.id)
  out.result(
    { model: model.key, dropped },
    dropped
      ? `The reference texts of ${model.key} are removed. Searches are ordered by score.`
      : `${model.key} has no reference texts. Searches are ordered by score.`,
  )
  return 0
}
