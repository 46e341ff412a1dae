import { AppError } from '../errors.js'
import type { PhotoRef } from '../photo.js'

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
 * percent-encoded after a `?` and unchanged before it. Variables of the environment are replaced first, so that no value
 * of a photo names one. Without a template, adds {@link UNSPLASH_PARAMETERS} to URLs of images.unsplash.com, keeping
 * other parameters, and leaves all other URLs unchanged.
 * @throws AppError USAGE for an unknown placeholder, a variable that is not set, a template with variables whose host
 * depends on the photo, or when the result is no http, https or file URL. It shows no value of a variable
 */
export function applyUrlTemplate(
  template: string | undefined,
  values: TemplateValues,
  environment: Environment = {},
): string {
  if (template === undefined) return withUnsplashParameters(values.imageUrl)
  const expanded = withVariables(template, environment)
  if (namesVariables(template) && !namesItsHost(expanded))
    throw new AppError(
      'USAGE',
      `--url-template: a template that names environment variables sends them to one host. https://HOST/ expected before {image_url} and {photo_id}, found ${JSON.stringify(template)}.`,
    )
  const queryStart = expanded.indexOf('?')
  const url = expanded.replaceAll(PLACEHOLDER, (placeholder, name: string, offset: number) => {
    if (name === 'photo_id') return values.photoId
    if (name !== 'image_url') throw unknownPlaceholder(placeholder)
    return queryStart >= 0 && offset > queryStart ? encodeURIComponent(values.imageUrl) : values.imageUrl
  })
  if (!URL.canParse(url) || !PROTOCOLS.includes(new URL(url).protocol))
    throw new AppError(
      'USAGE',
      `--url-template: an http, https or file URL expected, found ${JSON.stringify(expanded === template ? url : template)}.`,
    )
  return url
}

/** Whether the host is the same for every photo. Else the address of a photo decides who gets the values of variables. */
function namesItsHost(template: string): boolean {
  return /^(?:file:|https?:\/\/[^/?#\\{]+[/?#])/i.test(template)
}

type Environment = Readonly<Record<string, string | undefined>>

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/**
 * A template with the values of the environment variables that it names: `${MIRROR_TOKEN}`.
 * @throws AppError USAGE for a variable that is not set
 */
export function withVariables(template: string, environment: Environment): string {
  return template.replaceAll(VARIABLE, (_, name: string) => {
    const value = environment[name]
    if (!value)
      throw new AppError('USAGE', `--url-template: the environment variable ${name} expected, found it unset or empty.`)
    return value
  })
}

/** Names of the environment variables in a template. */
export function variablesOf(template: string): string[] {
  return [...template.matchAll(VARIABLE)].map(([, name]) => name!)
}

export function namesVariables(template: string): boolean {
  return variablesOf(template).length > 0
}

/**
 * The address of a photo with the names of variables instead of their values, for its scheme and host; the address itself
 * where its template names none.
 */
export function namedAddress({ id = '', url, template }: Partial<PhotoRef> & Pick<PhotoRef, 'url'>): string {
  if (template === undefined) return url
  try {
    return applyUrlTemplate(template.replaceAll(VARIABLE, '$1'), { photoId: id, imageUrl: url })
  } catch {
    return template
  }
}

/** Whether a template seems to hold a secret itself, instead of the name of a variable: it must not be stored. */
export function holdsSecret(template: string): boolean {
  const named = template.replaceAll(VARIABLE, '').replaceAll(PLACEHOLDER, '')
  if (/^[a-z]+:\/\/[^/?#]*@/i.test(named)) return true
  // A template that adds to the image's own query begins with & instead of ?.
  const query = new URLSearchParams(/[?&](.*)/s.exec(named)?.[1] ?? '')
  return [...query].some(([name, value]) => value !== '' && (SECRET_NAME.test(name) || looksRandom(value)))
}

const SECRET_NAME = /key|token|sig|secret|pass|auth|cred/i

/** Sizes and words of an image server (`640`, `entropy`) are short, or digits alone, or letters alone. */
function looksRandom(value: string): boolean {
  return value.length >= 8 && /\d/.test(value) && /[a-z]/i.test(value)
}

/**
 * Checks a template before anything is enqueued with it.
 * @throws AppError USAGE
 */
export function checkUrlTemplate(template: string | undefined, environment: Environment = {}): void {
  if (template === undefined) return
  applyUrlTemplate(template, { photoId: 'XMyPniM9LF0', imageUrl: 'https://images.unsplash.com/photo-1' }, environment)
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
