import { Redis } from 'ioredis'

/** Not in the types of ioredis. */
interface CommandQueues {
  flushQueue(error: Error, options?: { commandQueue?: boolean }): void
  /** Commands without a reply when an established connection broke; they are sent again on the next one. */
  prevCommandQueue?: { shift(): { command: { reject(error: Error): void } } | undefined } | null
}

const queues = Redis.prototype as unknown as CommandQueues
const { flushQueue } = queues

/**
 * When ioredis rejects its commands because it cannot reconnect, it leaves those out that lost their connection before
 * the reply, unless each attempt failed to connect. A server without room for clients, or with another password,
 * accepts connections and closes them, so these commands would wait until that is over.
 * https://github.com/redis/ioredis/pull/2197
 */
queues.flushQueue = function (error, options) {
  flushQueue.call(this, error, options)
  if (options?.commandQueue === false) return
  for (let item = this.prevCommandQueue?.shift(); item; item = this.prevCommandQueue?.shift())
    item.command.reject(error)
}
