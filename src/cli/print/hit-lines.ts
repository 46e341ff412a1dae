import { percent } from '../../domain/labels.js'
import type { Photo } from '../../domain/photo.js'
import type { HybridHit } from '../../domain/ports/hybrid.js'
import type { ObjectStore } from '../../domain/ports/object-store.js'
import type { Hit } from '../../domain/ports/search.js'
import { oneLine, shorten } from './output.js'
import type { PhotoCard } from './photo-page.js'
import { filePath, placeLine } from './photo-place.js'

/** Formats a hit as lines of text. */
export function hitLine(rank: number, hit: Hit | HybridHit): string {
  const labels = Object.entries(hit.labels).map(
    ([set, { label, score }], _, all) =>
      `${isAmbiguous(label, all) ? `${set}: ` : ''}${oneLine(label)} ${percent(score)}`,
  )
  const about = [describe(hit.photo), credit(hit.photo)].filter(part => part !== null).join(' — ')
  const address = hit.photo.photo_url ?? hit.photo.photo_image_url
  const lines = [
    `${String(rank).padStart(3)}  ${hit.score.toFixed(4)}  ${hit.photoId}  ${labels.join(', ')}`,
    'vectorRank' in hit ? `     ${ranksLine(hit)}` : null,
    about ? `     ${shorten(about, 100)}` : null,
    address ? `     ${placeLine(address)}` : null,
  ]
  return lines.filter(line => line !== null).join('\n')
}

/** Whether two sets gave a photo the same label, so that the sets must be named. */
const isAmbiguous = (label: string, all: readonly [string, { label: string }][]): boolean =>
  all.filter(([, other]) => other.label === label).length > 1

function ranksLine({ vectorRank, vectorScore, textRank }: HybridHit): string {
  const meaning = vectorRank === null ? 'not by meaning' : `by meaning ${vectorRank} (${vectorScore!.toFixed(4)})`
  return `${meaning}, ${textRank === null ? 'not by words' : `by words ${textRank}`}`
}

/** Returns a hit as a card. Its picture is a data URI of the stored copy, else a web address. */
export async function hitCard(hit: Hit, store: ObjectStore): Promise<PhotoCard> {
  return {
    ...(await photoCard(hit.photo, hit.storedKey, store)),
    score: hit.score,
    labels: Object.entries(hit.labels).map(([set, value]) => ({ set, ...value })),
  }
}

export async function photoCard(photo: Photo, storedKey: string | null, store: ObjectStore): Promise<PhotoCard> {
  const copy = storedKey === null ? null : await store.get(storedKey)
  const fromWeb = /^https?:/.test(photo.photo_image_url) ? photo.photo_image_url : null
  return {
    photoId: photo.photo_id,
    image: copy ? `data:image/jpeg;base64,${copy.toString('base64')}` : fromWeb,
    description: describe(photo),
    path: filePath(photo.photo_image_url),
    labels: [],
    credit: credit(photo),
    link: photo.photo_url ?? (filePath(photo.photo_image_url) === null ? null : photo.photo_image_url),
  }
}

function describe(photo: Photo): string | null {
  return photo.photo_title ?? photo.photo_description ?? photo.ai_description
}

function credit(photo: Photo): string | null {
  const name = [photo.photographer_first_name, photo.photographer_last_name].filter(part => part).join(' ')
  return name || photo.photographer_username
}
