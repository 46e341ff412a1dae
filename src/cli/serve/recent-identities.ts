import type { ModelIdentity } from '../../domain/model.js'
import { SECOND } from '../../domain/units.js'

/** How long the identity of a model holds. Files that are replaced meanwhile are noticed after it. */
const HOLDS_MS = 2 * SECOND

/**
 * The identities of models, read again after some time instead of for each search: reading one asks the file system about
 * each file of the model, one after the other, in threads that wait for their turn on a busy machine.
 */
export class RecentIdentities {
  readonly #known = new Map<string, { readAt: number; identity: Promise<ModelIdentity> }>()

  constructor(
    private readonly identify: (key: string) => Promise<ModelIdentity>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  of(key: string): Promise<ModelIdentity> {
    const known = this.#known.get(key)
    if (known && this.now() - known.readAt < HOLDS_MS) return known.identity
    const identity = this.identify(key)
    this.#known.set(key, { readAt: this.now(), identity })
    // The next one asks again.
    identity.catch(() => this.#known.delete(key))
    return identity
  }
}
