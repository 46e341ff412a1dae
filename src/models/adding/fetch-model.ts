import { join, posix } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import type { ModelEntry, PrecisionFiles } from '../catalog/entry.js'
import { addedModels, type LockedModel } from '../catalog/models-lock.js'
import { precisionOf } from '../graph/precision.js'
import type { ChosenFiles } from './choose-files.js'
import { deriveModel } from './derive-model.js'
import type { FileFetcher } from './fetch-files.js'
import { type Json, objectAt } from './json.js'
import { findLabelScale, type LabelScale, scoringOf, type Weights, weightsOf } from './label-scale.js'
import { measureDimension } from './measure.js'
import type { AddedModel, AddOptions } from './options.js'
import { type ModelSignature, readSignature } from './signature.js'
import { type Listing, placeOf } from './sources/repository.js'
import { openClipOf } from './text-input.js'
import { expectTextOutput, imageGraphOf, textGraphOf } from './towers.js'
import { tryModel } from './trial.js'

/** A model that was fetched, derived and tried. */
export interface Derived extends Pick<AddedModel, 'findings' | 'confirmed' | 'doubts'> {
  readonly model: LockedModel
}

/**
 * Fetches the files of a model, derives its model.json, and runs it.
 * @throws AppError as `addModel`
 */
export async function fetchAndDerive(
  options: AddOptions,
  listing: Listing,
  chosen: ChosenFiles,
  name: string,
  folder: string,
  fetcher: FileFetcher,
): Promise<Derived> {
  const { repository, fields } = options
  const { source } = repository
  const { config, openClipConfig, preprocessor } = chosen
  const jsons = {
    config: config && (await fetcher.json(config)),
    openClipConfig: openClipConfig && (await fetcher.json(openClipConfig)),
    preprocessor: preprocessor && { file: preprocessor.path, json: await fetcher.json(preprocessor) },
  }
  const vision = await fetchTower(chosen.vision, listing, fetcher, folder, source)
  const graph = imageGraphOf(chosen.vision.path, vision.signature)
  if (!graph)
    throw new AppError(
      'MODEL_INVALID',
      `${chosen.vision.path} of ${source}: expected an image tower, with an input of pixels [batch, 3, side, side], found ${vision.signature.inputs.map(one => one.name).join(', ')}. Name the towers: --vision PATH --text PATH.`,
    )
  const isOne = chosen.text?.path === chosen.vision.path
  const both = isOne ? textGraphOf(vision.signature) : undefined
  // A single file without an input of tokens embeds images only.
  const textFile = isOne && !both ? undefined : chosen.text
  if (!textFile && !options.imagesOnly) expectNoTexts(source, jsons.config, jsons.openClipConfig)
  const textTower = textFile && (isOne ? vision : await fetchTower(textFile, listing, fetcher, folder, source))
  const text = textTower && (both ?? textGraphOf(textTower.signature))
  if (textFile && textTower && !text)
    throw new AppError(
      'MODEL_INVALID',
      `${textFile.path} of ${source}: expected a text tower, with an input input_ids, found ${textTower.signature.inputs.map(one => one.name).join(', ')}. Name the towers: --vision PATH --text PATH.`,
    )
  if (textFile && textTower) expectTextOutput(textFile.path, textTower.signature)
  const tokenizer = textFile && (await fetchTokenizer(source, chosen, fetcher))
  const precision = options.precision ?? precisionFrom(join(folder, chosen.vision.path), chosen.precision)
  const files: PrecisionFiles = {
    vision: chosen.vision.path,
    ...(textFile ? { text: textFile.path } : {}),
    ...externals([vision, ...(textTower ? [textTower] : [])]),
  }
  const scale = await scaleOf(options, listing, name, jsons, textFile !== undefined)
  const { entry, findings, fill } = await deriveModel({
    ...jsons,
    ...tokenizer,
    source,
    name,
    title: repository.title,
    license: listing.license,
    vision: { signature: vision.signature, graph },
    text,
    scale,
    precision,
    files,
    fields,
    measure: (size, pooling) => measureDimension(join(folder, chosen.vision.path), vision.signature, size, pooling),
  })
  const lockedAs = (derived: ModelEntry): LockedModel => ({
    source,
    ...(listing.revision ? { revision: listing.revision } : {}),
    entry: derived,
    files: fetcher.pins,
  })
  const open = (derived: ModelEntry) =>
    options.openEncoder(addedModels(new Map([[name, lockedAs(derived)]]))[0]!, folder)
  const tried = await tryModel(entry, fill, open)
  return {
    model: lockedAs(tried.entry),
    findings,
    confirmed: tried.sentences,
    doubts: doubtsOf(scale, textFile !== undefined),
  }
}

/** A model with texts whose text tower was not exported would be added as one of images without a word. */
function expectNoTexts(source: string, config: Json | undefined, openClipConfig: Json | undefined): void {
  const isWithTexts = objectAt(config, 'text_config') ?? openClipOf(config, openClipConfig)
  if (!isWithTexts) return
  throw new AppError(
    'MODEL_INVALID',
    `${source}: its config.json describes a text tower, but there is no ONNX file of it. Export it too, or add the images alone: --images-only.`,
  )
}

function doubtsOf(scale: LabelScale, hasTexts: boolean): string[] {
  if (!hasTexts || scale.isOwn) return []
  return [
    `the scale of label scores: no weights with logit_scale are in reach, so ${scale.from} are used; searches do not depend on it`,
  ]
}

interface FetchedTower {
  readonly signature: ModelSignature
  /** Files of weights beside it, as paths of the source. */
  readonly external: readonly string[]
}

/** Fetches a tower and the files that hold its weights. */
async function fetchTower(
  file: ChosenFiles['vision'],
  listing: Listing,
  fetcher: FileFetcher,
  folder: string,
  source: string,
): Promise<FetchedTower> {
  await fetcher.fetch(file)
  let signature: ModelSignature
  try {
    signature = readSignature(join(folder, file.path))
  } catch (cause) {
    throw new AppError(
      'MODEL_INVALID',
      `${file.path} of ${source}: expected an ONNX model, found ${errorMessage(cause)}.`,
      { cause },
    )
  }
  const external: string[] = []
  for (const location of signature.external) {
    const path = posix.join(posix.dirname(file.path), location)
    const listed = posix.isAbsolute(location) ? undefined : listing.files.find(one => one.path === path)
    if (!listed)
      throw new AppError(
        'MODEL_INVALID',
        `${file.path} of ${source}: expected its weights in a file beside it, found ${JSON.stringify(location)}, which ${source} does not have. Export it again, or add the missing file.`,
      )
    await fetcher.fetch(listed)
    external.push(path)
  }
  return { signature, external }
}

function externals(towers: readonly FetchedTower[]): Pick<PrecisionFiles, 'others'> {
  const others = [...new Set(towers.flatMap(({ external }) => external))].sort()
  return others.length === 0 ? {} : { others }
}

async function fetchTokenizer(source: string, { tokenizer, tokenizerConfig }: ChosenFiles, fetcher: FileFetcher) {
  if (tokenizer && tokenizerConfig)
    return {
      tokenizerConfig: await fetcher.json(tokenizerConfig, 'tokenizer_config.json'),
      tokenizer: await fetcher.json(tokenizer, 'tokenizer.json'),
    }
  const missing = tokenizer ? 'tokenizer_config.json beside its tokenizer.json' : 'tokenizer.json'
  throw new AppError(
    'MODEL_INVALID',
    `${source}: expected the tokenizer of its text tower, found no ${missing}. Python makes both: transformers.AutoTokenizer.from_pretrained(MODEL).save_pretrained(FOLDER); put them beside a copy of its files and add that folder. Without texts: --images-only.`,
  )
}

/** A name without a precision may still be the one of a file in 16 or 8 bits. */
function precisionFrom(path: string, named: string | undefined): string {
  const found = precisionOf(path)
  return named === undefined || (named === 'fp32' && found !== undefined) ? (found ?? 'fp32') : named
}

async function scaleOf(
  { repository, baseOf, signal, fields }: AddOptions,
  listing: Listing,
  name: string,
  { config, openClipConfig }: { readonly config?: Json; readonly openClipConfig?: Json },
  hasTexts: boolean,
): Promise<LabelScale> {
  const scoring = scoringOf(config, openClipConfig)
  const isStated = Object.hasOwn(fields, 'logitScale') && Object.hasOwn(fields, 'logitBias')
  const none = async () => undefined
  const find = async (): Promise<Weights | undefined> => {
    const own = weightsOf(listing)
    if (own) return { source: repository.files, model: placeOf(name, repository, listing), file: own, title: own.path }
    if (listing.base === undefined || !baseOf || !/^[\w.-]+\/[\w.-]+$/.test(listing.base)) return undefined
    try {
      const base = baseOf(listing.base)
      const other = await base.list(signal)
      const file = weightsOf(other)
      return (
        file && {
          source: base.files,
          model: placeOf(name, base, other),
          file,
          title: `${file.path} of ${listing.base}`,
        }
      )
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof AppError) return undefined
      throw error
    }
  }
  const scale = await findLabelScale(scoring, hasTexts && !isStated ? find : none, signal)
  return isStated ? { ...scale, from: 'the stated fields', isOwn: true } : scale
}
