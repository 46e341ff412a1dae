import { AppError, PhotoError } from '../domain/errors.js'

/** What a worker cannot do without. When one is away, nobody is to blame for it: neither a photo nor a batch. */
export const SERVICES = ['database', 'queue', 'store'] as const
export type Service = (typeof SERVICES)[number]

const AWAY: Partial<Record<string, Service>> = {
  DATABASE_UNREACHABLE: 'database',
  QUEUE_UNREACHABLE: 'queue',
  STORE_UNREACHABLE: 'store',
  STORE_FAILED: 'store',
}

/** The service whose absence an error tells of; null for all other errors. */
export function outageOf(error: unknown): Service | null {
  return error instanceof AppError || error instanceof PhotoError ? (AWAY[error.code] ?? null) : null
}
