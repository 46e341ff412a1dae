import type { IncomingHttpHeaders } from 'node:http'
import { OutOfReachError, PhotoError } from '../../domain/errors.js'
import type { PhotoRef } from '../../domain/photo.js'
import { keyOfCopyUrl } from '../../domain/places/copy-key.js'
import { isObjectPath } from '../../domain/places/object-place.js'
import { type PhotoVersion, urlHash, versionDigest } from '../../domain/places/photo-version.js'
import { applyUrlTemplate, namedAddress, variablesOf } from '../../domain/places/url-template.js'
import { videoFrame } from '../../domain/places/video-frame.js'
import type { ObjectReader } from '../../domain/ports/object-reader.js'
import type { ObjectStore } from '../../domain/ports/object-store.js'
import type { FileOrigin } from '../../domain/ports/place-repository.js'
import { imageFormat } from '../../images/image-format.js'
import type { Answer, GetOptions, GuardedFetcher, NotModified } from '../../net/fetch.js'
import { optOut } from '../../net/opt-out.js'
import type { Permit } from '../../net/semaphore.js'
import { validatorsOf } from '../../net/validators.js'
import { assertInReach, readImageFile } from './read-file.js'
import { readFrame } from './read-frame.js'
import { readObject } from './read-object.js'
import { readPlace } from './read-place.js'

export interface DownloadOptions {
  fetcher: Pick<GuardedFetcher, 'get' | 'getIfChanged'>
  /** Name of this machine. */
  host?: string
  /** Folders from which `file:` URLs may be read, and buckets: `s3://bucket/prefix`. */
  allowFolders: readonly string[]
  /** Folders that users of this machine ingested, also with `--images`. */
  ingestedFolders?: () => Promise<readonly string[]>
  /** Reads from buckets that were ingested. */
  objects?: () => Promise<ObjectReader>
  /** For URL templates with variables: those that this machine may use, and the variables. */
  templates?: {
    allowed(): Promise<ReadonlySet<string>>
    environment: Readonly<Record<string, string | undefined>>
  }
  /** Has the copies that are embedded instead of their originals. */
  store?: Pick<ObjectStore, 'get'>
  /** Downloads images although their server opts out. */
  ignoreOptOut?: boolean
  /** Largest image file, in bytes; the fetcher has its own limit for the network. */
  maxBytes: number
  /** Largest frame of a video, in pixels; default: 120 million. */
  maxPixels?: number
}

/** Name under which a server addresses this crawler; the first word of the User-Agent. */
const ROBOT = 'unsplash-clip'

/**
 * The bytes of a photo that start like a supported image format. Decoding finds out whether the rest is sound.
 * @param origin where a file lies; default: on this machine
 * @param permit taken once the image may be read: what waits for its host holds none. The caller gives it back
 * @param known the version that need not be read again
 * @throws PhotoError, HostPausedError, OutOfReachError, see {@link GuardedFetcher.get}, {@link readImageFile},
 * {@link readPlace} and {@link imageFormat};
 * the signal's reason
 */
export async function download(
  photo: Pick<PhotoRef, 'url'> & Partial<PhotoRef>,
  options: DownloadOptions,
  signal?: AbortSignal,
  permit?: Permit,
  origin: FileOrigin = { host: options.host },
  known?: PhotoVersion | null,
): Promise<Downloaded> {
  const { bytes, version } = await bytesOf(photo, options, origin, signal, permit, known)
  if (bytes !== null) imageFormat(bytes)
  return { image: bytes, version }
}

/** The bytes of a photo, or null when they are the known version. */
export interface Downloaded {
  image: Buffer | null
  /** Null for a photo that is identified by its content, and for a stored copy. */
  version: PhotoVersion | null
}

/** Whether a photo is read without a request to an image host: a file of this machine, or a stored copy. */
export function isLocal(photo: Pick<PhotoRef, 'url'>): boolean {
  return isFile(photo) || isCopy(photo)
}

/** Whether a photo is embedded from its stored copy. */
export function isCopy(photo: Pick<PhotoRef, 'url'>): boolean {
  return keyOfCopyUrl(photo.url) !== null
}

/** Whether a photo lies in a folder or a bucket that was ingested, instead of at a URL of a host. */
export function isOwn(photo: Pick<PhotoRef, 'url'>): boolean {
  return isFile(photo) || isObjectPath(photo.url)
}

/** Whether a photo is a file of this machine instead of a URL of a host. */
export function isFile(photo: Pick<PhotoRef, 'url'>): boolean {
  return /^file:/i.test(namedAddress(photo).trim())
}

async function bytesOf(
  photo: Pick<PhotoRef, 'url'> & Partial<PhotoRef>,
  options: DownloadOptions,
  origin: FileOrigin,
  signal?: AbortSignal,
  permit?: Permit,
  known?: PhotoVersion | null,
): Promise<{ bytes: Buffer | null; version: PhotoVersion | null }> {
  const key = keyOfCopyUrl(photo.url)
  if (key !== null) return { bytes: await readCopy(key, options, signal, permit), version: null }
  if (isObjectPath(photo.url))
    return { bytes: await readFromBucket(photo, options, origin, signal, permit), version: null }
  const address = await addressOf(photo, options)
  if (!isFile({ url: address })) return fetchVersion(photo, address, options, signal, permit, known)
  const bytes = await readFile({ ...photo, url: address }, options, origin, signal, permit)
  if (origin.places !== undefined || videoFrame(address) !== null) return { bytes, version: null }
  return changed(bytes, { urlHash: urlHash(photo), ...NO_VALIDATORS }, known)
}

const NO_VALIDATORS = { etag: null, lastModified: null }

/** The server decides; where it sends the image again, its bytes do. */
async function fetchVersion(
  photo: Pick<PhotoRef, 'url'> & Partial<PhotoRef>,
  address: string,
  options: DownloadOptions,
  signal?: AbortSignal,
  permit?: Permit,
  known?: PhotoVersion | null,
): Promise<{ bytes: Buffer | null; version: PhotoVersion }> {
  const hash = urlHash(photo)
  const answer = await fetchImage(address, options, signal, permit, known?.urlHash === hash ? known : null)
  const { etag, lastModified } = validatorsOf(answer.headers)
  if (!('notModified' in answer)) return changed(answer.body, { urlHash: hash, etag, lastModified }, known)
  return {
    bytes: null,
    version: { ...known!, etag: etag ?? known!.etag, lastModified: lastModified ?? known!.lastModified },
  }
}

function changed(
  bytes: Buffer,
  about: Pick<PhotoVersion, 'urlHash' | 'etag' | 'lastModified'>,
  known: PhotoVersion | null | undefined,
): { bytes: Buffer | null; version: PhotoVersion } {
  const version = { ...about, length: bytes.length, digest: versionDigest(bytes) }
  return { bytes: version.digest === known?.digest ? null : bytes, version }
}

/** @throws OutOfReachError for a template that this worker may not use, or whose variables are not set here */
async function addressOf(
  { id = '', url, template }: Pick<PhotoRef, 'url'> & Partial<PhotoRef>,
  { templates }: Pick<DownloadOptions, 'templates'>,
): Promise<string> {
  if (template === undefined) return url
  if (!(await templates?.allowed())?.has(template))
    throw new OutOfReachError(template, 'it was not given on this machine', 'TEMPLATE_UNKNOWN')
  const environment = templates!.environment
  const unset = variablesOf(template).find(name => !environment[name])
  if (unset !== undefined)
    throw new OutOfReachError(template, `the environment variable ${unset} is not set here`, 'TEMPLATE_UNKNOWN')
  try {
    return applyUrlTemplate(template, { photoId: id, imageUrl: url }, environment)
  } catch (cause) {
    throw new PhotoError('INVALID_URL', `the URL template ${template} gives no URL for this photo`, { cause })
  }
}

async function readCopy(
  key: string,
  { store }: DownloadOptions,
  signal?: AbortSignal,
  permit?: Permit,
): Promise<Buffer> {
  await permit?.take(signal ?? new AbortController().signal)
  if (key === '') throw new PhotoError('FILE_NOT_FOUND', 'no stored copy is recorded any more')
  const copy = await store?.get(key)
  if (!copy) throw new PhotoError('FILE_NOT_FOUND', `${key} is not in the object store`)
  return copy
}

async function readFromBucket(
  { id = '', url }: Pick<PhotoRef, 'url'> & Partial<PhotoRef>,
  { objects, maxBytes, ...options }: DownloadOptions,
  { places = [] }: FileOrigin,
  signal?: AbortSignal,
  permit?: Permit,
): Promise<Buffer> {
  await permit?.take(signal ?? new AbortController().signal)
  if (objects === undefined) throw new OutOfReachError(url)
  const folders = await readableFolders(options)
  return readObject(id, places, { objects: await objects(), folders, maxBytes }, signal)
}

async function readableFolders({
  allowFolders,
  ingestedFolders,
}: Pick<DownloadOptions, 'allowFolders' | 'ingestedFolders'>): Promise<string[]> {
  return [...allowFolders, ...((await ingestedFolders?.()) ?? [])]
}

async function readFile(
  { id = '', url }: Pick<PhotoRef, 'url'> & Partial<PhotoRef>,
  { host, maxBytes, maxPixels = 120_000_000, ...options }: DownloadOptions,
  origin: FileOrigin,
  signal?: AbortSignal,
  permit?: Permit,
): Promise<Buffer> {
  await permit?.take(signal ?? new AbortController().signal)
  const folders = await readableFolders(options)
  const isFrame = videoFrame(url) !== null
  if (origin.places !== undefined && !isFrame) return readPlace(id, origin.places, { folders, maxBytes }, signal)
  const isHere = origin.host === host
  // The same path on another machine may be another folder, unless a user of this one says that it is mounted.
  const readable = isHere || origin.host === undefined ? folders : options.allowFolders
  if (!isHere || isFrame) await assertInReach(url, readable)
  if (isFrame) return readFrame({ id, url, isHere }, { folders: readable, maxBytes, maxPixels }, signal)
  return readImageFile(url, { folders: readable, maxBytes }, signal)
}

async function fetchImage(
  url: string,
  { fetcher, ignoreOptOut }: DownloadOptions,
  signal?: AbortSignal,
  permit?: Permit,
  known?: PhotoVersion | null,
): Promise<Answer | NotModified> {
  const get: GetOptions = {
    accept: 'image/avif,image/webp,image/jpeg,image/png,image/gif,image/tiff,image/*;q=0.5',
    signal,
    permit,
    onHop: ignoreOptOut ? undefined : assertNotOptedOut,
    // The first bytes decide, not the content type, which servers get wrong. Ends the download of anything else early.
    onStart: imageFormat,
  }
  return known ? fetcher.getIfChanged(url, known, get) : fetcher.get(url, get)
}

function assertNotOptedOut(headers: IncomingHttpHeaders): void {
  const said = optOut(headers, ROBOT, Date.now())
  if (said !== null) throw new PhotoError('OPTED_OUT', `the server says ${said}`)
}
