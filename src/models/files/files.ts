import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, type CommandFailureCode } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { formatBytes } from '../../domain/text/format.js'
import { withFileLock } from '../../locks/file-lock.js'
import { makeFolder } from '../../make-folder.js'
import { describeFile, otherWays, placingAdvice } from '../catalog/advice.js'
import type { ModelFile } from '../catalog/entry.js'
import { localFolder, missingFile } from '../catalog/identity.js'
import {
  type HubModelSpec,
  isFromHub,
  isMade,
  isUnplaced,
  type LocalModelSpec,
  type ModelSpec,
} from '../catalog/registry.js'
import { DEFAULT_RETRY, download, isWriteFailure, partPath, type Retry, WrongContentError } from './download.js'
import { ensureMadeFiles } from './made-files.js'
import { type ModelSource, SourceError } from './source.js'
import { statOrNothing, VerifiedFiles } from './verified-files.js'

export interface FilesProgress {
  /**
   * `waiting`: another process, `pid`, is downloading or making the model. `making`: this one makes it from the files in
   * 32 bits.
   */
  readonly phase: 'downloading' | 'waiting' | 'making'
  /** Bytes of all files that were missing at the start. */
  readonly doneBytes: number
  readonly totalBytes: number
  readonly path?: string
  readonly pid?: number
}

export interface EnsureOptions {
  /** Folder of the downloaded models, with one folder per model. */
  readonly cacheDir: string
  readonly source: ModelSource
  /** Called often, for every chunk of a file. */
  readonly onProgress?: (progress: FilesProgress) => void
  readonly signal?: AbortSignal
  readonly retry?: Retry
}

/**
 * Returns the present or future folder of a model's files.
 * @throws AppError MODEL_NOT_FOUND for a model without a download whose folder the user has not named
 */
export function modelFolder(spec: ModelSpec, cacheDir: string): string {
  if (isUnplaced(spec)) throw new AppError('MODEL_NOT_FOUND', placingAdvice(spec))
  return isFromHub(spec) || isMade(spec) ? join(cacheDir, spec.name) : localFolder(spec)
}

/**
 * Ensures that the files of a model are present and correct, and downloads or makes missing ones. One process does, others
 * wait for it. Files in the folder are always complete and verified; unfinished ones are in `.partial`.
 * @returns the model's folder
 * @throws AppError MODEL_NOT_FOUND, MODEL_DOWNLOAD_FAILED, MODEL_DIGEST_MISMATCH or MODEL_DISK_FULL, each with the ways
 * to get the files by hand; the signal's reason
 */
export async function ensureModelFiles(spec: ModelSpec, options: EnsureOptions): Promise<string> {
  const folder = modelFolder(spec, options.cacheDir)
  const { signal, onProgress } = options
  const onWait = (pid: number) => onProgress?.({ phase: 'waiting', pid, doneBytes: 0, totalBytes: 0 })
  if (isMade(spec)) {
    const ensureSource = () => ensureModelFiles(spec.origin.from, options)
    const onMake = () => onProgress?.({ phase: 'making', doneBytes: 0, totalBytes: 0 })
    await ensureMadeFiles(spec, folder, { ensureSource, onWait, onMake, signal })
    return folder
  }
  if (!isFromHub(spec)) {
    await expectLocal(spec as LocalModelSpec, folder)
    return folder
  }
  try {
    if ((await missingFiles(spec, folder, signal)).length === 0) return folder
    makeFolder(folder)
    await withFileLock(join(folder, '.lock'), () => fetchMissing(spec, folder, options), { signal, onWait })
    return folder
  } catch (error) {
    signal?.throwIfAborted()
    throw error instanceof AppError ? error : unusable(spec, folder, error)
  }
}

async function expectLocal(spec: LocalModelSpec, folder: string): Promise<void> {
  for (const path of spec.origin.files)
    if (!(await statOrNothing(join(folder, path)))) throw missingFile(spec, folder, path)
}

/** Returns the files that are missing or have a wrong size or digest. */
async function missingFiles(spec: HubModelSpec, folder: string, signal?: AbortSignal): Promise<ModelFile[]> {
  const known = await VerifiedFiles.read(folder)
  const missing: ModelFile[] = []
  for (const file of spec.origin.files) if ((await known.state(file, signal)) !== 'verified') missing.push(file)
  return missing
}

function unusable(spec: HubModelSpec, folder: string, cause: unknown): AppError {
  return new AppError(
    'MODEL_DOWNLOAD_FAILED',
    `Expected the folder of ${modelKey(spec)}, ${folder}, to be readable and writable, found ${errorMessage(cause)}. ` +
      'Set UNSPLASH_CLIP_HOME to another folder.',
    { cause },
  )
}

async function fetchMissing(
  spec: HubModelSpec,
  folder: string,
  { source, onProgress, signal, retry = DEFAULT_RETRY }: EnsureOptions,
): Promise<void> {
  // Another process may have downloaded them while this one waited for the lock.
  const missing = await missingFiles(spec, folder, signal)
  const known = await VerifiedFiles.read(folder)
  const totalBytes = sum(missing)
  let before = 0
  for (const [index, file] of missing.entries()) {
    const left = missing.slice(index)
    await expectSpace(spec, left, folder)
    const onBytes = (bytes: number) =>
      onProgress?.({ phase: 'downloading', path: file.path, doneBytes: before + bytes, totalBytes })
    const job = {
      model: spec,
      file,
      source,
      target: join(folder, file.path),
      part: partPath(folder, file),
      signal,
      onBytes,
    }
    try {
      await download(job, retry)
    } catch (error) {
      signal?.throwIfAborted()
      throw await explain(error, spec, left, folder, source)
    }
    await known.add(file)
    before += file.bytes
  }
}

async function expectSpace(spec: HubModelSpec, files: readonly ModelFile[], folder: string): Promise<void> {
  let needed = sum(files)
  for (const file of files) needed -= (await statOrNothing(partPath(folder, file)))?.size ?? 0
  if (needed > (await freeBytes(folder))) throw await diskFull(spec, files, folder)
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

async function diskFull(
  spec: HubModelSpec,
  missing: readonly ModelFile[],
  folder: string,
  cause?: unknown,
): Promise<AppError> {
  const found = `${formatBytes(await freeBytes(folder), 1)} in ${folder}`
  return new AppError(
    'MODEL_DISK_FULL',
    `Expected ${formatBytes(sum(missing), 1)} of free space for ${describeFile(spec, missing[0]!)} and the files after it, found ${found}. ` +
      'Free some space, or set UNSPLASH_CLIP_HOME to a folder on another disk.\n' +
      otherWays(spec, missing, folder),
    { cause },
  )
}

/** Explains what went wrong, where, and what to do. @param missing files still to download, the failed one first */
async function explain(
  error: unknown,
  spec: HubModelSpec,
  missing: readonly ModelFile[],
  folder: string,
  source: ModelSource,
): Promise<unknown> {
  if (isWriteFailure(error)) return diskFull(spec, missing, folder, error)
  const file = missing[0]!
  const what = `${describeFile(spec, file)} from ${source.locate(spec, file)}`
  const app = (code: CommandFailureCode, message: string) =>
    new AppError(code, `${message}\n${otherWays(spec, missing, folder)}`, { cause: error })

  if (error instanceof WrongContentError)
    return app(
      'MODEL_DIGEST_MISMATCH',
      `Wrong content: ${what}: ${error.message}. The received bytes were removed.${spec.origin.added ? CHANGED_PIN : ''}`,
    )
  if (error instanceof SourceError && error.kind === 'missing')
    return app('MODEL_NOT_FOUND', `Expected ${what}, found nothing: ${error.message}.`)
  if (error instanceof SourceError && error.kind === 'interrupted')
    return app(
      'MODEL_DOWNLOAD_FAILED',
      `Could not fetch ${what}: ${error.message}. The next attempt resumes where this one stopped.`,
    )
  return app('MODEL_DOWNLOAD_FAILED', `Could not fetch ${what}: ${errorMessage(error)}.`)
}

const CHANGED_PIN =
  ' models.lock.json (setting MODELS_LOCK) pins the expected digest. If the change at the source is meant, replace the pin with `models add … --update` and embed the photos again; otherwise copy the pinned files from a machine that has them, or set MODEL_SOURCE.'

function sum(files: readonly ModelFile[]): number {
  return files.reduce((bytes, file) => bytes + file.bytes, 0)
}
