import { errorMessage } from '../../domain/text/error-text.js'
import './no-telemetry.js'
import { dirname } from 'node:path'
import { env, InferenceSession } from 'onnxruntime-node'
import { AppError } from '../../domain/errors.js'
import { mapModel } from '../graph/model-file.js'
import { leftOut, type Rewrite } from '../graph/rewrite.js'
import { type ExecutionProvider, unusable } from './providers.js'
import { type PixelInput, rewriteGraph, type Target } from './rewrite-graph.js'

export type { ExecutionProvider } from './providers.js'

export interface SessionOptions extends Target {
  /** Threads within an operator; 0: one per core. */
  threads: number
  /** Whether threads that wait for the next operator spin for {@link SPIN_US} before they sleep; default: no. */
  spins?: boolean
  /** The tower of a file with both: names of its embedding, preferred first. */
  outputs?: readonly string[]
}

type Options = InferenceSession.SessionOptions

/** How long a text tower's threads spin: more than most operators take (docs/benchmarks.md, A query in words). */
const SPIN_US = 200

/** COREML_FLAG_CREATE_MLPROGRAM: the format with the operators of transformers. */
const ML_PROGRAM = 0x010
const PROVIDER_TROUBLE = /ExecutionProvider|backend not found|adapter/i

// Exceptions report failures; the library's own output would appear on the user's terminal.
env.logLevel = 'fatal'

/**
 * Opens a model file, with its graph rewritten to a faster equivalent (`graph/`) and the weights mapped from the file.
 * @param pixels allow a tower that computes in integers to take bytes instead (its input is then BYTE_PIXELS)
 * @param onRewrites called once, with the outcome of every rewrite
 * @throws AppError MODEL_INVALID when the file is unreadable, CONFIG_INVALID when the provider is unusable
 */
export async function openSession(
  path: string,
  { threads, spins = false, outputs, ...target }: SessionOptions,
  pixels?: PixelInput,
  onRewrites?: (rewrites: readonly Rewrite[]) => void,
): Promise<InferenceSession> {
  const { provider } = target
  const options: Options = {
    ...providerOptions(provider),
    ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
  }
  const session = {
    // While images are encoded, downloads and decoding of the next batch need the cores: idle threads sleep at once.
    intra_op: spins ? { allow_spinning: '1', spin_duration_us: String(SPIN_US) } : { allow_spinning: '0' },
    model_external_initializers_file_folder_path: dirname(path),
  }
  let rewrites: readonly Rewrite[] = []
  try {
    const model = mapModel(path, graph => {
      rewrites = rewriteGraph(graph, target, pixels, outputs)
    })
    const opened = await InferenceSession.create(model, { ...options, extra: { session } })
    onRewrites?.(rewrites)
    return opened
  } catch (error) {
    // The unchanged file: it works, or its error tells what is wrong with it.
    const opened = await openFile(path, provider, { ...options, extra: { session: { intra_op: session.intra_op } } })
    const reason = `the runtime refused the changed graph: ${error instanceof Error ? error.message : error}`
    onRewrites?.(rewrites.map(rewrite => (rewrite.outcome === 'applied' ? leftOut(rewrite.name, reason) : rewrite)))
    return opened
  }
}

/** Returns the options that pin how a provider computes. */
export function providerOptions(provider: ExecutionProvider): Options {
  const before: Record<ExecutionProvider, Options['executionProviders']> = {
    cpu: [],
    cuda: [{ name: 'cuda', deviceId: 0 }],
    // CUDA computes what TensorRT does not support.
    tensorrt: [
      { name: 'tensorrt', deviceId: 0 },
      { name: 'cuda', deviceId: 0 },
    ],
    webgpu: ['webgpu'],
    coreml: [{ name: 'coreml', coreMlFlags: ML_PROGRAM }],
    dml: [{ name: 'dml', deviceId: 0 }],
  }
  return {
    // The CPU computes what a provider has no kernel for.
    executionProviders: [...before[provider]!, 'cpu'],
    // DirectML does not support memory patterns.
    ...(provider === 'dml' ? { enableMemPattern: false } : {}),
    logSeverityLevel: 4,
  }
}

async function openFile(path: string, provider: ExecutionProvider, options: Options): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, options)
  } catch (cause) {
    const reason = errorMessage(cause)
    if (provider !== 'cpu' && PROVIDER_TROUBLE.test(reason)) throw unusable([{ provider, reason }], cause)
    throw invalidModel(path, 'an ONNX model', reason, cause)
  }
}

/** Returns the error for a bad model file, with the way out. */
export function invalidModel(path: string, expected: string, found: string, cause?: unknown): AppError {
  return new AppError(
    'MODEL_INVALID',
    `${path}: expected ${expected}, found ${found}. Check the files with \`models verify\`; download them again with \`models pull\`, or put the right files into the folder in MODEL_FOLDERS.`,
    { cause },
  )
}
