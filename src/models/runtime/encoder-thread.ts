import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { AppError, type CommandFailureCode, PhotoError, type PhotoFailureCode } from '../../domain/errors.js'
import type { CutText, Encoder } from '../../domain/ports/encoder.js'
import { SharedMemoryPool } from '../../domain/shared-memory-pool.js'
import { MINUTE, SECOND } from '../../domain/units.js'
import { builtFile } from '../../package-root.js'
import type { ModelSpec } from '../catalog/registry.js'
import { type EncoderOptions, openOnnxEncoder } from './onnx-encoder.js'

/** Distinguishes this file from others that are loaded in a thread. */
const PURPOSE = 'unsplash-clip encoder'

interface Task {
  purpose: typeof PURPOSE
  spec: ModelSpec
  folder: string
  options: Omit<EncoderOptions, 'onCut'>
}

type Opened = Pick<Encoder, 'model' | 'input' | 'hasTexts' | 'rewrites'>
type Call = { id: number } & ({ images: readonly Uint8Array[] } | { texts: readonly string[] } | { close: true })
/** Errors lose their class and fields in messages between threads. */
type Failure = { kind: 'photo' | 'command' | 'other'; code: string; message: string; stack: string | undefined }
type Answer = { id: number; failure: Failure } | { id: number; result: Float32Array[] | Opened | null }
/** Comes between the answers. */
interface Note {
  cuts: readonly CutText[]
}

/** Id of the message before any call. */
const OPENING = 0

/** Longest wait for an answer before the model counts as hung. A provider may compile a tower for minutes. */
export interface EncoderTimeouts {
  callMs: number
  inputMs: number
}

const TIMEOUTS: EncoderTimeouts = { callMs: 10 * MINUTE, inputMs: 10 * SECOND }

/**
 * Opens a model as {@link openOnnxEncoder} does, in a thread of its own. The runtime computes on the calling thread, so
 * downloads, decoding, writing and the queue's locks continue while the model runs. A command that encodes once does
 * not need this: starting a thread takes about 0.1 s. A hung model ends the process; otherwise the main thread would
 * renew the lock of its batch forever.
 * @throws AppError as openOnnxEncoder
 */
export async function openEncoderThread(
  spec: ModelSpec,
  folder: string,
  { onCut, ...options }: EncoderOptions,
  timeouts = TIMEOUTS,
): Promise<Encoder> {
  const task: Task = { purpose: PURPOSE, spec, folder, options }
  const thread = new EncoderThread(
    new Worker(builtFile('models/runtime/encoder-thread.js'), { workerData: task }),
    timeouts,
    onCut,
  )
  try {
    return thread.as((await thread.answerTo(OPENING)) as Opened)
  } catch (error) {
    await thread.end()
    throw error
  }
}

interface Waiting {
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
  inputs: number
  hung: NodeJS.Timeout
}

class EncoderThread {
  readonly #waiting = new Map<number, Waiting>()
  readonly #memory = new SharedMemoryPool()
  readonly #ended: Promise<void>
  #isEnding = false
  #lastId = OPENING
  #closed: Promise<void> | undefined

  constructor(
    private readonly worker: Worker,
    private readonly timeouts: EncoderTimeouts,
    onCut: EncoderOptions['onCut'],
  ) {
    worker.on('message', (said: Answer | Note) => {
      if ('cuts' in said) onCut?.(said.cuts)
      else this.#hear(said)
    })
    worker.on('error', error => this.#die(error))
    this.#ended = new Promise(resolve => {
      worker.once('exit', code => {
        resolve()
        if (!this.#isEnding) this.#die(new Error(`the encoder's thread ended with ${code}`))
      })
    })
  }

  as(opened: Opened): Encoder {
    return {
      ...opened,
      encodeImages: images => this.#encodeImages(images),
      encodeTexts: texts => this.#call({ texts }) as Promise<Float32Array[]>,
      close: () => {
        this.#closed ??= this.#call({ close: true }).then(() => this.end())
        return this.#closed
      },
    }
  }

  answerTo(id: number, inputs = 0): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#waiting.set(id, { resolve, reject, inputs, hung: this.#watch(inputs) }),
    )
  }

  async end(): Promise<void> {
    this.#isEnding = true
    for (const { hung } of this.#waiting.values()) clearTimeout(hung)
    await this.worker.terminate()
    await this.#ended
  }

  async #encodeImages(images: readonly Uint8Array[]): Promise<Float32Array[]> {
    const shared = images.map(image => (isShared(image) ? image : this.#copyOf(image)))
    try {
      return (await this.#call({ images: shared })) as Float32Array[]
    } finally {
      for (const [index, copy] of shared.entries()) if (copy !== images[index]) this.#memory.release(copy)
    }
  }

  /** One copy into memory of both threads instead of two in a message. */
  #copyOf(image: Uint8Array): Uint8Array {
    const copy = this.#memory.take(image.length)
    copy.set(image)
    return copy
  }

  #call(what: { images: readonly Uint8Array[] } | { texts: readonly string[] } | { close: true }): Promise<unknown> {
    if (this.#closed) return Promise.reject(new Error('the encoder is closed'))
    const id = ++this.#lastId
    const inputs = 'images' in what ? what.images.length : 'texts' in what ? what.texts.length : 0
    const answer = this.answerTo(id, inputs)
    this.worker.postMessage({ id, ...what } satisfies Call)
    return answer
  }

  /** Calls run one after another. */
  #watch(inputs: number): NodeJS.Timeout {
    const { callMs, inputMs } = this.timeouts
    const before = [...this.#waiting.values()]
    const ms = callMs * (before.length + 1) + inputMs * before.reduce((sum, call) => sum + call.inputs, inputs)
    const hung = () => {
      throw new Error(
        `the model has not answered for ${Math.round(ms / SECOND)} s; this process ends and others take over`,
      )
    }
    return setTimeout(hung, ms).unref()
  }

  #hear(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    clearTimeout(waiting?.hung)
    this.#waiting.delete(answer.id)
    // Nothing keeps a thread that could not open its model: it may have ended before the promise is looked at.
    if (answer.id === OPENING && 'failure' in answer) this.#isEnding = true
    if ('failure' in answer) waiting?.reject(errorOf(answer.failure))
    else waiting?.resolve(answer.result)
  }

  /** After a successful start, its end also ends the process, like a crash of the runtime. A new process follows. */
  #die(cause: Error): void {
    const opening = this.#waiting.get(OPENING)
    if (opening === undefined) throw cause
    clearTimeout(opening.hung)
    this.#waiting.delete(OPENING)
    opening.reject(cause)
  }
}

/** Squares decoded in threads are in shared memory. */
function isShared({ buffer }: Uint8Array): boolean {
  return buffer instanceof SharedArrayBuffer
}

function errorOf({ kind, code, message, stack }: Failure): Error {
  const error =
    kind === 'photo'
      ? new PhotoError(code as PhotoFailureCode, message)
      : kind === 'command'
        ? new AppError(code as CommandFailureCode, message)
        : new Error(message)
  error.stack = stack
  return error
}

if (!isMainThread && workerData?.purpose === PURPOSE) await serve(workerData as Task)

/** Runs in the thread. */
async function serve({ spec, folder, options }: Task): Promise<void> {
  const port = parentPort!
  const answer = async (id: number, work: () => Promise<Float32Array[] | Opened | null>) => {
    try {
      port.postMessage({ id, result: await work() } satisfies Answer)
    } catch (error) {
      port.postMessage({ id, failure: failureOf(error) } satisfies Answer)
    }
  }
  await answer(OPENING, async () => {
    const onCut = (cuts: readonly CutText[]) => port.postMessage({ cuts } satisfies Note)
    const encoder = await openOnnxEncoder(spec, folder, { ...options, onCut })
    port.on('message', (call: Call) => void answer(call.id, () => take(call, encoder)))
    const { model, input, hasTexts, rewrites } = encoder
    return { model, input, hasTexts, rewrites }
  })
}

async function take(call: Call, encoder: Encoder): Promise<Float32Array[] | null> {
  if ('images' in call) return encoder.encodeImages(call.images)
  if ('texts' in call) return encoder.encodeTexts(call.texts)
  await encoder.close()
  return null
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { kind: 'other', code: '', message: String(error), stack: undefined }
  const { message, stack } = error
  if (error instanceof PhotoError) return { kind: 'photo', code: error.code, message, stack }
  if (error instanceof AppError) return { kind: 'command', code: error.code, message, stack }
  return { kind: 'other', code: '', message, stack }
}
