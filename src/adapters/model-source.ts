import type { Config } from '../config.js'
import type { ModelSource } from '../models/source.js'

/** Where model files are fetched from: the hub, a bucket, or a folder. @throws AppError CONFIG_INVALID */
export async function modelSourceOf(config: Config): Promise<ModelSource> {
  const { modelSource } = await import('../models/sources.js')
  return modelSource({
    modelSource: config.MODEL_SOURCE,
    hubEndpoint: config.HF_ENDPOINT,
    s3: { endpoint: config.S3_ENDPOINT, region: config.S3_REGION, forcePathStyle: config.S3_FORCE_PATH_STYLE },
  })
}
