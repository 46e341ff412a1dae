import type { ChildProcess } from 'node:child_process'
import { ForksPoolWorker, type PoolOptions, type WorkerRequest } from 'vitest/node'

/**
 * Vitest's `forks`, but a test process that can no longer be written to is killed, and its end is what the run reports. In
 * Vitest 4 each failed write is an `error` event, which fails a run whose tests have all passed, and which would end the whole
 * run without results where nobody listens (mended in Vitest 5: https://github.com/vitest-dev/vitest/pull/10964).
 */
class SteadyForks extends ForksPoolWorker {
  override readonly name = 'steady-forks'

  override send(message: WorkerRequest): void {
    const { fork } = this as unknown as { fork: ChildProcess }
    // With a callback there is no event.
    fork.send(message, error => error && fork.kill('SIGKILL'))
  }
}

export const steadyForks = {
  name: 'steady-forks',
  createPoolWorker: (options: PoolOptions) => new SteadyForks(options),
}
