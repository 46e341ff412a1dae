import type { Photo } from '../photo.js'
import type { ModelId, RefusedRow } from './repository.js'

/** What tells a changed file from an unchanged one without reading it. */
export interface FileState {
  /** Absolute. */
  path: string
  /** In bytes. */
  size: number
  /** Last modification, in nanoseconds since 1970. */
  mtimeNs: bigint
  inode: bigint
}

/** A file whose content is known. */
export interface PhotoPlace extends FileState {
  /** SHA-256 of its bytes, 32 bytes. */
  digest: Buffer
  /** Modified so shortly before it was read that a later change may show the same time: it is read again. */
  recheck: boolean
}

/** A recorded place, as a worker sees it. */
export interface KnownPlace {
  /** Absolute, on the machine that ingested it. */
  path: string
  /** Whether this machine ingested it. On another one the same path may hold another file. */
  isHere: boolean
}

/** Where the file of a photo lies. */
export interface FileOrigin {
  /** Of a photo that is identified by its content. */
  places?: readonly KnownPlace[]
  /** Machine whose path the URL of any other file names; undefined: unknown. */
  host?: string
}

export interface PlacedPhoto {
  photo: Photo
  place: PhotoPlace
}

/**
 * Where the photos of folders lie on this machine. Promises: a place holds one photo; a photo and its place are recorded in
 * one transaction, so no photo of a folder is ever seen without a place; every call may be repeated.
 */
export interface PlaceRepository {
  /**
   * Photos of the files that did not change since they were recorded: photo id by path.
   * @param files `mustBeEmbedded`: only if its photo is
   */
  unchanged(files: readonly (FileState & { mustBeEmbedded?: boolean })[]): Promise<Map<string, string>>
  /**
   * Stores photos and their places. A photo that lay at one of these places before keeps its other places.
   * @returns the refused rows
   */
  record(runId: string, photos: readonly PlacedPhoto[]): Promise<RefusedRow[]>
  /** Clears the failures of photos whose file a worker did not find, or found changed: the producer has just seen it. */
  clearFileFailures(modelId: ModelId, photoIds: readonly string[]): Promise<void>
  /**
   * Places of photos on any machine by photo id: those of this machine first, then the latest. No entry: the photo is of no
   * folder.
   */
  placesOf(photoIds: readonly string[]): Promise<Map<string, KnownPlace[]>>
}
