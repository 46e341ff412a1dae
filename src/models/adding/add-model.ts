import { readdir, rm, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { AppError } from '../../domain/errors.js'
import type { Encoder } from '../../domain/ports/encoder.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { withFileLock } from '../../locks/file-lock.js'
import { makeFolder } from '../../make-folder.js'
import { filesOf, type ModelEntry, type ModelFile, type PrecisionFiles } from '../catalog/entry.js'
import { addedModels, type LockedModel, readModelsLock } from '../catalog/models-lock.js'
import { MODELS, type ModelSpec } from '../catalog/registry.js'
import { VerifiedFiles } from '../files/verified-files.js'
import { precisionOf } from '../graph/precision.js'
import { type Choice, type ChosenFiles, chooseFiles } from './choose-files.js'
import { deriveModel, type Finding } from './derive-model.js'
import { FileFetcher, isWithin } from './fetch-files.js'
import { type Json, objectAt } from './json.js'
import { findLabelScale, type LabelScale, scoringOf, type Weights, weightsOf } from './label-scale.js'
import { changeModelsLock } from './lock-store.js'
import { measureDimension } from './measure.js'
import { type Listing, placeOf, type Repository } from './repository.js'
import { type ModelSignature, readSignature } from './signature.js'
import { openClipOf } from './text-input.js'
import { expectTextOutput, imageGraphOf, textGraphOf } from './towers.js'
import { tryModel } from './trial.js'

export interface AddOptions extends Choice {
  readonly repository: Repository
  /** Opens the repository that the files were made of, for two numbers of its weights. */
  readonly baseOf?: (repository: string) => Repository
  /** Default: made of the source's. */
  readonly name?: string
  /** Whether a model of this name from another revision or source gives way. */
  readonly update?: boolean
  /** Fields of model.json that count before derived ones. */
  readonly fields: Json
  readonly maxBytes: number
  /** Folder of the models. */
  readonly cacheDir: string
  /** Path of models.lock.json. */
  readonly lock: string
  readonly openEncoder: (spec: ModelSpec, folder: string) => Promise<Encoder>
  readonly onProgress?: (path: string, doneBytes: number, totalBytes: number) => void
  readonly signal: AbortSignal
}

export interface AddedModel {
  readonly name: string
  readonly precision: string
  readonly source: string
  readonly revision?: string
  readonly folder: string
  readonly entry: ModelEntry
  readonly files: readonly ModelFile[]
  readonly findings: readonly Finding[]
  /** What runs of the towers showed, one sentence each. */
  readonly confirmed: readonly string[]
  /** What could not be confirmed, one sentence each. */
  readonly doubts: readonly string[]
}

/**
 * Adds a model: chooses and fetches its files, derives model.json, pins every digest in models.lock.json. Whether it
 * understands anything, its self-test says afterwards.
 * @throws AppError USAGE, MODEL_INVALID with what is missing; MODEL_DIGEST_MISMATCH when a pinned file has changed; and
 * those of the source
 */
export async function addModel(options: AddOptions): Promise<AddedModel> {
  const { repository, signal, cacheDir, lock } = options
  const listing = await repository.list(signal)
  const chosen = chooseFiles(repository.source, listing, options)
  const name = nameOf(options, listing)
  const folder = join(cacheDir, name)
  const before = expectFree(name, options, listing)
  if (repository.source.startsWith('/')) await expectOutside(repository.source, cacheDir)
  await expectOwn(name, folder, before)
  makeFolder(folder)
  return withFileLock(
    join(folder, '.lock'),
    async () => {
      const isSame = before?.source === repository.source && before.revision === listing.revision
      const fetcher = new FileFetcher({
        ...options,
        listing,
        name,
        folder,
        pinned: isSame && !options.update ? before : undefined,
      })
      const { model, ...found } = await fetchAndDerive(options, listing, chosen, name, folder, fetcher)
      const { source, revision } = model
      const merged = isSame && before ? merge(before, model, options.update ?? false) : model
      await changeModelsLock(lock, models => new Map(models).set(name, merged), signal)
      await writeFile(join(folder, 'model.json'), `${JSON.stringify(merged.entry, null, 2)}\n`)
      const stale = (before?.files ?? []).filter(({ path }) => !merged.files.some(file => file.path === path))
      for (const { path } of stale) await rm(join(folder, path), { force: true })
      const precision = model.entry.defaultPrecision
      return { name, precision, source, revision, folder, entry: model.entry, files: model.files, ...found }
    },
    { signal },
  )
}

interface Derived extends Pick<AddedModel, 'findings' | 'confirmed' | 'doubts'> {
  readonly model: LockedModel
}

async function fetchAndDerive(
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
    doubts: doubtsOf(scale, textFile !== undefined, isOne && both !== undefined),
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

function doubtsOf(scale: LabelScale, hasTexts: boolean, isOne: boolean): string[] {
  return [
    ...(hasTexts && !scale.isOwn
      ? [
          `the scale of label scores: no weights with logit_scale are in reach, so ${scale.from} are used; searches do not depend on it`,
        ]
      : []),
    ...(isOne
      ? [
          'the cost of a query: one file has both towers, so every text also computes a blank picture; separate towers are faster',
        ]
      : []),
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

/** The name of a model: small letters, digits, `-`, `_` and `.`. */
function nameOf({ name, repository }: AddOptions, { files }: Listing): string {
  const made = repository.title
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 64)
  const found = name ?? made
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(found)) return found
  throw new AppError(
    'USAGE',
    `--name expects small letters, digits, "-", "_" and ".", found ${JSON.stringify(found)}${name === undefined ? `, made of ${repository.source} (${files.length} files)` : ''}.`,
  )
}

/**
 * Returns what the lock file has under the name.
 * @throws AppError USAGE when the name belongs to another model
 */
function expectFree(
  name: string,
  { repository, lock, update = false }: AddOptions,
  { revision }: Listing,
): LockedModel | undefined {
  if (MODELS.some(model => model.name === name))
    throw new AppError('USAGE', `${name} is a model of this program. Choose another name: --name NAME.`)
  const locked = readModelsLock(lock).get(name)
  if (!locked || update) return locked
  if (locked.source !== repository.source)
    throw new AppError(
      'USAGE',
      `${name} is already added from ${locked.source}. Choose another name with --name, or replace it with --update.`,
    )
  if (locked.revision !== revision)
    throw new AppError(
      'USAGE',
      `${name} is already added at revision ${locked.revision}; ${repository.source} is now at ${revision}. Keep it (add ${repository.source}@${locked.revision}), or replace it with --update: photos must then be embedded again.`,
    )
  return locked
}

/** `models remove` would delete the files. */
async function expectOutside(folder: string, cacheDir: string): Promise<void> {
  if (!(await isWithin(folder, cacheDir))) return
  throw new AppError(
    'USAGE',
    `models add expects a folder outside of ${cacheDir}, where this program keeps its own copies, found ${folder}.`,
  )
}

/** Files of the user are not overwritten: only those that an earlier attempt fetched. */
async function expectOwn(name: string, folder: string, locked: LockedModel | undefined): Promise<void> {
  if (locked) return
  let entries: string[]
  try {
    entries = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter(entry => entry.isFile())
      .map(entry => posix.join(entry.parentPath, entry.name).slice(folder.length + 1))
  } catch {
    return
  }
  const known = await VerifiedFiles.read(folder)
  const foreign = entries.find(path => !path.startsWith('.') && path !== 'model.json' && !known.knows(path))
  if (foreign !== undefined)
    throw new AppError(
      'TARGET_NOT_EMPTY',
      `${folder} has a file that models add did not fetch: ${foreign}. Move it away, or choose another name: --name NAME (now ${name}).`,
    )
}

/** Another precision of a model joins those that it has. */
function merge(before: LockedModel, added: LockedModel, isUpdate: boolean): LockedModel {
  const precision = added.entry.defaultPrecision
  const others = Object.entries(before.entry.precisions).filter(([name]) => name !== precision)
  if (others.length === 0 || isUpdate) return added
  const entry = {
    ...added.entry,
    defaultPrecision: before.entry.defaultPrecision,
    precisions: { ...Object.fromEntries(others), ...added.entry.precisions },
  }
  const needed = new Set(others.flatMap(([name]) => filesOf(before.entry, name)))
  const kept = before.files.filter(({ path }) => needed.has(path) && !added.files.some(file => file.path === path))
  return { ...added, entry, files: [...added.files, ...kept].sort((a, b) => (a.path < b.path ? -1 : 1)) }
}
