import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { AppError } from '../../domain/errors.js'
import type { ModelIdentity } from '../../domain/model.js'
import { packageRoot } from '../../package-root.js'
import { sha256OfUnchanged } from '../files/digest.js'
import { statOrNothing, VerifiedFiles } from '../files/verified-files.js'
import type { Precision } from '../graph/precision.js'
import { madeRevision } from './made.js'
import { type AddedModelSpec, isAdded, isFromHub, isMade, type LocalModelSpec, type ModelSpec } from './registry.js'

const REVISION_LENGTH = 12

/**
 * Returns the identity of a model. Outside a hub, the revision is the start of the SHA-256 over the paths and digests
 * of its files; in a user's folder also over the data that affects its vectors. That of a made precision tells the
 * recipe and the files that it was made of.
 * @param folder where the model's files are
 * @throws AppError MODEL_NOT_FOUND when a file of a model without a download is missing, MODEL_INVALID when a file in a
 * user's folder has another precision
 */
export async function identify(spec: ModelSpec, folder: string): Promise<ModelIdentity> {
  const { name, precision, dimension, scoring, logitScale, logitBias } = spec
  const revision = await revisionOf(spec, folder)
  return { name, precision, revision, dimension, scoring, logitScale, logitBias }
}

async function revisionOf(spec: ModelSpec, folder: string): Promise<string> {
  if (isAdded(spec)) return addedRevision(spec)
  if (isFromHub(spec)) return spec.origin.revision
  if (isMade(spec)) {
    const { from } = spec.origin
    const isPinned = isFromHub(from) && !isAdded(from)
    return madeRevision(
      spec,
      isPinned ? '' : await revisionOf(from, isAdded(from) ? folder : localFolder(from as LocalModelSpec)),
    )
  }
  const { origin } = spec
  const hash = createHash('sha256')
  // The package folder stays unwritten; its files are small.
  const known = origin.kind === 'folder' ? await VerifiedFiles.read(folder) : undefined
  for (const path of origin.files as readonly string[]) {
    const stats = await statOrNothing(join(folder, path))
    if (!stats) throw missingFile(spec as LocalModelSpec, folder, path)
    const digest = known ? await known.sha256(path, stats) : await sha256OfUnchanged(join(folder, path), stats)
    if (known && isTower(spec, path)) expectPrecision(spec, join(folder, path), await known.precision(path, stats))
    hash.update(`${digest}  ${path}\n`)
  }
  if (origin.kind === 'folder') hash.update(JSON.stringify(decisive(spec)))
  return hash.digest('hex').slice(0, REVISION_LENGTH)
}

/** The revision that the files have in a folder of MODEL_FOLDERS. Needs no file: the digests are pinned. */
function addedRevision(spec: AddedModelSpec): string {
  const hash = createHash('sha256')
  for (const path of spec.origin.added.needed)
    hash.update(`${spec.origin.files.find(file => file.path === path)!.sha256}  ${path}\n`)
  return hash
    .update(JSON.stringify(decisive(spec)))
    .digest('hex')
    .slice(0, REVISION_LENGTH)
}

function isTower({ visionFile, textFile }: ModelSpec, path: string): boolean {
  return path === visionFile || path === textFile
}

/** Precision names with a known meaning. */
const NAMED_PRECISIONS: ReadonlySet<string> = new Set<Precision>(['fp32', 'fp16', 'int8', 'q4'])

/** Two precisions of an entry may name one file, so a file is checked for each. Pinned files need no check. */
function expectPrecision({ precision }: ModelSpec, path: string, found: Precision | undefined): void {
  if (found && NAMED_PRECISIONS.has(precision) && found !== precision)
    throw new AppError(
      'MODEL_INVALID',
      `${path}: expected weights in ${precision}, as in its entry, found ${found}. Is it the file of another precision?`,
    )
}

/** Returns everything besides the files that affects embeddings and scores, as a list in a fixed order. */
function decisive(spec: ModelSpec): unknown[] {
  const { dimension, input, mean, std, pooling, text, scoring, logitScale, logitBias } = spec
  return [
    [dimension, input.size, input.fit, input.cropShare, input.kernel, mean, std],
    text ? [text.contextLength, text.padId ?? null, text.lowerCase ?? false, text.dropPunctuation ?? false] : null,
    [scoring, logitScale, logitBias],
    ...(pooling ? [pooling] : []),
  ]
}

/** Returns the error for a missing file of a model without a download. */
export function missingFile({ origin }: LocalModelSpec, folder: string, path: string): AppError {
  const advice =
    origin.kind === 'bundled'
      ? 'Install the package again.'
      : `The model needs ${origin.files.join(', ')} in that folder (set in MODEL_FOLDERS).`
  return new AppError('MODEL_NOT_FOUND', `Expected ${join(folder, path)}, found nothing there. ${advice}`)
}

/** Returns the folder of a model without a download. */
export function localFolder({ origin }: LocalModelSpec): string {
  return origin.kind === 'bundled' ? join(packageRoot(), origin.folder) : origin.folder
}
