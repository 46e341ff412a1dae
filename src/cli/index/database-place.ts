import type { App } from '../../compose/app.js'
import type { DatabasePlace } from '../../indexing/build-resources.js'

export function databasePlace({ database, config }: App): DatabasePlace {
  return { embedded: database.embedded, url: config.DATABASE_URL }
}
