import { AppError, DATABASE_OUTAGES, PhotoError } from '../../domain/errors.js'

/** The services that a worker needs. An outage of one counts against neither photo nor batch. */
export const SERVICES = ['database', 'queue', 'store', 'network'] as const
export type Service = (typeof SERVICES)[number]

const AWAY: Partial<Record<string, Service>> = {
  ...Object.fromEntries([...DATABASE_OUTAGES].map(code => [code, 'database' as const])),
  QUEUE_FULL: 'queue',
  QUEUE_UNREACHABLE: 'queue',
  STORE_UNREACHABLE: 'store',
  STORE_FAILED: 'store',
}

/** Whether work should wait for the service. A full queue gets room only by work that goes on. */
export function holdsWork(error: unknown): boolean {
  return !(error instanceof AppError && error.code === 'QUEUE_FULL')
}

/** The service that an error shows to be away; null for all other errors. */
export function outageOf(error: unknown): Service | null {
  return error instanceof AppError || error instanceof PhotoError ? (AWAY[error.code] ?? null) : null
}
