import '../../src/models/runtime/no-telemetry.js'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Tokenizer } from '@huggingface/tokenizers'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { INPUT_SIDE, writePixelValues } from '../../src/demo-scenes/pixels.js'

/** The demo model as its own tools load it; the product loads the same folder through its model registry. */
export interface DemoModel {
  /** @returns unit vectors, `Float32Array // [dimensions]` each */
  embedImages(images: readonly Uint8Array[]): Promise<Float32Array[]>
  embedTexts(texts: readonly string[]): Promise<Float32Array[]>
  close(): Promise<void>
}

/** @param folder a model folder in the Hugging Face layout */
export async function openDemoModel(folder: string): Promise<DemoModel> {
  const options: InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1 }
  const json = async (name: string) => JSON.parse(await readFile(path.join(folder, name), 'utf8')) as object
  const tokenizer = new Tokenizer(await json('tokenizer.json'), await json('tokenizer_config.json'))
  const vision = await InferenceSession.create(path.join(folder, 'onnx/vision_model.onnx'), options)
  const text = await InferenceSession.create(path.join(folder, 'onnx/text_model.onnx'), options)
  const end = tokenizer.token_to_id('<|endoftext|>') ?? 0
  return {
    embedImages: async images => {
      const values = new Float32Array(images.length * 3 * INPUT_SIDE * INPUT_SIDE)
      for (const [i, pixels] of images.entries()) writePixelValues(pixels, values, i)
      const input = new Tensor('float32', values, [images.length, 3, INPUT_SIDE, INPUT_SIDE])
      return rows(await vision.run({ pixel_values: input }), 'image_embeds')
    },
    embedTexts: async texts => {
      const ids = texts.map(words => tokenizer.encode(words).ids)
      const length = Math.max(...ids.map(row => row.length))
      const values = new BigInt64Array(texts.length * length).fill(BigInt(end))
      for (const [i, row] of ids.entries()) values.set(row.map(BigInt), i * length)
      return rows(await text.run({ input_ids: new Tensor('int64', values, [texts.length, length]) }), 'text_embeds')
    },
    close: async () => {
      await vision.release()
      await text.release()
    },
  }
}

/** `models/demo` of this package, from the sources as well as from `dist`. */
export async function demoModelFolder(): Promise<string> {
  let folder = path.dirname(fileURLToPath(import.meta.url))
  while (path.dirname(folder) !== folder) {
    const candidate = path.join(folder, 'models', 'demo')
    const found = await readFile(path.join(candidate, 'config.json')).catch(() => undefined)
    if (found) return candidate
    folder = path.dirname(folder)
  }
  throw new Error('Expected models/demo beside the package but found none. Train it with tools/demo-model/train.sh')
}

/** Cosine similarity of unit vectors. */
export function dot(first: Float32Array, second: Float32Array): number {
  let sum = 0
  for (let i = 0; i < first.length; i++) sum += (first[i] as number) * (second[i] as number)
  return sum
}

function rows(outputs: InferenceSession.OnnxValueMapType, name: string): Float32Array[] {
  const output = outputs[name] as Tensor
  const [count = 0, width = 0] = output.dims
  const data = output.data as Float32Array
  return Array.from({ length: count }, (_, i) => normalised(data.slice(i * width, (i + 1) * width)))
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector))
  return vector.map(value => value / length)
}
