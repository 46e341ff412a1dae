import type { PhotoColumn } from '../../domain/photo.js'
import { derivedId } from '../input/derived-id.js'
import { readPhoto, withoutBlanks } from '../input/photo-row.js'
import type { Source, SourceRow } from '../input/source.js'

/** A photo as a program submits it. */
export interface GivenPhoto {
  url: string
  /** Default: derived from the URL. */
  id?: string
  metadata?: Partial<Record<PhotoColumn, string | number | boolean | null>>
}

/** Photos of a request, read as those of a table are. `line` of a row is its position, from 1. */
export function givenPhotos(photos: readonly GivenPhoto[], description: string): Source {
  return {
    kind: 'records',
    folders: [],
    description,
    warnings: [],
    async *rows() {
      const seen = new Set<string>()
      for (const [index, photo] of photos.entries()) yield rowOf(photo, index, seen)
    },
    async close() {},
  }
}

function rowOf({ url: given, id, metadata = {} }: GivenPhoto, index: number, seen: Set<string>): SourceRow {
  const url = given.trim()
  const photoId = id ?? derivedId(withoutBlanks(url))
  const known = Object.entries(metadata).filter(([, value]) => value !== null && value !== undefined)
  const header = ['photo_id', 'photo_image_url', ...known.map(([column]) => column)] as PhotoColumn[]
  const read = readPhoto([photoId, url, ...known.map(([, value]) => String(value))], header)
  const place = { line: index + 1, part: 'body' }
  if ('problem' in read) return { ...place, problem: read.problem }
  if (seen.has(photoId)) return { ...place, problem: { code: 'DUPLICATE_ID', found: JSON.stringify(photoId) } }
  seen.add(photoId)
  return { ...place, ...read }
}
