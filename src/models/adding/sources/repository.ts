import { resolve } from 'node:path'
import { AppError } from '../../../domain/errors.js'
import { parseS3Location } from '../../../domain/s3-location.js'
import type { FetchedModel, ModelSource } from '../../files/source.js'

/** A file that a source lists. Its path is safe: relative, and without names that begin with a dot. */
export interface ListedFile {
  readonly path: string
  readonly bytes: number
  /** Known of large files of a hub, in lower-case hex. */
  readonly sha256?: string
  /** Git's SHA-1 of a small file of a hub. */
  readonly gitOid?: string
  /** What changes with the content, where no digest is known: the ETag of a bucket. */
  readonly version?: string
}

export interface Listing {
  /** Commit of a hub's repository. */
  readonly revision?: string
  /** As its publisher states it. */
  readonly license?: string
  /** Repository of which the files were made: `owner/name`. */
  readonly base?: string
  readonly files: readonly ListedFile[]
}

/** Where a model is added from. */
export interface Repository {
  /** `hf:owner/name`, `s3://bucket/prefix` or an absolute path, without a revision. */
  readonly source: string
  /** What the name of the model is made of. */
  readonly title: string
  /** Opens its files. */
  readonly files: ModelSource
  /** @throws AppError MODEL_NOT_FOUND, MODEL_DOWNLOAD_FAILED, MODEL_INVALID */
  list(signal: AbortSignal): Promise<Listing>
}

/** What SOURCE names. */
export type SourceText =
  | { readonly kind: 'hub'; readonly repository: string; readonly revision: string }
  | { readonly kind: 'bucket'; readonly source: string; readonly bucket: string; readonly prefix: string }
  | { readonly kind: 'folder'; readonly folder: string }

const REPOSITORY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/

/**
 * Reads SOURCE of `models add`.
 * @throws AppError USAGE
 */
export function parseSource(text: string): SourceText {
  if (text.startsWith('hf:')) {
    const [, repository = '', , revision = 'main'] = /^hf:([^@]*)(@(.*))?$/s.exec(text) ?? []
    if (REPOSITORY.test(repository) && !repository.includes('..') && REVISION.test(revision))
      return { kind: 'hub', repository, revision }
    throw usage(text)
  }
  const location = parseS3Location(text)
  if (location) return { kind: 'bucket', source: text.replace(/\/+$/, ''), ...location }
  if (text === '' || /^[a-z][a-z0-9+.-]*:/i.test(text)) throw usage(text)
  return { kind: 'folder', folder: resolve(text) }
}

function usage(found: string): AppError {
  return new AppError(
    'USAGE',
    `models add expects hf:owner/name, hf:owner/name@revision, a folder, or s3://bucket/prefix, found ${JSON.stringify(found)}.`,
  )
}

/** What a source needs to know to open a listed file. */
export function placeOf(name: string, { source }: Repository, { revision = '' }: Listing): FetchedModel {
  const repository = source.startsWith('hf:') ? source.slice('hf:'.length) : ''
  return { name, origin: { kind: 'hub', repository, revision, files: [] } }
}

/** Most files of a source. */
export const MAX_FILES = 20_000

/** @throws AppError MODEL_INVALID */
export function tooManyFiles(source: string): AppError {
  return new AppError('MODEL_INVALID', `${source}: expected at most ${MAX_FILES} files, found more.`)
}
