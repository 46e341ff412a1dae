import type { Batch } from '../../src/domain/ports/queue.js'
import { type Address, openQueue } from './backends.js'

/** What a process with a consumer of its own is told; each function here is called in such a process. */
export interface ConsumerOptions {
  address: Address
  name: string
  lockMs: number
}

/** Takes a batch, says so on stdout, and never finishes it. */
export async function consumeForever(options: ConsumerOptions): Promise<void> {
  await start(options, batch => {
    say(batch.id)
    return new Promise(() => {})
  })
}

/** Says that it consumes, then names every batch that it gets. */
export async function consumeAll(options: ConsumerOptions): Promise<void> {
  await start(options, async batch => say(batch.id))
  say('consuming')
}

/** Handles one batch, closes everything, twice, and says so. What it left open would keep the process from ending. */
export async function consumeOneAndClose(options: ConsumerOptions): Promise<void> {
  let handled = () => {}
  const one = new Promise<void>(resolve => {
    handled = resolve
  })
  const { queue, consumer } = await start(options, async () => handled())
  await one
  await consumer.close()
  await consumer.close()
  await queue.close()
  await queue.close()
  say('closed')
}

async function start({ address, name, lockMs }: ConsumerOptions, handle: (batch: Batch) => Promise<void>) {
  const queue = await openQueue(address, { name })
  const consumer = await queue.consume(handle, { concurrency: 1, lockMs, onError: error => console.error(error) })
  return { queue, consumer }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
