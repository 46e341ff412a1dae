// Samples nvidia-smi while something is measured.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const EVERY_MS = 200
/** The driver's own sample lasts up to a second: https://docs.nvidia.com/deploy/nvidia-smi (Utilization). */
const QUERY = 'utilization.gpu,memory.used,power.draw'
const NOTHING = { busy: null, memoryMib: null, watts: null }

/**
 * Watches the GPU that a CUDA process takes: the first of CUDA_VISIBLE_DEVICES.
 * @returns `stop()`: `busy`, the mean share of the time in percent in which a kernel ran; `memoryMib`, the most; `watts`, the
 *   mean; null for what the driver does not tell, and on other providers
 */
export function watchGpu(provider) {
  if (provider !== 'cuda' && provider !== 'tensorrt') return { stop: async () => NOTHING }
  const device = (process.env.CUDA_VISIBLE_DEVICES || '0').split(',')[0]
  const child = spawn(
    'nvidia-smi',
    [`--id=${device}`, `--query-gpu=${QUERY}`, '--format=csv,noheader,nounits', `--loop-ms=${EVERY_MS}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  // Without nvidia-smi the rest of the measurement still counts.
  const ended = once(child, 'close').catch(() => {})
  const samples = []
  createInterface({ input: child.stdout }).on('line', line => samples.push(line.split(',').map(Number)))
  return {
    async stop() {
      child.kill('SIGTERM')
      await ended
      process.off('exit', kill)
      return summarise(samples)
    },
  }
}

/** @param samples rows of numbers in the order of {@link QUERY}; NaN: the driver does not tell */
export function summarise(samples) {
  const [busy, memory, watts] = [0, 1, 2].map(i => samples.map(row => row[i]).filter(Number.isFinite))
  const mean = values => (values.length === 0 ? null : values.reduce((a, b) => a + b) / values.length)
  return { busy: mean(busy), memoryMib: memory.length === 0 ? null : Math.max(...memory), watts: mean(watts) }
}
