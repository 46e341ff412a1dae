import { z } from 'zod'
import { MINUTE, SECOND } from '../domain/units.js'
import { EXECUTION_PROVIDERS } from '../models/runtime/providers.js'
import { positiveInteger, textList } from './schemas.js'
import type { Setting } from './setting.js'

export const WORKERS_SETTINGS = {
  EXECUTION_PROVIDER: {
    schema: textList.pipe(z.array(z.enum(EXECUTION_PROVIDERS)).min(1)),
    default: ['cpu'],
    expected: `${EXECUTION_PROVIDERS.join(', ')}, or several separated by commas`,
    help: 'Where the encoder runs. `cuda,cpu`: the first that works. See docs/guides/gpu.md.',
  },
  THREADS: {
    schema: z.coerce.number().int().min(0).max(256),
    default: 0,
    shownDefault: '0: one per core',
    expected: '0 to 256',
    help: 'Encoder threads per worker process.',
  },
  WORKER_CONCURRENCY: {
    advanced: true,
    schema: positiveInteger(64),
    default: 2,
    expected: '1 to 64',
    help: 'Batches that a worker process handles at once, so that their stages overlap.',
  },
  IMAGES_PER_CALL: {
    advanced: true,
    schema: positiveInteger(1024).optional(),
    default: undefined,
    shownDefault: '8 on the CPU, 64 elsewhere',
    expected: '1 to 1024',
    help: 'Images per inference call. Larger batches suit GPUs.',
  },
  MAX_ATTEMPTS: {
    advanced: true,
    schema: positiveInteger(20),
    default: 5,
    expected: '1 to 20',
    help: 'Attempts per photo when its failure may be temporary (timeout, 429, 5xx).',
  },
  RETRY_BASE_MS: {
    advanced: true,
    schema: positiveInteger(10 * MINUTE),
    default: 2 * SECOND,
    expected: 'milliseconds, 1 to 600000',
    help: 'Delay before the second attempt. It doubles each time, with jitter.',
  },
} as const satisfies Record<string, Setting>
