import type { BackendFactory, IQueueBackend } from 'bullmq'
import { AppError } from '../domain/errors.js'

/** What BullMQ stores its jobs in, with the connection to it. */
export interface QueueBackend {
  /** For people, without credentials. */
  readonly location: string
  /** Longest wait of an idle worker before it asks again, where nothing wakes it. */
  readonly pollMs: number
  /** Builds BullMQ's view of this backend; connections are of its own choosing, not taken from the options. */
  readonly factory: BackendFactory<IQueueBackend, object>
  /** Opens the connections that a consumer renews its locks on. */
  warmUp(): Promise<void>
  /** BullMQ's names of the states of those jobs that are there. One chunk of ids. */
  states(bull: IQueueBackend, jobIds: readonly string[]): Promise<Map<string, string>>
  /** Removes jobs that are waiting, delayed or failed, each or not at all. One chunk of ids. @returns those removed */
  remove(bull: IQueueBackend, jobIds: readonly string[]): Promise<string[]>
  /** Whether an error says that the server is away, rather than that it refused a command. */
  isUnreachable(error: unknown): boolean
  /** Cuts connections that could not be closed in good order, because the server is away; waits for nothing. */
  drop(bull: IQueueBackend): void
  /** Lets go of what is shared between producer and consumers, once those are closed. */
  close(): Promise<void>
}

/** QUEUE_UNREACHABLE with the reason that is at the bottom of the chain of causes. */
export function unreachable(location: string, whatToDo: string, cause: unknown): AppError {
  return new AppError(
    'QUEUE_UNREACHABLE',
    `The queue at ${location} cannot be reached: ${reason(cause)}. ${whatToDo}`,
    {
      cause,
    },
  )
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.errors.length > 0) return reason(error.errors[0])
  return error.cause instanceof Error ? reason(error.cause) : error.message.replace(/\.$/, '')
}
