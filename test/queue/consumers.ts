import type { Handle } from '../../src/domain/ports/queue.js'
import { type Address, openQueue } from './backends.js'

/** What a process with a consumer of its own is told; each function here is called in such a process. */
export interface ConsumerOptions {
  address: Address
  name: string
  lockMs: number
}

/** Takes a batch, says what it was told, and never finishes it. */
export async function consumeForever(options: ConsumerOptions): Promise<void> {
  await start(options, (batch, _signal, delivery) => {
    say(JSON.stringify({ id: batch.id, delivery }))
    return new Promise(() => {})
  })
}

/** Takes a batch, says so, and finishes it when the process goes on after it was stopped; says so of each batch. */
export async function consumeOnceContinued(options: ConsumerOptions): Promise<void> {
  await start(options, async batch => {
    // Before anyone knows of it: the signal must not come while nobody listens.
    const continued = new Promise(resolve => process.once('SIGCONT', resolve))
    say(`took ${batch.id}`)
    await continued
    say(`finished ${batch.id}`)
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

async function start({ address, name, lockMs }: ConsumerOptions, handle: Handle) {
  const queue = await openQueue(address, { name })
  const consumer = await queue.consume(handle, { concurrency: 1, lockMs, onError: error => console.error(error) })
  return { queue, consumer }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
