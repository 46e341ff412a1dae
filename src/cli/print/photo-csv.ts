import type { Photo, PhotoColumn } from '../../domain/photo.js'
import type { LabelledPhoto } from '../../domain/ports/repository.js'
import type { Hit } from '../../domain/ports/search.js'
import type { CsvValue } from '../../domain/text/csv.js'
import { filePath } from './photo-place.js'

/** Exported metadata, in addition to the id and the path of an own photo's file. */
const METADATA = [
  'photo_url',
  'photo_image_url',
  'photo_description',
  'ai_description',
  'photographer_username',
  'photographer_first_name',
  'photographer_last_name',
  'photo_submitted_at',
  'photo_width',
  'photo_height',
  'photo_location_country',
  'photo_location_city',
  'exif_camera_make',
  'exif_camera_model',
  'exif_iso',
  'stats_views',
  'stats_downloads',
] as const satisfies PhotoColumn[]

/** Returns the columns of hits: two per label set, the label and its score. */
export function hitColumns(hits: readonly Hit[]): string[] {
  const labels = setsOf(hits).flatMap(set => [set, `${set}_score`])
  return ['rank', 'photo_id', 'score', ...labels, 'path', ...METADATA, 'stored_key']
}

export function* hitRows(hits: readonly Hit[], offset: number): Generator<CsvValue[]> {
  const sets = setsOf(hits)
  for (const [index, hit] of hits.entries())
    yield [
      offset + index + 1,
      { id: hit.photoId },
      hit.score,
      ...sets.flatMap(set => [hit.labels[set]?.label, hit.labels[set]?.score]),
      ...metadataOf(hit.photo),
      hit.storedKey,
    ]
}

export const LABEL_COLUMNS = ['photo_id', 'label', 'score', 'path', ...METADATA]

export async function* labelRows(pages: AsyncIterable<LabelledPhoto[]>): AsyncGenerator<CsvValue[]> {
  for await (const page of pages)
    for (const { photo, label, score } of page) yield [{ id: photo.photo_id }, label, score, ...metadataOf(photo)]
}

function metadataOf(photo: Photo): CsvValue[] {
  return [filePath(photo.photo_image_url), ...METADATA.map(column => photo[column])]
}

function setsOf(hits: readonly Hit[]): string[] {
  return [...new Set(hits.flatMap(hit => Object.keys(hit.labels)))].sort()
}
