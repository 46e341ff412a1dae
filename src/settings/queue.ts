import { z } from 'zod'
import { MINUTE, SECOND } from '../domain/units.js'
import { REDIS_URL_FORMS } from '../queue/redis-url.js'
import { positiveInteger, redisUrl } from './schemas.js'
import type { Setting } from './setting.js'

export const QUEUE_SETTINGS = {
  REDIS_URL: {
    schema: redisUrl.optional(),
    default: undefined,
    shownDefault: 'the queue is in Postgres',
    expected: REDIS_URL_FORMS,
    help: 'Queue on Redis or Valkey: one server, Sentinel or Cluster. When unset, BullMQ uses the Postgres database.',
  },
  REDIS_TLS_CA: {
    advanced: true,
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'the authorities that Node trusts',
    expected: 'the path of a PEM file',
    help: 'Certificate authorities to trust for a Redis server with TLS (rediss://).',
  },
  REDIS_TLS_CERT: {
    advanced: true,
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'none',
    expected: 'the path of a PEM file',
    help: 'Client certificate for a Redis server that requires one. Needs REDIS_TLS_KEY.',
  },
  REDIS_TLS_KEY: {
    advanced: true,
    schema: z.string().min(1).optional(),
    default: undefined,
    shownDefault: 'none',
    expected: 'the path of a PEM file',
    help: 'Private key of REDIS_TLS_CERT.',
  },
  QUEUE_NAME: {
    advanced: true,
    schema: z.string().regex(/^[a-z0-9_-]{1,64}$/i),
    default: 'unsplash-clip',
    expected: 'letters, digits, _ and -',
    help: 'Name of the queue; workers and producers must agree.',
  },
  QUEUE_LOCK_MS: {
    advanced: true,
    schema: positiveInteger(60 * MINUTE),
    default: 30 * SECOND,
    expected: 'milliseconds, 1 to 3600000',
    help: 'A worker that is silent for this long counts as dead. Other workers take its batches.',
  },
  PHOTOS_PER_JOB: { schema: positiveInteger(1024), default: 32, expected: '1 to 1024', help: 'Photos per job.' },
  MAX_WAITING_BATCHES: {
    advanced: true,
    schema: positiveInteger(1_000_000),
    default: 5000,
    expected: '1 to 1000000',
    help: '`ingest` waits for workers at this many queued batches. 5000 batches of 32 photos take 27 MB in Redis.',
  },
} as const satisfies Record<string, Setting>
