import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type EmbeddedServerOptions, ensureEmbeddedServer } from './embedded-server.js'
import { lockOwner } from './server-lock.js'
import { SOCKET_NAME } from './socket-path.js'

const RETRY_MS = 500

export interface KeepAlive {
  close(): void
}

/**
 * For commands that live long: starts the embedded server again when it died. It holds a connection of its own, whose end
 * tells at once that the server is gone, and which keeps the server from ending for want of clients. The socket never changes
 * its place, so the connection string stays valid.
 * @param onRestart called with the process id of every new server; `onError` with each start that failed (it is retried)
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
  let heldPid: number | undefined

  const hold = (): void => {
    const owner = lockOwner(options.dataDir)
    if (owner === null || owner.socketDir === null) {
      void restart()
      return
    }
    heldPid = owner.pid
    socket = connect(join(owner.socketDir, SOCKET_NAME))
    socket.unref()
    socket.on('error', () => undefined)
    socket.once('close', () => {
      if (!closing.signal.aborted) void restart()
    })
  }

  const restart = async (): Promise<void> => {
    try {
      const { pid } = await ensureEmbeddedServer({ ...options, signal: closing.signal })
      // A server that is being killed loses its connections first, and for a moment still looks alive.
      if (pid !== heldPid) options.onRestart?.(pid)
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
