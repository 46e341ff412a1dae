import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import type { Logger } from 'pino'
import { MEBIBYTE, MINUTE, SECOND } from '../../domain/units.js'
import { buildHttpApp } from '../../http/server.js'
import { ApiReader } from '../../mcp/api-reader.js'
import { ToolServer } from '../../mcp/tool-server.js'
import { type Context, endInTime } from '../context.js'
import { openHttpParts } from '../serve/http-parts.js'

const LIMITS = {
  maxBodyBytes: MEBIBYTE,
  maxBodiesBytes: MEBIBYTE,
  waiting: 100,
  timeoutMs: MINUTE / 2,
  pictureTimeoutMs: 10 * SECOND,
  requestsPerMinute: 0,
  // Calls of tools have no key.
  wrongKeysPerMinute: 1,
}

/** Answers the calls of tools that arrive on stdin, until it closes or the process is told to stop. */
export async function answerTools(context: Context): Promise<number> {
  const { app, out, signal } = context
  endInTime(context, 'requests')
  if (process.stdin.isTTY)
    out.note('This speaks the Model Context Protocol, to a program on stdin; see --help. Ctrl-C ends it.')
  const opened = await openHttpParts(context)
  try {
    const limits = { ...LIMITS, concurrency: app.config.DATABASE_POOL_SIZE }
    // The user of this machine started it, and sees what `photo` prints: also paths of files.
    const options = { host: '127.0.0.1', port: 0, names: [], anonymous: 'ingest' as const, limits, withPage: false }
    const api = await buildHttpApp(opened.parts, options, signal)
    try {
      await answerUntilClosed(new ToolServer(new ApiReader(api)), opened.parts.logger, signal)
    } finally {
      await api.close()
    }
  } finally {
    await opened.close()
  }
  return 0
}

async function answerUntilClosed(tools: ToolServer, logger: Logger, signal: AbortSignal): Promise<void> {
  const { server } = tools
  server.onerror = err => logger.warn({ err }, 'a message of the client was not understood')
  const closed = new Promise<void>(resolve => {
    process.stdin.once('end', resolve).once('close', resolve)
    // The transport closes by itself when a message is too long.
    server.onclose = resolve
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await server.connect(new StdioServerTransport())
  await closed
  if (!signal.aborted) await tools.settled()
  await server.close()
}
