import type { DuplicateGroup, PhotoMetadata } from '../../api/schema.js'

/** Least similarities to choose from. */
export const LEVELS = [0.9, 0.95, 0.97, 0.99] as const
const USUAL = 0.95

/** The least similarity that an address names. */
export function readLeast(parameters: URLSearchParams): number {
  const least = Number(parameters.get('least') ?? Number.NaN)
  return least >= 0.5 && least <= 1 ? least : USUAL
}

export function duplicatesPath(least: number): string {
  return least === USUAL ? '/duplicates' : `/duplicates?least=${least}`
}

/** Width and height in pixels, and millions of them; null: unknown. */
export function sizeText({ photo_width: width, photo_height: height }: PhotoMetadata): string | null {
  if (!width || !height) return null
  const millions = (Number(width) * Number(height)) / 1e6
  return `${width} × ${height} (${millions < 10 ? millions.toFixed(1) : Math.round(millions)} MP)`
}

/** Where it was taken; null: unknown. */
export function placeText(photo: PhotoMetadata): string | null {
  const parts = [photo.photo_location_city, photo.photo_location_country].filter(Boolean)
  return (photo.photo_location_name as string | null) ?? (parts.length > 0 ? parts.join(', ') : null)
}

/** The name of the file, for photos that are files; null: they are not, or the server does not say. */
export function fileText({ photo_image_url: url }: PhotoMetadata): string | null {
  if (typeof url !== 'string' || !/^(file|s3):/.test(url)) return null
  const name = url.slice(url.lastIndexOf('/') + 1)
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

export const countOf = (count: number, thing: string): string =>
  `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`

/** The photos of a group that were not removed. */
export const leftOf = ({ members }: DuplicateGroup, removed: ReadonlySet<string>): DuplicateGroup['members'] =>
  members.filter(({ photo_id }) => !removed.has(photo_id))

/**
 * Whether a photo of the group may be less similar to the one that stays than duplicates are: they resemble each other
 * through others. Only similarities to the photo that stands for the group are known; angles between photos add up at most.
 */
export function mayDiffer({ members }: Pick<DuplicateGroup, 'members'>, kept: string, least: number): boolean {
  const angleOf = (id: string) => Math.acos(Math.min(1, members.find(each => each.photo_id === id)?.score ?? 1))
  return members.some(({ photo_id: id }) => id !== kept && Math.cos(angleOf(kept) + angleOf(id)) < least)
}
