import type { Filter } from './search.js'

export interface RemovedCopy {
  key: string
  /** Whether it is known to have been stored. */
  isCertain: boolean
}

/** Photos and their places that a source no longer has. */
export interface Vanished {
  /** Photos that lie nowhere else. */
  photoIds: string[]
  /** All photos of the source that the database has. */
  of: number
}

/**
 * Removal of photos. Promises: a photo goes with its embeddings, labels, failures, places and rows of other tables in one
 * transaction, in which its copies are noted for deletion; so a killed process leaves no copy that nothing knows. A photo
 * that comes back keeps its copies. Files of the user are never touched.
 */
export interface RemovalRepository {
  countPhotos(): Promise<number>
  /** Of these ids those that the database has. */
  existing(photoIds: readonly string[]): Promise<string[]>
  /** Photos with these page or image URLs, or at these absolute paths of this machine; of a video its frames: ids by address. */
  byAddress(addresses: readonly string[]): Promise<Map<string, string[]>>
  /** @throws AppError FILTER_INVALID */
  matching(filters: readonly Filter[]): Promise<string[]>
  /** Photos from tables or URL lists, ordered by id, as a stream of pages. */
  remotePhotos(pageSize: number): AsyncIterable<{ id: string; url: string }[]>
  /** Recorded paths of this machine below a folder, in order, as a stream of pages. */
  pathsBelow(folder: string, pageSize: number): AsyncIterable<string[]>
  /** What would vanish if these places were forgotten, with the photos of the folders that lie nowhere already. */
  vanishing(folders: readonly string[], gonePaths: readonly string[]): Promise<Vanished>
  /** Of these paths of this machine, and of all paths below them, those that are recorded. */
  pathsAmong(paths: readonly string[]): Promise<string[]>
  /** The time of the database. */
  now(): Promise<string>
  /**
   * Forgets places of this machine. Their photos keep their other places.
   * @param goneAt when the files were found to be gone, from {@link now}: one that was recorded later is back, and stays
   */
  forget(paths: readonly string[], goneAt: string): Promise<void>
  /**
   * Removes photos in one transaction: some thousand at a time.
   * @param options `onlyWithoutPlace`: keeps photos that lie somewhere; `copyKey`: where a copy of a photo may lie
   * @returns the number of removed photos
   */
  remove(
    photoIds: readonly string[],
    options: { onlyWithoutPlace: boolean; copyKey: (photoId: string) => string },
  ): Promise<number>
  /** Whether copies of removed photos are still to be deleted. */
  hasRemovedCopies(): Promise<boolean>
  /**
   * Deletes copies of removed photos, one page in one transaction.
   * @param deleteAll deletes them from the object store, where a missing one is no error. Returns how many there were
   * @returns that number; null: none was left to delete
   */
  deleteCopies(limit: number, deleteAll: (copies: readonly RemovedCopy[]) => Promise<number>): Promise<number | null>
}
