import type { IncomingHttpHeaders } from 'node:http'
import { PhotoError } from '../../domain/errors.js'
import type { PhotoRef } from '../../domain/photo.js'
import { imageFormat } from '../../images/image-format.js'
import type { GuardedFetcher } from '../../net/fetch.js'
import { optOut } from '../../net/opt-out.js'
import type { Permit } from '../../net/semaphore.js'
import { readImageFile } from './read-file.js'

export interface DownloadOptions {
  fetcher: Pick<GuardedFetcher, 'get'>
  /** Folders from which `file:` URLs may be read. */
  allowFolders: readonly string[]
  /** Downloads images although their server opts out. */
  ignoreOptOut?: boolean
  /** Largest image file, in bytes; the fetcher has its own limit for the network. */
  maxBytes: number
}

/** Name under which a server addresses this crawler; the first word of the User-Agent. */
const ROBOT = 'unsplash-clip'

/**
 * The bytes of a photo that start like a supported image format. Decoding finds out whether the rest is sound.
 * @param permit taken once the image may be read: what waits for its host holds none. The caller gives it back
 * @throws PhotoError, HostPausedError, see {@link GuardedFetcher.get}, {@link readImageFile} and {@link imageFormat};
 * the signal's reason
 */
export async function download(
  photo: Pick<PhotoRef, 'url'>,
  options: DownloadOptions,
  signal?: AbortSignal,
  permit?: Permit,
): Promise<Buffer> {
  const image = isFile(photo)
    ? await readFile(photo.url, options, signal, permit)
    : await fetchImage(photo.url, options, signal, permit)
  imageFormat(image)
  return image
}

/** Whether a photo is a file of this machine instead of a URL of a host. */
export function isFile({ url }: Pick<PhotoRef, 'url'>): boolean {
  return /^file:/i.test(url.trim())
}

async function readFile(
  url: string,
  { allowFolders, maxBytes }: DownloadOptions,
  signal?: AbortSignal,
  permit?: Permit,
): Promise<Buffer> {
  await permit?.take(signal ?? new AbortController().signal)
  return readImageFile(url, { folders: allowFolders, maxBytes }, signal)
}

async function fetchImage(
  url: string,
  { fetcher, ignoreOptOut }: DownloadOptions,
  signal?: AbortSignal,
  permit?: Permit,
): Promise<Buffer> {
  const { body } = await fetcher.get(url, {
    accept: 'image/avif,image/webp,image/jpeg,image/png,image/gif,image/tiff,image/*;q=0.5',
    signal,
    permit,
    onHop: ignoreOptOut ? undefined : assertNotOptedOut,
    // The first bytes decide, not the content type, which servers get wrong. Ends the download of anything else early.
    onStart: imageFormat,
  })
  return body
}

function assertNotOptedOut(headers: IncomingHttpHeaders): void {
  const said = optOut(headers, ROBOT, Date.now())
  if (said !== null) throw new PhotoError('OPTED_OUT', `the server says ${said}`)
}
