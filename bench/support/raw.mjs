// Throughput of the raw session, over processes that run it at the same time.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('raw-session.mjs', import.meta.url))

/** The vision tower of a folder: the one that its model.json names, or that of the Hugging Face layout. @param precision `fp32`, `int8`, … */
export function visionFile(folder, precision) {
  const list = join(folder, 'model.json')
  const precisions = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')).precisions : {}
  const usual = precision === 'fp32' ? 'onnx/vision_model.onnx' : 'onnx/vision_model_quantized.onnx'
  return join(folder, precisions[precision]?.vision ?? usual)
}

/**
 * Loads the model in `processes` processes. @param session `default`, `sleeping` or `ours`, see raw-session.mjs
 * @returns `measure(seconds)`: { imagesPerSecond, coreMsPerImage } of all together, and `close`
 */
export async function openRaw({ file, processes, threads, imagesPerCall, session }) {
  const all = Array.from({ length: processes }, () => {
    const parameters = [PROGRAM, file, threads, imagesPerCall, session].map(String)
    const child = spawn(process.execPath, parameters, { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    const ended = once(child, 'exit').finally(() => process.off('exit', kill))
    return { child, ended, next: async () => (await lines.next()).value }
  })
  await Promise.all(
    all.map(async one => {
      if ((await one.next()) !== 'ready') throw new Error(`the session on ${file} does not open`)
    }),
  )
  return {
    async measure(seconds) {
      for (const { child } of all) child.stdin.write(`${seconds}\n`)
      const each = await Promise.all(all.map(async ({ next }) => JSON.parse(await next())))
      return {
        imagesPerSecond: each.reduce((sum, one) => sum + one.imagesPerSecond, 0),
        coreMsPerImage: each.reduce((sum, one) => sum + one.coreMsPerImage, 0) / processes,
      }
    },
    async close() {
      for (const { child } of all) child.stdin.end()
      await Promise.all(all.map(({ ended }) => ended))
    },
  }
}
