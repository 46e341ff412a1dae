import { setTimeout as pause } from 'node:timers/promises'
import type { RedisQueueBackend } from 'bullmq'
import { SECOND } from '../domain/units.js'

/** Pause after a refused command. Each one is a round trip to a server in trouble. */
const PAUSE_MS = SECOND / 2

/** Records what became of a batch. Otherwise BullMQ would count the refusal as a rejection of the batch, or lose it. */
const RECORDING = ['moveToCompleted', 'moveToFailed', 'moveToDelayed', 'moveJobFromActiveToWait'] as const

/** Asks for the next batch. BullMQ asks again at once after an error that it does not recognise as one of the connection. */
const ASKING = ['moveToActive', 'waitForJob'] as const

/**
 * Makes a consumer's backend wait for a server that answers, but refuses to work, as it waits for one that is
 * unreachable: what became of a batch is recorded as soon as the server permits it.
 * @param isRefusal whether the server refused a command that it may accept later
 */
export function withPatience(bull: RedisQueueBackend, isRefusal: (error: unknown) => boolean): RedisQueueBackend {
  const methods = bull as unknown as Record<string, (...parameters: unknown[]) => Promise<unknown>>
  for (const name of RECORDING) {
    const record = methods[name]!.bind(bull)
    methods[name] = async (...parameters) => {
      for (;;) {
        try {
          return await record(...parameters)
        } catch (error) {
          if (bull.closing || !isRefusal(error)) throw error
          await pause(PAUSE_MS)
        }
      }
    }
  }
  for (const name of ASKING) {
    const ask = methods[name]!.bind(bull)
    methods[name] = async (...parameters) => {
      try {
        return await ask(...parameters)
      } catch (error) {
        if (!bull.closing && isRefusal(error)) await pause(PAUSE_MS)
        throw error
      }
    }
  }
  return bull
}
