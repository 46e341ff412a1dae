/** Process of the embedded server: `node server-main.js DATA_DIR IDLE_MS VERSION`. Logs go to stderr. */
import { textOfFailure } from './engine-failure.js'
import { serve } from './serve.js'
import { EXIT_ELSEWHERE, EXIT_LOCKED, ServerLockedError } from './server-lock.js'

const log = (line: string): void => void process.stderr.write(`${new Date().toISOString()} [${process.pid}] ${line}\n`)

const [dataDir, idleMs, version = ''] = process.argv.slice(2)
if (dataDir === undefined || !/^\d+$/.test(idleMs ?? '')) {
  log('usage: server-main.js DATA_DIR IDLE_MS [VERSION]')
  process.exit(2)
}

try {
  const abort = (reason: string): void => {
    log(`ending at once: ${reason}`)
    process.exit(1)
  }
  const server = await serve({ dataDir, idleMs: Number(idleMs), version, log, abort })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void server.stop(signal))
  process.on('SIGHUP', () => undefined)
  await server.ended
  process.exit(0)
} catch (error) {
  if (error instanceof ServerLockedError) {
    log(error.message)
    process.exit(error.elsewhere ? EXIT_ELSEWHERE : EXIT_LOCKED)
  }
  log(textOfFailure(error))
  process.exit(1)
}
