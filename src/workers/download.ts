import type { IncomingHttpHeaders } from 'node:http'
import { PhotoError } from '../domain/errors.js'
import type { PhotoRef } from '../domain/photo.js'
import type { GuardedFetcher } from '../net/fetch.js'
import { optOut } from '../net/opt-out.js'
import { imageFormat } from './image-format.js'
import { readImageFile } from './read-file.js'

export interface DownloadOptions {
  fetcher: Pick<GuardedFetcher, 'get'>
  /** Folders from which `file:` URLs may be read. */
  allowFolders: readonly string[]
  /** Takes images whose server opts out. */
  ignoreOptOut?: boolean
  /** Largest image file, in bytes; the fetcher has its own cap for the network. */
  maxBytes: number
}

/** The name that a server uses to say something to us alone; the first word of our User-Agent. */
const ROBOT = 'unsplash-clip'

/** What object stores and careless servers say of an image without looking at it. */
const OPAQUE_TYPES = new Set(['application/octet-stream', 'binary/octet-stream', 'application/binary', ''])

/**
 * The bytes of a photo, of which the first are those of a supported image format. Whether the rest is sound is seen when
 * it is decoded.
 * @throws PhotoError, see {@link GuardedFetcher.get}, {@link readImageFile} and {@link imageFormat}; the signal's reason
 */
export async function download(
  photo: Pick<PhotoRef, 'url'>,
  options: DownloadOptions,
  signal?: AbortSignal,
): Promise<Buffer> {
  const image = /^file:/i.test(photo.url.trim())
    ? await readImageFile(photo.url, { folders: options.allowFolders, maxBytes: options.maxBytes }, signal)
    : await fetchImage(photo.url, options, signal)
  imageFormat(image)
  return image
}

async function fetchImage(
  url: string,
  { fetcher, ignoreOptOut }: DownloadOptions,
  signal?: AbortSignal,
): Promise<Buffer> {
  const { body } = await fetcher.get(url, {
    accept: 'image/avif,image/webp,image/jpeg,image/png,image/gif,image/tiff,image/*;q=0.5',
    signal,
    onHop: ignoreOptOut ? undefined : assertNotOptedOut,
    onHead: ({ contentType }) => assertMayBeImage(contentType),
  })
  return body
}

function assertNotOptedOut(headers: IncomingHttpHeaders): void {
  const said = optOut(headers, ROBOT, Date.now())
  if (said !== null) throw new PhotoError('OPTED_OUT', `the server says ${said}`)
}

/** A page of HTML is refused before its body is read. */
function assertMayBeImage(contentType: string | null): void {
  const type = (contentType ?? '').split(';')[0]!.trim().toLowerCase()
  if (!type.startsWith('image/') && !OPAQUE_TYPES.has(type))
    throw new PhotoError('NOT_AN_IMAGE', `the server says it is ${JSON.stringify(type)}`)
}
