import '../../models/runtime/no-telemetry.js'
import { env, InferenceSession } from 'onnxruntime-node'

// Exceptions report failures; the library's own output would appear on the user's terminal.
env.logLevel = 'fatal'

/** Opens a model of ONNX Runtime from its bytes. @param threads within an operator; 0: one per core */
export function openOperators(model: Uint8Array, threads: number): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    executionProviders: ['cpu'],
    ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
    executionMode: 'sequential',
    logSeverityLevel: 4,
  })
}
