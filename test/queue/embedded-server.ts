import { serve } from '../../src/db/embedded/serve.js'

/** Serves the embedded database until it is killed; says on stdout where. */
export async function serveEmbedded(options: { dataDir: string }): Promise<void> {
  const log = (line: string) => void process.stderr.write(`${line}\n`)
  const abort = (reason: string): void => {
    process.stderr.write(`${reason}\n`)
    process.exit(1)
  }
  const settings = { ...options, idleMs: 0, version: 'test', log: process.env.DEBUG ? log : () => {}, abort }
  const { url } = await serve(settings)
  process.stdout.write(`${url}\n`)
}
