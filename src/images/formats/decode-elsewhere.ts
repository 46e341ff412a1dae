import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { PhotoError } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import { builtFile } from '../../package-root.js'
import type { PictureAnswer, PictureTask } from './picture-thread.js'

/** 12 megapixels of HEIC take 2 to 4 s; 120 take half a minute. */
const MAX_SECONDS = 90
const MAX_HEAP_MB = 256

/**
 * Decodes a file that libvips does not read, in a thread of its own: a hostile file can reach nothing, its memory goes
 * with the thread, and the thread is ended when it takes too long. Starting it takes about 0.1 s.
 * @returns an uncompressed TIFF
 * @throws PhotoError TOO_MANY_PIXELS, DECODE_FAILED
 */
export async function decodeElsewhere(task: PictureTask): Promise<Buffer> {
  const thread = new Worker(builtFile('images/formats/picture-thread.js'), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    // Of what a library prints nothing reaches the terminal.
    stdout: true,
    stderr: true,
  })
  const late = AbortSignal.timeout(MAX_SECONDS * 1000)
  try {
    const [answer] = (await Promise.race([
      once(thread, 'message', { signal: late }),
      once(thread, 'exit', { signal: late }).then(([code]) => [ended(Number(code))]),
    ])) as [PictureAnswer]
    if ('tiff' in answer) return Buffer.from(answer.tiff.buffer, answer.tiff.byteOffset, answer.tiff.byteLength)
    throw new PhotoError(answer.code, `${task.format}: ${answer.message}`)
  } catch (error) {
    if (error instanceof PhotoError) throw error
    const why = late.aborted ? `it took longer than ${MAX_SECONDS} s` : errorMessage(error)
    throw new PhotoError('DECODE_FAILED', `${task.format}: ${why}`, { cause: error })
  } finally {
    await thread.terminate()
  }
}

function ended(code: number): PictureAnswer {
  return { code: 'DECODE_FAILED', message: `its thread ended with ${code}` }
}
