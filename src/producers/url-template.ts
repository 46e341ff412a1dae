import { AppError } from '../domain/errors.js'

/**
 * What images.unsplash.com is asked for when there is no template: a JPEG of at most 640 pixels width, some 60 KB, instead
 * of the original, some 8 MB. Parameters: https://unsplash.com/documentation#supported-parameters. `fit=max` keeps the
 * aspect ratio and never enlarges.
 */
const UNSPLASH_HOST = 'images.unsplash.com'
const UNSPLASH_PARAMETERS = { w: '640', fm: 'jpg', q: '85', fit: 'max' }

const PLACEHOLDER = /\{([^{}]*)\}/g
const PLACEHOLDERS = ['photo_id', 'image_url']
const PROTOCOLS = ['http:', 'https:', 'file:']

export interface TemplateValues {
  photoId: string
  /** The dataset's `photo_image_url`. */
  imageUrl: string
}

/**
 * The URL to download a photo from. `{photo_id}` and `{image_url}` of the template are replaced; after a `?` the image URL
 * is percent-encoded, before it stands as it is. Without a template, URLs of images.unsplash.com are given
 * {@link UNSPLASH_PARAMETERS} (other parameters they have stay), and all others are left as they are.
 * @throws AppError USAGE for an unknown placeholder, or when the result is no http, https or file URL
 */
export function applyUrlTemplate(template: string | undefined, values: TemplateValues): string {
  if (template === undefined) return withUnsplashParameters(values.imageUrl)
  const queryStart = template.indexOf('?')
  const url = template.replaceAll(PLACEHOLDER, (placeholder, name: string, offset: number) => {
    if (name === 'photo_id') return values.photoId
    if (name !== 'image_url') throw unknownPlaceholder(placeholder)
    return queryStart >= 0 && offset > queryStart ? encodeURIComponent(values.imageUrl) : values.imageUrl
  })
  if (!URL.canParse(url) || !PROTOCOLS.includes(new URL(url).protocol))
    throw new AppError('USAGE', `--url-template: an http, https or file URL expected, found ${JSON.stringify(url)}.`)
  return url
}

/**
 * Tries a template out, before anything is enqueued with it.
 * @throws AppError USAGE
 */
export function checkUrlTemplate(template: string | undefined): void {
  if (template === undefined) return
  applyUrlTemplate(template, { photoId: 'XMyPniM9LF0', imageUrl: 'https://images.unsplash.com/photo-1' })
  if (!PLACEHOLDERS.some(name => template.includes(`{${name}}`)))
    throw new AppError(
      'USAGE',
      `--url-template: {photo_id} or {image_url} expected in it, else every photo has the same URL; found ${JSON.stringify(template)}.`,
    )
}

function withUnsplashParameters(imageUrl: string): string {
  // Most URLs of other hosts need no parsing.
  if (!imageUrl.toLowerCase().includes(UNSPLASH_HOST)) return imageUrl
  const url = new URL(imageUrl)
  if (url.hostname !== UNSPLASH_HOST) return imageUrl
  for (const [name, value] of Object.entries(UNSPLASH_PARAMETERS)) url.searchParams.set(name, value)
  return url.href
}

function unknownPlaceholder(placeholder: string): AppError {
  const known = PLACEHOLDERS.map(name => `{${name}}`).join(' and ')
  return new AppError('USAGE', `--url-template: ${known} are available, found ${placeholder}.`)
}
