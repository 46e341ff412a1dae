import { z } from 'zod'
import { MINUTE } from '../domain/units.js'
import { positiveInteger, url } from './schemas.js'
import type { Setting } from './setting.js'

export const DATABASE_SETTINGS = {
  DATABASE_URL: {
    schema: url(['postgres:', 'postgresql:']).optional(),
    default: undefined,
    shownDefault: 'the embedded server',
    expected: 'postgres://user:password@host:5432/database',
    help: 'Postgres >= 15 with pgvector >= 0.8. When unset, the embedded server starts on demand.',
  },
  DATABASE_POOL_SIZE: {
    advanced: true,
    schema: positiveInteger(200),
    default: 8,
    expected: '1 to 200',
    help: 'Maximum Postgres connections per process. The queue on Postgres uses about 4 more.',
  },
  DATABASE_STATEMENT_TIMEOUT_MS: {
    advanced: true,
    schema: z.coerce
      .number()
      .int()
      .min(0)
      .max(24 * 60 * MINUTE),
    default: 5 * MINUTE,
    expected: 'milliseconds; 0: never',
    help: 'The server cancels statements that take longer, except migrations. The embedded server has no such limit.',
  },
  EMBEDDED_IDLE_MS: {
    advanced: true,
    schema: z.coerce
      .number()
      .int()
      .min(0)
      .max(24 * 60 * MINUTE),
    default: 10 * MINUTE,
    expected: 'milliseconds; 0: never',
    help: 'The embedded server stops after this long without connections.',
  },
} as const satisfies Record<string, Setting>
