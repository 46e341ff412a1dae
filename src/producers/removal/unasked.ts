/** Share of all photos, and of each folder's files, that may vanish unasked: a disk that is not mounted lacks more. */
const SHARE = 0.1
/** Photos that may vanish from a small folder, too, if something is left of it. */
const PHOTOS = 3

/** Whether the share that is gone is small enough to be removed unasked. */
export function mayGoUnasked(gone: number, of: number): boolean {
  return gone === 0 || (gone < of && gone <= Math.max(PHOTOS, SHARE * of))
}
