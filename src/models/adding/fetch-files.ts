import { createHash } from 'node:crypto'
import { readFile, realpath, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { formatBytes } from '../../domain/text/format.js'
import type { ModelFile } from '../catalog/entry.js'
import type { LockedModel } from '../catalog/models-lock.js'
import { sha256OfFile, updateFromFile } from '../files/digest.js'
import { DEFAULT_RETRY, download, isWriteFailure, partPath, type Retry, WrongContentError } from '../files/download.js'
import { SourceError, sourcePath } from '../files/source.js'
import { statOrNothing, VerifiedFiles } from '../files/verified-files.js'
import { isObject, type Json } from './json.js'
import { type ListedFile, type Listing, placeOf, type Repository } from './sources/repository.js'

export interface FetchOptions {
  readonly repository: Repository
  readonly listing: Listing
  readonly name: string
  /** Folder of the model. */
  readonly folder: string
  /** Most bytes of all files together. */
  readonly maxBytes: number
  /** What the lock file has pinned of this model at this revision. */
  readonly pinned?: LockedModel
  readonly onProgress?: (path: string, doneBytes: number, totalBytes: number) => void
  readonly signal: AbortSignal
  readonly retry?: Retry
}

const MIB = 1024 ** 2
/** Tokenizers of 250,000 words in all languages have 34 MB. */
const MAX_JSON_BYTES = 100 * MIB
/** Room that a disk keeps. */
const KEPT_BYTES = 64 * MIB

/**
 * Fetches files of a model into its folder, and pins the digest of each at first sight: the one that the hub lists, or
 * that of the bytes that came, which then must have Git's digest of the listing. A pinned file must have its digest.
 */
export class FileFetcher {
  readonly #pins = new Map<string, ModelFile>()
  #bytes = 0

  constructor(private readonly options: FetchOptions) {}

  /** The fetched files, in the order of their paths. */
  get pins(): ModelFile[] {
    return [...this.#pins.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /**
   * Fetches one file.
   * @param path its place in the folder of the model; default: its path at the source
   * @throws AppError MODEL_DIGEST_MISMATCH, MODEL_DOWNLOAD_FAILED, MODEL_NOT_FOUND, MODEL_DISK_FULL, MODEL_INVALID
   */
  async fetch(file: ListedFile, path = file.path): Promise<ModelFile> {
    const known = this.#pins.get(path)
    if (known) return known
    this.#count(file)
    const { folder, signal } = this.options
    const from = path === file.path ? {} : { from: { path: file.path } }
    const wanted = { path, bytes: file.bytes, ...from }
    const pin = this.options.pinned?.files.find(one => one.path === path)
    let fetched: ModelFile
    try {
      fetched = { ...wanted, sha256: await this.#place(file, wanted, pin) }
    } catch (error) {
      signal.throwIfAborted()
      throw this.#explain(error, file, folder)
    }
    if (pin && pin.sha256 !== fetched.sha256) throw this.#changed(file, pin.sha256, fetched.sha256)
    await (await VerifiedFiles.read(folder)).add(fetched)
    this.#pins.set(path, fetched)
    return fetched
  }

  /** Fetches and reads a JSON object. @throws as {@link fetch} */
  async json(file: ListedFile, path?: string): Promise<Json> {
    if (file.bytes > MAX_JSON_BYTES)
      throw this.#invalid(file, `at most ${formatBytes(MAX_JSON_BYTES)}`, formatBytes(file.bytes))
    const fetched = await this.fetch(file, path)
    let json: unknown
    try {
      json = JSON.parse(await readFile(join(this.options.folder, fetched.path), 'utf8'))
    } catch (error) {
      throw this.#invalid(file, 'JSON', errorMessage(error))
    }
    if (!isObject(json))
      throw this.#invalid(file, 'a JSON object', Array.isArray(json) ? 'a list' : JSON.stringify(json).slice(0, 100))
    return json
  }

  #count(file: ListedFile): void {
    this.#bytes += file.bytes
    const { maxBytes } = this.options
    if (this.#bytes > maxBytes)
      throw this.#invalid(
        file,
        `files of ${formatBytes(maxBytes)} together, the limit of --max-size,`,
        formatBytes(this.#bytes, 1),
      )
  }

  /** @returns the digest of the file in its place */
  async #place(file: ListedFile, wanted: Omit<ModelFile, 'sha256'>, pin: ModelFile | undefined): Promise<string> {
    const { repository, listing, name, folder, signal, onProgress, retry = DEFAULT_RETRY } = this.options
    const target = join(folder, wanted.path)
    const expected = file.sha256 ?? (await this.#digestAtSource(file))
    if (expected !== undefined && pin && pin.sha256 !== expected) throw new WrongContentError(pin.sha256, expected)
    if (expected !== undefined) {
      const isHere = (await VerifiedFiles.read(folder)).state({ ...wanted, sha256: expected }, signal)
      if ((await isHere) === 'verified') return expected
    } else if (file.gitOid !== undefined && (await gitDigest(target, file.bytes)) === file.gitOid)
      return sha256OfFile(target, { signal })
    // Names the partial file, so that only a download of the same content continues it.
    const sha256 =
      expected ??
      createHash('sha256')
        .update(`${file.gitOid ?? file.version} ${file.bytes}`)
        .digest('hex')
    const part = partPath(folder, { ...wanted, sha256 })
    await this.#expectSpace(file, target, (await statOrNothing(part))?.size ?? 0)
    const job = {
      model: placeOf(name, repository, listing),
      file: { ...wanted, sha256 },
      unpinned: expected === undefined,
      source: repository.files,
      target,
      part,
      signal,
      onBytes: (bytes: number) => onProgress?.(file.path, bytes, file.bytes),
    }
    const found = await download(job, retry)
    if (expected === undefined && file.gitOid !== undefined) {
      const oid = await gitDigest(target, file.bytes)
      if (oid === file.gitOid) return found
      await rm(target)
      throw new WrongContentError(`Git’s SHA-1 ${file.gitOid}`, `${oid}`)
    }
    return found
  }

  /** A folder on this machine is read twice: first for the digest, so that a copy that breaks off can go on. */
  async #digestAtSource(file: ListedFile): Promise<string | undefined> {
    if (file.gitOid !== undefined || file.version !== undefined) return undefined
    return sha256OfFile(join(this.options.repository.source, file.path), { signal: this.options.signal })
  }

  /** @param here bytes that an earlier attempt left */
  async #expectSpace(file: ListedFile, target: string, here: number): Promise<void> {
    const { folder } = this.options
    const { bavail, bsize } = await statfs(folder)
    const needed = file.bytes - here + KEPT_BYTES
    if (needed <= bavail * bsize) return
    throw new AppError(
      'MODEL_DISK_FULL',
      `Expected ${formatBytes(needed, 1)} of free space for ${target}, found ${formatBytes(bavail * bsize, 1)}. Free some space, or set UNSPLASH_CLIP_HOME or MODELS_DIR to a folder on another disk.`,
    )
  }

  #changed(file: ListedFile, expected: string, found: string, cause?: unknown): AppError {
    const { repository, name } = this.options
    return new AppError(
      'MODEL_DIGEST_MISMATCH',
      `${file.path} of ${repository.source} has changed: expected SHA-256 ${expected}, as models.lock.json pins it, found ${found}. ` +
        `If the publisher says why, replace the pinned model: models add with --update (embeddings of both are never compared). Otherwise copy the file from a machine that pinned it: from the folder ${name} of their MODELS_DIR.`,
      { cause },
    )
  }

  #explain(error: unknown, file: ListedFile, folder: string): unknown {
    if (error instanceof AppError) return error
    const { repository } = this.options
    const what = `${file.path} of ${repository.source}`
    if (error instanceof WrongContentError) {
      const pin = this.options.pinned?.files.find(one => sourcePath(one) === file.path)
      if (pin?.sha256 === error.expected) return this.#changed(file, error.expected, error.found, error)
      return new AppError(
        'MODEL_DIGEST_MISMATCH',
        `Wrong content: ${what}: ${error.message}, by its listing. The received bytes were removed. A mirror (HF_ENDPOINT) may have other files than its listing says.`,
        { cause: error },
      )
    }
    if (isWriteFailure(error))
      return new AppError('MODEL_DISK_FULL', `The disk of ${folder} is full: ${what}.`, { cause: error })
    const isMissing = error instanceof SourceError && error.kind === 'missing'
    return new AppError(
      isMissing ? 'MODEL_NOT_FOUND' : 'MODEL_DOWNLOAD_FAILED',
      `Could not fetch ${what}: ${errorMessage(error)}. The next attempt goes on where this one stopped.`,
      { cause: error },
    )
  }

  #invalid(file: ListedFile, expected: string, found: string): AppError {
    return new AppError(
      'MODEL_INVALID',
      `${file.path} of ${this.options.repository.source}: expected ${expected}, found ${found}.`,
    )
  }
}

/** Git's name of a file's content: the SHA-1 of `blob`, the length and the bytes. Undefined without such a file. */
async function gitDigest(path: string, bytes: number): Promise<string | undefined> {
  if ((await statOrNothing(path))?.size !== bytes) return undefined
  const hash = createHash('sha1').update(`blob ${bytes}\0`)
  await updateFromFile(hash, path)
  return hash.digest('hex')
}

/** Whether a folder is another one, or within it. */
export async function isWithin(folder: string, other: string): Promise<boolean> {
  const [inner, outer] = await Promise.all([folder, other].map(path => realpath(path).catch(() => path)))
  return inner === outer || inner!.startsWith(`${outer}/`)
}
