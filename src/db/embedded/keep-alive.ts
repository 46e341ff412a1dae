import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type EmbeddedServerOptions, ensureEmbeddedServer } from './embedded-server.js'
import { serverOf } from './server-lock.js'
import { SOCKET_NAME, socketFolder } from './socket-path.js'

const RETRY_MS = 500

export interface KeepAlive {
  close(): void
}

/**
 * For long commands: restarts the embedded server when it dies. Holds one connection, whose end reports at once that
 * the server is gone, and which keeps the server from stopping for lack of clients. The socket's path never changes, so
 * the connection string stays valid.
 * @param onRestart receives the process id of every new server; `onError` each failed start (which is retried)
 */
export function keepEmbeddedServerAlive(
  options: Omit<EmbeddedServerOptions, 'signal'> & {
    onRestart?: (pid: number) => void
    onError?: (error: Error) => void
  },
): KeepAlive {
  const closing = new AbortController()
  let socket: Socket | undefined
  let timer: NodeJS.Timeout | undefined
  let heldToken: string | undefined

  const hold = (): void => {
    const owner = serverOf(options.dataDir)
    if (!owner?.ready) {
      void restart()
      return
    }
    heldToken = owner.token
    socket = connect(join(socketFolder(options.dataDir), SOCKET_NAME))
    socket.unref()
    socket.on('error', () => undefined)
    socket.once('close', () => {
      if (!closing.signal.aborted) void restart()
    })
  }

  const restart = async (): Promise<void> => {
    try {
      const { pid, token } = await ensureEmbeddedServer({ ...options, signal: closing.signal })
      // A killed server loses its connections first, and still looks alive for a moment.
      if (token !== heldToken) options.onRestart?.(pid)
      hold()
    } catch (error) {
      if (closing.signal.aborted) return
      options.onError?.(error as Error)
      timer = setTimeout(() => void restart(), RETRY_MS)
      timer.unref()
    }
  }

  hold()
  return {
    close() {
      closing.abort()
      clearTimeout(timer)
      socket?.destroy()
    },
  }
}
