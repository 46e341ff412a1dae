import { serve } from '../../src/db/embedded/serve.js'

/** Serves the embedded database until it is killed; says on stdout where. */
export async function serveEmbedded(options: { dataDir: string }): Promise<void> {
  const log = (line: string) => void process.stderr.write(`${line}\n`)
  const { url } = await serve({ ...options, idleMs: 0, version: 'test', log: process.env.DEBUG ? log : () => {} })
  process.stdout.write(`${url}\n`)
}
