import { z } from 'zod'
import { positiveInteger, url } from './schemas.js'
import type { Setting } from './setting.js'

export const STORED_COPIES_SETTINGS = {
  OBJECT_STORE: {
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: '$UNSPLASH_CLIP_HOME/objects',
    expected: 'a folder or s3://bucket/prefix',
    help: 'Where to store the compressed copies.',
  },
  S3_ENDPOINT: {
    schema: url(['http:', 'https:']).optional(),
    default: undefined,
    shownDefault: 'AWS',
    expected: 'http://host:port',
    help: 'Address of an S3-compatible server. Credentials come from the AWS SDK’s default chain.',
  },
  S3_REGION: {
    schema: z.string().min(1),
    default: 'us-east-1',
    expected: 'a region name',
    help: 'Region of the bucket.',
  },
  S3_FORCE_PATH_STYLE: {
    advanced: true,
    schema: z.enum(['true', 'false']).transform(value => value === 'true'),
    default: false,
    expected: 'true or false',
    help: 'Use http://host/bucket/key instead of http://bucket.host/key. Most self-hosted servers need true.',
  },
  S3_SIGNED_COPIES: {
    advanced: true,
    schema: z.enum(['true', 'false']).transform(value => value === 'true'),
    default: false,
    expected: 'true or false',
    help: '`serve` redirects requests for whole copies to signed addresses of the bucket, which clients must reach.',
  },
  COPY_HEIGHT: {
    advanced: true,
    schema: positiveInteger(8192),
    default: 512,
    expected: 'pixels, 1 to 8192',
    help: 'Height of the compressed copy.',
  },
  COPY_QUALITY: {
    advanced: true,
    schema: positiveInteger(100),
    default: 65,
    expected: '1 to 100',
    help: 'JPEG quality of the compressed copy.',
  },
} as const satisfies Record<string, Setting>
