import './no-telemetry.js'
import { dirname } from 'node:path'
import { env, InferenceSession } from 'onnxruntime-node'
import { AppError } from '../domain/errors.js'
import { type PixelScale, useBytePixels } from './graph/byte-pixels.js'
import { useClassTokenOnly } from './graph/class-token.js'
import { mapModel } from './graph/model-file.js'
import { useSignedWeights } from './graph/signed-weights.js'
import { type ExecutionProvider, unusable } from './providers.js'

export type { ExecutionProvider } from './providers.js'

export interface SessionOptions {
  /** Threads within an operator; 0: one a core. */
  threads: number
  provider: ExecutionProvider
}

/** What goes into an image tower. */
export interface PixelInput extends PixelScale {
  /** Side of the picture, in pixels. */
  readonly size: number
}

type Options = InferenceSession.SessionOptions

/** COREML_FLAG_CREATE_MLPROGRAM: the format that knows the operators of transformers. */
const ML_PROGRAM = 0x010
const PROVIDER_TROUBLE = /ExecutionProvider|backend not found|adapter/i

// What fails is told by exceptions; what the library prints besides would end up on the user's terminal.
env.logLevel = 'fatal'

/**
 * Opens a model file. What is opened is a faster equal of its graph (`graph/`), with the weights mapped from the file.
 * @param pixels allow a tower that computes in integers to take bytes instead (its input is BYTE_PIXELS then)
 * @throws AppError MODEL_INVALID when the file is unreadable, CONFIG_INVALID when the provider cannot be used
 */
export async function openSession(
  path: string,
  { threads, provider }: SessionOptions,
  pixels?: PixelInput,
): Promise<InferenceSession> {
  const options: Options = {
    ...providerOptions(provider),
    ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
  }
  const session = {
    // Idle threads sleep instead of spinning: downloads and decoding of the next batch need the cores.
    intra_op: { allow_spinning: '0' },
    model_external_initializers_file_folder_path: dirname(path),
  }
  try {
    return await InferenceSession.create(fasterModel(path, provider, pixels), { ...options, extra: { session } })
  } catch {
    // The file as it is: it works all the same, or says what is wrong with it.
    return openFile(path, provider, { ...options, extra: { session: { intra_op: session.intra_op } } })
  }
}

/** Options that pin how a provider computes. */
export function providerOptions(provider: ExecutionProvider): Options {
  const before: Record<ExecutionProvider, Options['executionProviders']> = {
    cpu: [],
    cuda: [{ name: 'cuda', deviceId: 0 }],
    // What TensorRT cannot take, CUDA does.
    tensorrt: [
      { name: 'tensorrt', deviceId: 0 },
      { name: 'cuda', deviceId: 0 },
    ],
    webgpu: ['webgpu'],
    coreml: [{ name: 'coreml', coreMlFlags: ML_PROGRAM }],
    dml: [{ name: 'dml', deviceId: 0 }],
  }
  return {
    // What a provider has no kernel for is computed on the CPU.
    executionProviders: [...before[provider]!, 'cpu'],
    // DirectML refuses memory patterns.
    ...(provider === 'dml' ? { enableMemPattern: false } : {}),
    logSeverityLevel: 4,
  }
}

function fasterModel(path: string, provider: ExecutionProvider, pixels: PixelInput | undefined): Uint8Array {
  return mapModel(path, graph => {
    useClassTokenOnly(graph)
    if (provider !== 'cpu') return
    useSignedWeights(graph)
    if (pixels) useBytePixels(graph, pixels.size, pixels)
  })
}

async function openFile(path: string, provider: ExecutionProvider, options: Options): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, options)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    if (provider !== 'cpu' && PROVIDER_TROUBLE.test(reason)) throw unusable([{ provider, reason }], cause)
    throw invalidModel(path, 'an ONNX model', reason, cause)
  }
}

/** What is wrong with a model file, and what to do. */
export function invalidModel(path: string, expected: string, found: string, cause?: unknown): AppError {
  return new AppError(
    'MODEL_INVALID',
    `${path}: expected ${expected}, found ${found}. Check the files with \`models verify\`; fetch them again with \`models pull\`, or put the right ones into the folder that MODEL_FOLDERS names.`,
    { cause },
  )
}
