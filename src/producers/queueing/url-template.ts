import { AppError } from '../../domain/errors.js'

/**
 * Parameters for images.unsplash.com without a template: a JPEG at most 640 pixels wide, some 60 KB instead of 8 MB.
 * `fit=max` keeps the aspect ratio and never enlarges (https://unsplash.com/documentation#supported-parameters).
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
 * The download URL of a photo. Replaces `{photo_id}` and `{image_url}` in the template; the image URL is
 * percent-encoded after a `?` and unchanged before it. Without a template, adds {@link UNSPLASH_PARAMETERS} to URLs
 * of images.unsplash.com, keeping other parameters, and leaves all other URLs unchanged.
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
 * Checks a template before anything is enqueued with it.
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
