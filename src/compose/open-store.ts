import type { Config } from '../config.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import { parseObjectStoreLocation } from '../storage/location.js'

/** @param at a folder or an `s3://` address. @throws AppError CONFIG_INVALID */
export async function openStore(at: string, config: Config): Promise<ObjectStore> {
  const location = parseObjectStoreLocation(at)
  if (location.kind === 'folder') {
    const { FolderStore } = await import('../storage/folder-store.js')
    return new FolderStore(location.folder)
  }
  const { S3Store } = await import('../storage/s3-store.js')
  return new S3Store({
    bucket: location.bucket,
    prefix: location.prefix,
    region: config.S3_REGION,
    endpoint: config.S3_ENDPOINT,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
  })
}
