import './no-telemetry.js'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node'
import { bytesField, integerField, textField } from '../graph/protobuf.js'
import { type ExecutionProvider, unusable } from './providers.js'
import { providerOptions } from './session.js'

export interface ChosenProvider {
  provider: ExecutionProvider
  /** Preferred providers that are unusable, with reasons. */
  refused: { provider: ExecutionProvider; reason: string }[]
}

/**
 * Returns the first provider that computes a small sum here. This takes some milliseconds, so a worker reports at its
 * start what is missing.
 * @param wanted in order of preference; those after the first are fallbacks
 * @throws AppError CONFIG_INVALID when none is usable, with the requirements and the finding for each
 */
export async function chooseProvider(wanted: readonly ExecutionProvider[]): Promise<ChosenProvider> {
  const refused: ChosenProvider['refused'] = []
  for (const provider of wanted) {
    const reason = await whyNot(provider)
    if (reason === null) return { provider, refused }
    refused.push({ provider, reason })
  }
  throw unusable(refused)
}

/** Returns why a provider is unusable; null when it works. */
async function whyNot(provider: ExecutionProvider): Promise<string | null> {
  if (provider === 'cpu') return null
  const backend = listSupportedBackends().find(({ name }) => name === provider)
  if (!backend) return `onnxruntime-node for ${process.platform} ${process.arch} does not include it`
  const library = join(libraryFolder(), `libonnxruntime_providers_${provider}.so`)
  if (!backend.bundled && !existsSync(library)) return `${library} does not exist`
  try {
    return await compute(provider)
  } catch (error) {
    return String(error instanceof Error ? error.message : error).split('\n')[0]!
  }
}

async function compute(provider: ExecutionProvider): Promise<string | null> {
  const session = await InferenceSession.create(sumModel(), {
    ...providerOptions(provider),
    extra: { session: { disable_cpu_ep_fallback: '1' } },
  })
  try {
    const { sum } = await session.run({ x: new Tensor('float32', [1, 2], [2]) })
    const values = Array.from(sum!.data as Float32Array)
    return values[0] === 2 && values[1] === 4 ? null : `[1, 2] + [1, 2] = [${values.join(', ')}]`
  } finally {
    await session.release()
  }
}

/** Returns where onnxruntime-node looks for the libraries of providers that it does not include. */
function libraryFolder(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  return join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch)
}

/** Returns an ONNX file, sum = x + x, for vectors of two numbers. Field numbers are from onnx/onnx.proto. */
function sumModel(): Uint8Array {
  const field = (number: number, ...parts: Uint8Array[]) => Buffer.concat(bytesField(number, parts))
  const pair = (number: number, name: string) => {
    const shape = field(2, field(1, integerField(1, 2)))
    return field(number, textField(1, name), field(2, field(1, integerField(1, 1), shape)))
  }
  const add = field(1, textField(1, 'x'), textField(1, 'x'), textField(2, 'sum'), textField(4, 'Add'))
  const graph = field(7, add, textField(2, 'probe'), pair(11, 'x'), pair(12, 'sum'))
  return Buffer.concat([integerField(1, 8), graph, field(8, textField(1, ''), integerField(2, 13))])
}
