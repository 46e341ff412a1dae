import type { FoundPhoto } from '../../api/schema.js'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~'

/** What the photo shows, in words, for those who do not see it. */
export function altText({ photo, labels }: Pick<FoundPhoto, 'photo' | 'labels'>): string {
  const written = photo.photo_title ?? photo.photo_description ?? photo.ai_description
  if (written) return String(written)
  const named = Object.values(labels).map(({ label }) => label)
  return named.length > 0 ? `Photo: ${named.join(', ')}` : 'Photo without a description'
}

/** The average colour of a BlurHash, which its third to sixth characters hold; null: there is none. */
export function averageColour(hash: unknown): string | null {
  if (typeof hash !== 'string' || hash.length < 6) return null
  let value = 0
  for (const character of hash.slice(2, 6)) {
    const digit = DIGITS.indexOf(character)
    if (digit < 0) return null
    value = value * DIGITS.length + digit
  }
  return value < 2 ** 24 ? `#${value.toString(16).padStart(6, '0')}` : null
}

/** The path of the copy at a height for thumbnails; null: no copy is stored. */
export function copyAt(copy: string | null, height: 64 | 128 | 256 | 384): string | null {
  return copy === null ? null : `${copy}?height=${height}`
}

/** Who took it; null: unknown. */
export function photographer({ photo }: Pick<FoundPhoto, 'photo'>): string | null {
  const name = [photo.photographer_first_name, photo.photographer_last_name].filter(Boolean).join(' ')
  return name || (photo.photographer_username as string | null) || null
}
