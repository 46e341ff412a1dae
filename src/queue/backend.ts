import type { BackendFactory, IQueueBackend } from 'bullmq'
import { AppError } from '../domain/errors.js'

/** The storage of BullMQ's jobs, with its connection. */
export interface QueueBackend {
  /** For display, without credentials. */
  readonly location: string
  /** Longest wait of an idle worker before it polls again, when nothing wakes it. */
  readonly pollMs: number
  /** Builds BullMQ's view of this backend. It chooses its connections and ignores those of the options. */
  readonly factory: BackendFactory<IQueueBackend, object>
  /** Opens the connections for the renewal of a consumer's locks. */
  warmUp(): Promise<void>
  /** Returns BullMQ's state names of the existing jobs. One chunk of ids. */
  states(bull: IQueueBackend, jobIds: readonly string[]): Promise<Map<string, string>>
  /** Removes jobs that are waiting, delayed or failed, each atomically. One chunk of ids. @returns the removed ones */
  remove(bull: IQueueBackend, jobIds: readonly string[]): Promise<string[]>
  /**
   * QUEUE_UNREACHABLE or QUEUE_FULL for an error that is no fault of the command: the server cannot be reached or
   * cannot work now. Null for all others.
   */
  outageOf(error: unknown): AppError | null
  /** What the server says about itself. Only of servers that dashboards of BullMQ know. */
  info?(bull: IQueueBackend): Promise<string>
  /** Writes something small that does not last. Rejects when the server cannot be reached or refuses writes. */
  check(bull: IQueueBackend): Promise<void>
  /** Drops connections that could not be closed properly because the server is unreachable. Waits for nothing. */
  drop(bull: IQueueBackend): void
  /** Releases resources shared by producer and consumers, after those are closed. */
  close(): Promise<void>
}

/** What to do about a server that was reachable before. */
export const START_AGAIN = 'Nothing is lost: start the server and try again.'

/** Returns QUEUE_UNREACHABLE with the innermost cause. */
export function unreachable(location: string, whatToDo: string, cause: unknown): AppError {
  return new AppError(
    'QUEUE_UNREACHABLE',
    `The queue at ${location} cannot be reached: ${rootMessage(cause)}. ${whatToDo}`,
    { cause },
  )
}

function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.errors.length > 0) return rootMessage(error.errors[0])
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message.replace(/\.$/, '')
}
