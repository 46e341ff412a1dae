import { AppError, PhotoError } from '../domain/errors.js'
import { RetryLaterError, UnrecoverableBatchError } from '../domain/ports/queue.js'
import { isExhausted } from '../domain/text/error-text.js'
import { asText } from '../domain/text/loggable.js'
import { outageOf } from './delivery/outage.js'

/**
 * The photo's failure for an exception in one of its stages: a PhotoError unchanged, anything else as INTERNAL_ERROR,
 * so that no photo fails its batch.
 * @returns null for errors that concern the batch: an outage of a service, a process that can open no more files,
 * RetryLaterError and UnrecoverableBatchError
 */
export function failureOfPhoto(thrown: unknown): PhotoError | null {
  if (isExhausted(thrown)) return null
  if (thrown instanceof PhotoError) return thrown
  if (thrown instanceof RetryLaterError || thrown instanceof UnrecoverableBatchError || outageOf(thrown) !== null)
    return null
  return new PhotoError('INTERNAL_ERROR', describe(thrown), { cause: thrown })
}

function describe(thrown: unknown): string {
  if (thrown instanceof AppError) return `${thrown.code}: ${thrown.message}`
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : `a stage threw ${asText(thrown)}`
}
