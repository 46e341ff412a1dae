/** Share of all photos, and of each folder's files, that may vanish unasked: a disk that is not mounted lacks more. */
const SHARE = 0.1
/** Photos that may vanish from a small folder that is watched, too, if something is left of it. */
const PHOTOS = 3

/** Whether the share that is gone is small enough to be removed unasked. */
export function mayGoUnasked(gone: number, of: number): boolean {
  return gone <= SHARE * of
}

/** The same under `--watch`, where somebody who deletes a few photos waits for them to go and cannot be asked. */
export function mayGoWhileWatched(gone: number, of: number): boolean {
  return mayGoUnasked(gone, of) || (gone < of && gone <= PHOTOS)
}
