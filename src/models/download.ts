import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { sha256OfFile, updateFromFile } from './digest.js'
import type { HubModelSpec, ModelFile } from './registry.js'
import { type ModelSource, type OpenedFile, SourceFailure } from './source.js'
import { statOrNothing } from './verified-files.js'

export interface Retry {
  /** Tries after which a connection that keeps breaking is given up; bytes that arrive start the count again. */
  readonly attempts: number
  /** Wait before the second try; it doubles from try to try. */
  readonly backoffMs: number
}

export const DEFAULT_RETRY: Retry = { attempts: 5, backoffMs: 500 }

/** What arrived is not the file that the registry lists. */
export class WrongContent extends Error {
  override readonly name = 'WrongContent'
  constructor(
    readonly expected: string,
    readonly found: string,
  ) {
    super(`expected ${expected}, found ${found}`)
  }
}

interface Download {
  readonly model: HubModelSpec
  readonly file: ModelFile
  readonly source: ModelSource
  /** Where the verified file goes. */
  readonly target: string
  readonly part: string
  readonly signal?: AbortSignal
  /** Told how many bytes of the file are here. */
  readonly onBytes?: (bytes: number) => void
}

/** Where a file grows until it is whole. The name holds the digest: any source may go on with it. */
export function partPath(folder: string, file: ModelFile): string {
  return join(folder, '.partial', `${basename(file.path)}.${file.sha256.slice(0, 12)}.part`)
}

/**
 * Fetches one file: into a part, which goes on where an earlier try stopped, and from there to its place by rename once
 * its digest is right. A part with wrong content is removed.
 * @throws SourceFailure, WrongContent, or the system's error of a failed write
 */
export async function download(job: Download, { attempts, backoffMs }: Retry = DEFAULT_RETRY): Promise<void> {
  await mkdir(dirname(job.part), { recursive: true })
  await mkdir(dirname(job.target), { recursive: true })
  let failures = 0
  let size = await partSize(job)
  let farthest = size
  const resumed = size > 0
  let startedAgain = false
  for (;;) {
    try {
      await fetchRest(job, size)
      return
    } catch (error) {
      job.signal?.throwIfAborted()
      size = await partSize(job)
      if (error instanceof WrongContent) {
        await rm(job.part, { force: true })
        // The start may be of an earlier, broken state of the source: the whole file gets one chance.
        if (!resumed || startedAgain) throw error
        startedAgain = true
        size = 0
        continue
      }
      if (isWriteFailure(error)) await rm(job.part, { force: true })
      failures = size > farthest ? 1 : failures + 1
      farthest = Math.max(farthest, size)
      if (!mayPass(error, size > 0) || failures >= attempts) throw error
      await setTimeout(backoffMs * 2 ** (failures - 1), undefined, { signal: job.signal })
    }
  }
}

/** Without a network at the start there is nothing to wait for; one that went away under way may come back. */
function mayPass(error: unknown, begun: boolean): boolean {
  return error instanceof SourceFailure && (error.kind === 'interrupted' || (error.kind === 'unreachable' && begun))
}

/** Whether a write failed for want of space: such a part helps nobody and its bytes are needed. */
export function isWriteFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

async function partSize({ part, file }: Download): Promise<number> {
  const size = (await statOrNothing(part))?.size ?? 0
  if (size <= file.bytes) return size
  await rm(part)
  return 0
}

/** Brings the part from its present size to the file's, checks it, and puts it in its place. */
async function fetchRest(job: Download, size: number): Promise<void> {
  const { file, part, target, signal } = job
  const sha256 = size < file.bytes ? await receive(job, size) : await sha256OfFile(part, { signal })
  if (sha256 !== file.sha256) throw new WrongContent(`SHA-256 ${file.sha256}`, `SHA-256 ${sha256}`)
  await rename(part, target)
}

/** @returns the digest of the whole part, as it now is on the disk */
async function receive(job: Download, size: number): Promise<string> {
  const { model, file, part, source, signal } = job
  const hash = createHash('sha256')
  const opened = await source.open(model, file, size, signal)
  try {
    if (opened.totalBytes !== undefined && opened.totalBytes !== file.bytes)
      throw new WrongContent(`${file.bytes} bytes`, `${opened.totalBytes} bytes`)
    if (opened.start !== 0 && opened.start !== size)
      throw new SourceFailure('refused', `byte ${size} was asked for, byte ${opened.start} came`)
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
    if (size > file.bytes) throw new WrongContent(`${file.bytes} bytes`, `${size} bytes or more`)
    hash.update(chunk)
    await handle.writeFile(chunk)
    onBytes?.(size)
  }
  if (size < file.bytes) throw new SourceFailure('interrupted', `the file ended after ${size} of ${file.bytes} bytes`)
}
