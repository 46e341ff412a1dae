import { afterAll, afterEach, beforeAll } from 'vitest'
import { PostgresKeyRepository } from '../../src/db/key-repository.js'
import { newApiKey, type Scope } from '../../src/domain/api-key.js'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { type Fresh, freshDatabases } from '../db/fresh-databases.js'
import { embeddedServer } from '../support/servers/postgres.js'
import { plantPhotos, removeStore, startApi, type TestApi, type TestChanges } from './support.js'

/** A collection and its keys for the tests of a file, and servers of it that end with each test. */
export function servedKeys() {
  const fresh = freshDatabases(embeddedServer)
  let made: Fresh
  let keys: PostgresKeyRepository
  let store: FolderStore | undefined
  const opened: TestApi[] = []

  beforeAll(async () => {
    made = await fresh()
    keys = new PostgresKeyRepository(made.database)
    store = await plantPhotos(made.database, made.modelId)
  })
  afterEach(async () => {
    for (const api of opened.splice(0)) await api.close()
  })
  afterAll(() => removeStore(store))

  return {
    made: () => made,
    keys: () => keys,
    /** @param anonymous what a request without a key may do */
    async serve(anonymous: Scope | null, { options, ...changes }: TestChanges = {}): Promise<TestApi> {
      const api = await startApi(made.database, store!, { ...changes, options: { anonymous, ...options } })
      opened.push(api)
      return api
    },
    async createKey(scope: Scope, expiresAt: Date | null = null) {
      const { id, key, digest } = newApiKey()
      await keys.create({ id, name: `key ${id}`, scope, digest, expiresAt })
      return { id, key }
    },
  }
}
