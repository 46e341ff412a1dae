import type { App } from '../../compose/app.js'
import { copyKey } from '../../domain/places/copy-key.js'
import type { RemovalRepository } from '../../domain/ports/removal-repository.js'
import { MountMemory } from '../../producers/places/mount-memory.js'
import type { RemovalDeps } from '../../producers/removal/remove-photos.js'

/** What a removal needs. The object store is opened when there are copies to delete. */
export function removalDeps(app: App, removals: RemovalRepository): RemovalDeps {
  const { COPY_HEIGHT: height, COPY_QUALITY: quality, UNSPLASH_CLIP_HOME: home } = app.config
  return {
    removals,
    store: () => app.store(),
    copyKey: photoId => copyKey(photoId, { height, quality }),
    mounts: new MountMemory(home),
  }
}
