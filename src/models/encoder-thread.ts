import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { AppError, type CommandFailureCode, PhotoError, type PhotoFailureCode } from '../domain/errors.js'
import type { Encoder } from '../domain/ports/encoder.js'
import { type EncoderOptions, openOnnxEncoder } from './onnx-encoder.js'
import type { ModelSpec } from './registry.js'

/** Tells this file apart from any other that is loaded in a thread. */
const PURPOSE = 'unsplash-clip encoder'

interface Task {
  purpose: typeof PURPOSE
  spec: ModelSpec
  folder: string
  options: EncoderOptions
}

type Opened = Pick<Encoder, 'model' | 'input' | 'hasTexts'>
type Call = { id: number } & ({ images: readonly Uint8Array[] } | { texts: readonly string[] } | { close: true })
/** Errors lose their class and their fields on the way from one thread to another. */
type Failure = { kind: 'photo' | 'command' | 'other'; code: string; message: string; stack: string | undefined }
type Answer = { id: number; failure: Failure } | { id: number; result: Float32Array[] | Opened | null }

/** What is said before any call. */
const OPENING = 0

const SECOND = 1000
const MINUTE = 60 * SECOND

/** How long an answer may take before the model counts as hung: a tower that a provider compiles first takes minutes. */
export interface Patience {
  callMs: number
  inputMs: number
}

const PATIENCE: Patience = { callMs: 10 * MINUTE, inputMs: 10 * SECOND }

/**
 * Opens a model as {@link openOnnxEncoder} does, in a thread of its own. The runtime computes on the thread that calls it:
 * so downloads, decoding, writing and the queue's locks go on while the model runs. For a command that encodes once, the
 * start of a thread (some 0.1 s) is not worth it. A model that hangs ends the process: the main thread would renew the lock of
 * its batch for ever.
 * @throws AppError as openOnnxEncoder
 */
export async function openEncoderThread(
  spec: ModelSpec,
  folder: string,
  options: EncoderOptions,
  patience = PATIENCE,
): Promise<Encoder> {
  const task: Task = { purpose: PURPOSE, spec, folder, options }
  const thread = new EncoderThread(new Worker(new URL(import.meta.url), { workerData: task }), patience)
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
  /** One for as many calls as there were at once. */
  readonly #free: SharedArrayBuffer[] = []
  readonly #ended: Promise<void>
  #isEnding = false
  #lastId = OPENING
  #closed: Promise<void> | undefined

  constructor(
    private readonly worker: Worker,
    private readonly patience: Patience,
  ) {
    worker.on('message', (answer: Answer) => this.#hear(answer))
    worker.on('error', error => this.#die(error))
    this.#ended = new Promise(resolve => {
      worker.once('exit', code => {
        resolve()
        if (!this.#isEnding) this.#die(new Error(`the encoder's thread ended with ${code}`))
      })
    })
  }

  as({ model, input, hasTexts }: Opened): Encoder {
    return {
      model,
      input,
      hasTexts,
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
    const memory = this.#memoryFor(images)
    try {
      return (await this.#call({ images: copiesIn(memory, images) })) as Float32Array[]
    } finally {
      this.#free.push(memory)
    }
  }

  /** Memory of an earlier call: pages that are new to the process cost as much time as ten copies into them. */
  #memoryFor(images: readonly Uint8Array[]): SharedArrayBuffer {
    const bytes = images.reduce((sum, image) => sum + image.length, 0)
    const memory = this.#free.pop()
    return memory && memory.byteLength >= bytes ? memory : new SharedArrayBuffer(bytes)
  }

  #call(what: { images: readonly Uint8Array[] } | { texts: readonly string[] } | { close: true }): Promise<unknown> {
    if (this.#closed) return Promise.reject(new Error('the encoder is closed'))
    const id = ++this.#lastId
    const inputs = 'images' in what ? what.images.length : 'texts' in what ? what.texts.length : 0
    const answer = this.answerTo(id, inputs)
    this.worker.postMessage({ id, ...what } satisfies Call)
    return answer
  }

  /** Calls wait for those before them. */
  #watch(inputs: number): NodeJS.Timeout {
    const { callMs, inputMs } = this.patience
    const before = [...this.#waiting.values()]
    const ms = callMs * (before.length + 1) + inputMs * before.reduce((sum, call) => sum + call.inputs, inputs)
    const hung = () => {
      throw new Error(
        `the model has not answered for ${Math.round(ms / SECOND)} s; this process ends, others take over`,
      )
    }
    return setTimeout(hung, ms).unref()
  }

  #hear(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    clearTimeout(waiting?.hung)
    this.#waiting.delete(answer.id)
    if ('failure' in answer) waiting?.reject(errorOf(answer.failure))
    else waiting?.resolve(answer.result)
  }

  /** Once it works it takes the process along, as a crash of the runtime does: then the process is replaced. */
  #die(cause: Error): void {
    const opening = this.#waiting.get(OPENING)
    if (opening === undefined) throw cause
    clearTimeout(opening.hung)
    this.#waiting.delete(OPENING)
    opening.reject(cause)
  }
}

/** One copy into memory of both threads, instead of two through a message. The caller keeps its pixels, for another try. */
function copiesIn(memory: SharedArrayBuffer, images: readonly Uint8Array[]): Uint8Array[] {
  let offset = 0
  return images.map(image => {
    const view = new Uint8Array(memory, offset, image.length)
    view.set(image)
    offset += image.length
    return view
  })
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

/** The other side: what runs in the thread. */
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
    const encoder = await openOnnxEncoder(spec, folder, options)
    port.on('message', (call: Call) => void answer(call.id, () => take(call, encoder)))
    const { model, input, hasTexts } = encoder
    return { model, input, hasTexts }
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
