import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { AppError } from '../domain/errors.js'
import type { ModelIdentity } from '../domain/model.js'
import { packageRoot } from '../package-root.js'
import { sha256OfFile } from './digest.js'
import { type Precision, precisionOf } from './graph/precision.js'
import { isFromHub, type LocalModelSpec, type ModelSpec } from './registry.js'
import { statOrNothing, VerifiedFiles } from './verified-files.js'

const REVISION_LENGTH = 12

/**
 * Who made a vector. The revision of a model that is not from a hub is the start of the SHA-256 over its files' paths and
 * digests; of one in a user's folder also over the data that its vectors depend on.
 * @param folder where the model's files are
 * @throws AppError MODEL_NOT_FOUND when a file of a model that is not fetched is missing, MODEL_INVALID when one in a user's
 *   folder is of another precision
 */
export async function identify(spec: ModelSpec, folder: string): Promise<ModelIdentity> {
  const { name, precision, dimension, scoring, logitScale, logitBias } = spec
  const revision = isFromHub(spec) ? spec.origin.revision : await revisionOf(spec, folder)
  return { name, precision, revision, dimension, scoring, logitScale, logitBias }
}

async function revisionOf(spec: ModelSpec, folder: string): Promise<string> {
  const { origin } = spec
  const hash = createHash('sha256')
  // The package is not written to; its files are small.
  const known = origin.kind === 'folder' ? await VerifiedFiles.read(folder) : undefined
  for (const path of origin.files as readonly string[]) {
    const stats = await statOrNothing(join(folder, path))
    if (!stats) throw missingFile(spec as LocalModelSpec, folder, path)
    if (known && isTower(spec, path) && !known.remembers(path, stats)) expectPrecision(spec, join(folder, path))
    const digest = known ? await known.sha256(path, stats) : await sha256OfFile(join(folder, path))
    hash.update(`${digest}  ${path}\n`)
  }
  if (origin.kind === 'folder') hash.update(JSON.stringify(decisive(spec)))
  return hash.digest('hex').slice(0, REVISION_LENGTH)
}

function isTower({ visionFile, textFile }: ModelSpec, path: string): boolean {
  return path === visionFile || path === textFile
}

/** Names of which it is known what they promise. */
const NAMED_PRECISIONS: ReadonlySet<string> = new Set<Precision>(['fp32', 'fp16', 'int8', 'q4'])

/** Asked of a file once, when its digest is computed: it takes as long as 25 ms. Pinned files cannot be mistaken. */
function expectPrecision({ precision }: ModelSpec, path: string): void {
  const found = precisionOf(path)
  if (found && NAMED_PRECISIONS.has(precision) && found !== precision)
    throw new AppError(
      'MODEL_INVALID',
      `${path}: expected weights in ${precision}, as its entry says, found ${found}. Is it the file of another precision?`,
    )
}

/** What embeddings and scores depend on besides the files, as a list whose order never changes. */
function decisive({ dimension, input, mean, std, text, scoring, logitScale, logitBias }: ModelSpec): unknown[] {
  return [
    [dimension, input.size, input.fit, input.cropShare, input.kernel, mean, std],
    text ? [text.contextLength, text.padId ?? null, text.lowerCase ?? false, text.dropPunctuation ?? false] : null,
    [scoring, logitScale, logitBias],
  ]
}

/** Of a model that is not fetched. */
export function missingFile({ origin }: LocalModelSpec, folder: string, path: string): AppError {
  const advice =
    origin.kind === 'bundled'
      ? 'Install the package again.'
      : `The model needs ${origin.files.join(', ')} in that folder, which MODEL_FOLDERS names.`
  return new AppError('MODEL_NOT_FOUND', `Expected ${join(folder, path)}, found nothing there. ${advice}`)
}

/** Where the files of a model are that is not fetched. */
export function localFolder({ origin }: LocalModelSpec): string {
  return origin.kind === 'bundled' ? join(packageRoot(), origin.folder) : origin.folder
}
