import { S3Client } from '@aws-sdk/client-s3'
import { SECOND } from '../domain/units.js'

// Otherwise the SDK prints a warning about future versions of Node and of itself, neither of which its user chose.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'

export interface S3Connection {
  region: string
  /** `http://host:port` of a compatible server. Default: AWS. */
  endpoint?: string
  /** `http://host/bucket/key` instead of `http://bucket.host/key`. */
  forcePathStyle?: boolean
  /** Attempts per operation, with backoff between them. Default: 4. */
  maxAttempts?: number
  /** Default: 5 s. */
  connectTimeoutMs?: number
  /** Silence that ends an attempt. Default: 30 s. */
  requestTimeoutMs?: number
}

/** Credentials come from the SDK's default chain: environment, shared files, container or instance role. */
export function openS3Client(options: S3Connection): S3Client {
  const { region, endpoint, forcePathStyle = false } = options
  return new S3Client({
    region,
    endpoint,
    forcePathStyle,
    maxAttempts: options.maxAttempts ?? 4,
    requestHandler: {
      connectionTimeout: options.connectTimeoutMs ?? 5 * SECOND,
      socketTimeout: options.requestTimeoutMs ?? 30 * SECOND,
    },
    // Many compatible servers do not support trailing checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}
