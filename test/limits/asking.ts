import { request } from 'undici'
import { type Address, openLimiter } from './gcra-stores.js'

export interface AskingOptions {
  address: Address
  rate: number
  /** The host under which slots are taken. */
  host: string
  /** What is asked, with the client's name as path. */
  url: string
  concurrency: number
}

/** Asks a server as fast as the limiter lets it, until the process is killed; once it has begun it says so. */
export async function askForever({ address, rate, host, url, concurrency }: AskingOptions): Promise<void> {
  const { limiter } = await openLimiter(address, rate)
  const { signal } = new AbortController()
  const ask = async () => {
    for (;;) {
      await limiter.acquire(host, signal)
      const { body } = await request(url)
      await body.dump()
    }
  }
  process.stdout.write('asking\n')
  for (let i = 0; i < concurrency; i++) void ask()
}
