import { AppError } from '../domain/errors.js'
import type { VectorPages, VectorRepository, VectorSelection } from '../domain/ports/vectors/vector-repository.js'
import { VERSION } from '../version.js'
import type { ExportedFile, ExportFormat, ExportPlan } from './export-format.js'
import {
  assertContinues,
  CHOSEN,
  type ExportRequest,
  type ExportState,
  inspect,
  MANIFEST,
  type Manifest,
  STATE,
} from './export-state.js'
import { OpenShard } from './open-shard.js'
import { sha256OfBytes } from './shard-file.js'
import type { ExportTarget } from './target/export-target.js'

/** The photos of an export. */
export interface ChosenPhotos {
  /** Null: all that the conditions select. */
  ids: string[] | null
  /** Similarity to the query, in the order of the ids; null: there was none. */
  scores: number[] | null
}

export interface ExportJob {
  target: ExportTarget
  format: ExportFormat
  request: ExportRequest
  vectors: VectorRepository
  selection: Pick<VectorSelection, 'modelId' | 'filters'>
  /** Finds the photos. Called once per export, also where it is interrupted. */
  choose(): Promise<ChosenPhotos>
  plan(chosen: ChosenPhotos, photos: number): ExportPlan
  pages: Pick<VectorPages, 'columns' | 'withLabels'>
  shardBytes: number
  /** Replaces an export that is there already. */
  replace: boolean
  onProgress(done: number, photos: number): void
  /** What is done before the first shard, for people. */
  onPreparation(text: string): void
  signal: AbortSignal
}

/**
 * Exports the selected photos in the order of their ids, shard by shard:
 *
 *     written, under an unfinished name ── state names it as pending ── published ── state lists it as done
 *
 * The next start continues after the last photo of the shards that are done, so that no photo is left out or exported
 * twice. The manifest is the last file; with it the export is complete.
 * @throws AppError TARGET_NOT_EMPTY, TARGET_BUSY, EXPORT_DIFFERS, NOT_FOUND when no photo is selected; the reason of the
 * signal
 */
export async function runExport(job: ExportJob): Promise<Manifest> {
  const { target, format, vectors, signal } = job
  // Refuses before anything is written.
  await inspect(target)
  try {
    await target.open()
    const state = await begin(job)
    const chosen = await chosenPhotos(job, state)
    const selection = { ...job.selection, ...(chosen.ids === null ? {} : { ids: chosen.ids }) }
    const photos = await job.vectors.count(selection)
    if (photos === 0 && state.shards.length === 0) {
      await target.remove([STATE, CHOSEN])
      throw new AppError('NOT_FOUND', 'No photo matches, so there is nothing to export. Leave conditions out.')
    }
    const plan = job.plan(chosen, photos)
    await format.prepare?.(plan, {
      pages: vectors.read(selection, { pageSize: format.pageSize, signal }),
      onProgress: job.onPreparation,
      signal,
    })
    await writeShards(job, plan, state, selection)
    return await finish(job, plan, state)
  } finally {
    // The next start does not use what is unfinished.
    await target.close()
  }
}

/** The state to continue from; a new one where nothing is, or what is there is replaced. */
async function begin({ target, format, request, replace }: ExportJob): Promise<ExportState> {
  await target.discard()
  const found = await inspect(target)
  if (found.kind === 'complete' && !replace)
    throw new AppError(
      'TARGET_NOT_EMPTY',
      `${target.location} holds a complete export. Replace it with --replace, or name another place.`,
    )
  if (found.kind === 'unfinished' && !replace) {
    await assertContinues(target, found.state, request)
    if (format.prepare === undefined) return found.state
  }
  if (found.kind !== 'nothing') await target.remove(found.names)
  return { version: 1, request, shards: [], pending: [] }
}

async function chosenPhotos({ target, choose }: ExportJob, state: ExportState): Promise<ChosenPhotos> {
  const kept = await target.read(CHOSEN)
  if (kept !== null) return JSON.parse(String(kept)) as ChosenPhotos
  const chosen = await choose()
  if (chosen.ids === null || chosen.ids.length === 0) return chosen
  // First the state: it tells that the other files are of an export.
  await target.write(STATE, jsonBytes(state))
  await target.write(CHOSEN, jsonBytes(chosen))
  return chosen
}

async function writeShards(
  job: ExportJob,
  plan: ExportPlan,
  state: ExportState,
  selection: VectorSelection,
): Promise<void> {
  const { vectors, format, pages, signal } = job
  let done = state.shards.reduce((sum, { photos }) => sum + photos, 0)
  const after = state.shards.at(-1)?.lastId ?? ''
  job.onProgress(done, plan.photos)
  let shard: OpenShard | null = null
  try {
    for await (const page of vectors.read(selection, { ...pages, after, pageSize: format.pageSize, signal })) {
      shard ??= await OpenShard.open(job, plan, state.shards.length)
      await shard.add(page)
      done += page.ids.length
      job.onProgress(done, plan.photos)
      if (shard.isFull(job.shardBytes)) {
        await putInPlace(job.target, state, shard)
        shard = null
      }
    }
    if (shard !== null) await putInPlace(job.target, state, shard)
  } catch (error) {
    await shard?.abort()
    throw error
  }
}

async function putInPlace(target: ExportTarget, state: ExportState, open: OpenShard): Promise<void> {
  const shard = await open.complete()
  const paths = shard.files.map(({ path }) => path)
  await reserve(target, state, paths)
  for (const path of paths) await target.publish(path)
  state.shards.push(shard)
  state.pending = []
  await target.write(STATE, jsonBytes(state))
}

/** Notes names as those of this export before files get them. */
async function reserve(target: ExportTarget, state: ExportState, paths: readonly string[]): Promise<void> {
  const there = await target.list()
  const foreign = paths.find(path => there.has(path) && !state.pending.includes(path))
  if (foreign !== undefined)
    throw new AppError(
      'TARGET_NOT_EMPTY',
      `Expected no file ${foreign} in ${target.location}, found one that is not of this export. Move it away, and start the same command again.`,
    )
  state.pending = [...paths]
  await target.write(STATE, jsonBytes(state))
}

async function finish({ target, format, request }: ExportJob, plan: ExportPlan, state: ExportState): Promise<Manifest> {
  const { shards } = state
  const texts = format.describe?.(plan, shards) ?? []
  await reserve(
    target,
    state,
    texts.map(({ path }) => path),
  )
  const files: ExportedFile[] = []
  for (const { path, text } of texts) {
    const bytes = Buffer.from(text)
    await target.write(path, bytes)
    files.push({ path, bytes: bytes.length, sha256: sha256OfBytes(bytes) })
  }
  const photos = shards.reduce((sum, shard) => sum + shard.photos, 0)
  const manifest: Manifest = { version: 1, createdBy: `unsplash-clip ${VERSION}`, ...request, photos, shards, files }
  await target.write(MANIFEST, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`))
  await target.remove([STATE, CHOSEN])
  return manifest
}

const jsonBytes = (value: object): Buffer => Buffer.from(`${JSON.stringify(value)}\n`)
