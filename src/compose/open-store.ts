import type { Config } from '../config.js'
import type { ObjectStore } from '../domain/ports/object-store.js'
import { parseObjectStoreLocation } from '../storage/location.js'
import type { S3Connection } from '../storage/s3-client.js'
import type { S3Objects } from '../storage/s3-objects.js'

/** @param at a folder or an `s3://` address. @throws AppError CONFIG_INVALID */
export async function openStore(at: string, config: Config): Promise<ObjectStore> {
  const location = parseObjectStoreLocation(at)
  if (location.kind === 'folder') {
    const { FolderStore } = await import('../storage/folder-store.js')
    return new FolderStore(location.folder)
  }
  const { S3Store } = await import('../storage/s3-store.js')
  return new S3Store({ bucket: location.bucket, prefix: location.prefix, ...connectionOf(config) })
}

/** For photos in buckets. */
export async function openObjects(config: Config): Promise<S3Objects> {
  const { S3Objects } = await import('../storage/s3-objects.js')
  return new S3Objects({ ...connectionOf(config), timeoutMs: config.DOWNLOAD_TIMEOUT_MS })
}

function connectionOf(config: Config): S3Connection {
  return { region: config.S3_REGION, endpoint: config.S3_ENDPOINT, forcePathStyle: config.S3_FORCE_PATH_STYLE }
}
