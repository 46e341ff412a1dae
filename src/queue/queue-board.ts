import type { Queue } from '../domain/ports/queue.js'
import { BullmqQueue, type QueueBoard } from './bullmq-queue.js'

/** @throws Error for a queue that no dashboard knows */
export function openQueueBoard(queue: Queue): QueueBoard {
  if (queue instanceof BullmqQueue) return queue.board()
  throw new Error(`No dashboard knows the queue at ${queue.location}.`)
}
