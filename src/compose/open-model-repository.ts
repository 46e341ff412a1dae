import type { Config } from '../config.js'
import { FolderRepository } from '../models/adding/sources/folder-repository.js'
import { HubRepository } from '../models/adding/sources/hub-repository.js'
import { parseSource, type Repository } from '../models/adding/sources/repository.js'
import { S3Repository } from '../models/adding/sources/s3-repository.js'
import { HubSource } from '../models/files/hub-source.js'

type Settings = Pick<Config, 'HF_ENDPOINT' | 'HF_TOKEN' | 'S3_ENDPOINT' | 'S3_REGION' | 'S3_FORCE_PATH_STYLE'>

/**
 * Opens what SOURCE of `models add` names. Contacts nobody.
 * @throws AppError USAGE, CONFIG_INVALID
 */
export function openRepository(text: string, config: Settings): Repository {
  const source = parseSource(text)
  if (source.kind === 'hub') return openHubRepository(source.repository, source.revision, config)
  if (source.kind === 'folder') return new FolderRepository(source.folder)
  const { bucket, prefix } = source
  return new S3Repository(source.source, {
    bucket,
    prefix: decodeURIComponent(prefix),
    endpoint: config.S3_ENDPOINT,
    region: config.S3_REGION,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
  })
}

/** @param repository `owner/name` @param revision branch, tag or commit */
export function openHubRepository(repository: string, revision: string, config: Settings): Repository {
  return new HubRepository(new HubSource(config.HF_ENDPOINT, { token: config.HF_TOKEN }), repository, revision)
}
