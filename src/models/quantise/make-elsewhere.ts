import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { AppError } from '../../domain/errors.js'
import { builtFile } from '../../package-root.js'
import type { MadeRecord } from '../files/made-record.js'
import type { MakeTask } from './make-precision.js'
import type { MakeAnswer } from './make-thread.js'

/**
 * Makes a precision in a thread of its own, because the work blocks its thread for seconds: a worker renews the locks of
 * its batches meanwhile.
 * @throws AppError see `makePrecision`; the signal's reason
 */
export async function makeElsewhere(task: MakeTask, signal?: AbortSignal): Promise<MadeRecord> {
  const thread = new Worker(builtFile('models/quantise/make-thread.js'), { workerData: task })
  try {
    const [answer] = (await Promise.race([
      once(thread, 'message', { signal }),
      once(thread, 'exit', { signal }).then(([code]) => [ended(Number(code))]),
    ])) as [MakeAnswer]
    if ('record' in answer) return answer.record
    throw answer.code === undefined ? new Error(answer.message) : new AppError(answer.code, answer.message)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    await thread.terminate()
  }
}

function ended(code: number): MakeAnswer {
  return { code: undefined, message: `the thread that makes it ended with ${code}` }
}
