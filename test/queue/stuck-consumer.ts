import { type Address, openQueue } from './backends.js'

/** Takes a batch, says so on stdout, and never finishes it. */
export async function consumeForever(options: { address: Address; name: string; lockMs: number }): Promise<void> {
  const queue = await openQueue(options.address, { name: options.name })
  await queue.consume(
    batch => {
      process.stdout.write(`${batch.id}\n`)
      return new Promise(() => {})
    },
    { concurrency: 1, lockMs: options.lockMs, onError: error => console.error(error) },
  )
}
