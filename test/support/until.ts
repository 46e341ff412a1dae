import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 100

/** Polls until `condition` gives something truthy; rejects when it has not by the deadline. */
export async function until<T>(
  what: string,
  condition: () => Promise<T> | T,
  timeoutMs = 100_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`)
    await pause(POLL_MS)
  }
}
