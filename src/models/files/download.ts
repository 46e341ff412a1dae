import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { backoffMs } from '../../domain/backoff.js'
import type { ModelFile } from '../catalog/entry.js'
import { sha256OfFile, updateFromFile } from './digest.js'
import { type FetchedModel, type ModelSource, type OpenedFile, SourceError } from './source.js'
import { statOrNothing } from './verified-files.js'

export interface Retry {
  /** Attempts on a connection that keeps breaking. Received bytes reset the count. */
  readonly attempts: number
  /** Delay before the second attempt. It doubles with each attempt. */
  readonly firstMs: number
}

export const DEFAULT_RETRY: Retry = { attempts: 5, firstMs: 500 }

/** The received content differs from the file in the registry. */
export class WrongContentError extends Error {
  override readonly name = 'WrongContentError'
  constructor(
    readonly expected: string,
    readonly found: string,
  ) {
    super(`expected ${expected}, found ${found}`)
  }
}

interface Download {
  readonly model: FetchedModel
  readonly file: ModelFile
  readonly source: ModelSource
  /** Whether `file.sha256` only names the partial file, because nobody knows the digest yet. */
  readonly unpinned?: boolean
  /** Place of the verified file. */
  readonly target: string
  readonly part: string
  readonly signal?: AbortSignal
  /** Receives the number of bytes of the file that are here. */
  readonly onBytes?: (bytes: number) => void
}

/** Returns the path of the partial file. It contains the digest, so a download can resume from any source. */
export function partPath(folder: string, file: ModelFile): string {
  return join(folder, '.partial', `${basename(file.path)}.${file.sha256.slice(0, 12)}.part`)
}

/**
 * Downloads one file into a partial file, which resumes an earlier attempt. Renames it to its place when its digest is
 * right, and removes it when its content is wrong.
 * @returns its digest
 * @throws SourceError, WrongContentError, or the system's error of a failed write
 */
export async function download(job: Download, { attempts, firstMs }: Retry = DEFAULT_RETRY): Promise<string> {
  await mkdir(dirname(job.part), { recursive: true })
  await mkdir(dirname(job.target), { recursive: true })
  let failures = 0
  let size = await partSize(job)
  let farthest = size
  const resumed = size > 0
  let startedAgain = false
  for (;;) {
    try {
      return await fetchRest(job, size)
    } catch (error) {
      job.signal?.throwIfAborted()
      size = await partSize(job)
      if (error instanceof WrongContentError) {
        await rm(job.part, { force: true })
        // The start may come from an earlier, broken state of the source, so the whole file gets one more attempt.
        if (!resumed || startedAgain) throw error
        startedAgain = true
        size = 0
        continue
      }
      if (isWriteFailure(error)) await rm(job.part, { force: true })
      failures = size > farthest ? 1 : failures + 1
      farthest = Math.max(farthest, size)
      if (!mayPass(error, size > 0) || failures >= attempts) throw error
      await setTimeout(backoffMs(failures - 1, { firstMs }), undefined, { signal: job.signal })
    }
  }
}

/** Returns whether a retry can help: not without a network at the start, but after a connection was lost later. */
function mayPass(error: unknown, begun: boolean): boolean {
  return error instanceof SourceError && (error.kind === 'interrupted' || (error.kind === 'unreachable' && begun))
}

/** Returns whether a write failed for lack of space. The partial file is then useless, and its bytes are needed. */
export function isWriteFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

async function partSize({ part, file }: Download): Promise<number> {
  const size = (await statOrNothing(part))?.size ?? 0
  if (size <= file.bytes) return size
  await rm(part)
  return 0
}

/** Completes the partial file, checks it, and moves it to its place. */
async function fetchRest(job: Download, size: number): Promise<string> {
  const { file, part, target, signal } = job
  // Of an empty file there is no part yet.
  const isHere = size >= file.bytes && size > 0
  const sha256 = isHere ? await sha256OfFile(part, { signal }) : await receive(job, size)
  if (!job.unpinned && sha256 !== file.sha256)
    throw new WrongContentError(`SHA-256 ${file.sha256}`, `SHA-256 ${sha256}`)
  await rename(part, target)
  return sha256
}

/** Receives the rest of the file. @returns the digest of the whole partial file on the disk */
async function receive(job: Download, size: number): Promise<string> {
  const { model, file, part, source, signal } = job
  const hash = createHash('sha256')
  const opened = await source.open(model, file, size, signal)
  try {
    if (opened.totalBytes !== undefined && opened.totalBytes !== file.bytes)
      throw new WrongContentError(`${file.bytes} bytes`, `${opened.totalBytes} bytes`)
    if (opened.start !== 0 && opened.start !== size)
      throw new SourceError('refused', `expected the content from byte ${size}, found it from byte ${opened.start}`)
    if (opened.start > 0) await updateFromFile(hash, part, { signal })
    const handle = await open(part, opened.start > 0 ? 'a' : 'w')
    try {
      await append(job, opened, handle, hash)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } finally {
    await opened.close()
  }
  return hash.digest('hex')
}

async function append(
  { file, signal, onBytes }: Download,
  opened: OpenedFile,
  handle: FileHandle,
  hash: Hash,
): Promise<void> {
  let size = opened.start
  onBytes?.(size)
  for await (const chunk of opened.body) {
    signal?.throwIfAborted()
    size += chunk.length
    if (size > file.bytes) throw new WrongContentError(`${file.bytes} bytes`, `${size} bytes or more`)
    hash.update(chunk)
    await handle.writeFile(chunk)
    onBytes?.(size)
  }
  if (size < file.bytes) throw new SourceError('interrupted', `the file ended after ${size} of ${file.bytes} bytes`)
}
