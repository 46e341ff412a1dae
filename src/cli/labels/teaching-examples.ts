import { AppError } from '../../domain/errors.js'
import { PHOTO_ID_PATTERN } from '../../domain/photo.js'
import type { TrainedLabelRepository } from '../../domain/ports/labels/trained-labels.js'
import type { ModelId } from '../../domain/ports/repository.js'
import { formatQuantity } from '../../domain/text/format.js'
import { readPhotoList } from '../options/filter-arguments.js'

/** Options of `labels teach` that name examples. */
export interface ExampleOptions {
  yes?: string[]
  no?: string[]
  with?: string
  without?: string
  fromMarks?: string
  afresh?: boolean
}

/** Whether each photo has the label, by photo id. */
export type Examples = Map<string, boolean>

const SHOWN_IDS = 5

/**
 * The examples that a label is taught with: those of the last time, unless `--afresh`; marks of the page; and those
 * that are named, which count more than the others.
 * @param name the set, and its label
 * @throws AppError USAGE for a photo in both lists; NOT_FOUND for an unknown photo or set; INPUT_NOT_FOUND,
 * INPUT_INVALID
 */
export async function gatherExamples(
  repository: TrainedLabelRepository,
  modelId: ModelId,
  name: string,
  options: ExampleOptions,
): Promise<Examples> {
  const yes = new Set([...(options.yes ?? []), ...(await idsIn(options.with))])
  const no = new Set([...(options.no ?? []), ...(await idsIn(options.without))])
  const malformed = [...yes, ...no].filter(id => !PHOTO_ID_PATTERN.test(id))
  if (malformed.length > 0)
    throw new AppError('USAGE', `examples are ids of photos, found ${listed(malformed.map(id => JSON.stringify(id)))}`)
  const both = [...yes].filter(id => no.has(id))
  if (both.length > 0) throw new AppError('USAGE', `a photo has the label or not; found in both lists: ${listed(both)}`)
  const known = await repository.knownPhotos([...yes, ...no])
  const unknown = [...yes, ...no].filter(id => !known.has(id))
  if (unknown.length > 0)
    throw new AppError('NOT_FOUND', `${formatQuantity(unknown.length, 'example')} unknown: ${listed(unknown)}`)

  const examples: Examples = new Map()
  if (!options.afresh)
    for (const { photoId, label } of await repository.examples(modelId, name)) examples.set(photoId, label === name)
  if (options.fromMarks !== undefined) {
    const { set, label } = parseMarks(options.fromMarks)
    for (const { photoId, has } of await repository.marked(modelId, set, label)) examples.set(photoId, has)
  }
  for (const id of yes) examples.set(id, true)
  for (const id of no) examples.set(id, false)
  return examples
}

/** `SET:LABEL`, or the name of a taught set, which is that of its label. */
function parseMarks(text: string): { set: string; label: string } {
  const at = text.indexOf(':')
  return at < 0 ? { set: text, label: text } : { set: text.slice(0, at), label: text.slice(at + 1) }
}

async function idsIn(file: string | undefined): Promise<readonly string[]> {
  return file === undefined ? [] : (await readPhotoList(file)).photos
}

/** The first of some ids. */
export function listed(ids: readonly string[]): string {
  const more = ids.length - SHOWN_IDS
  return `${ids.slice(0, SHOWN_IDS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
