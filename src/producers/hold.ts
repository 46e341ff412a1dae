import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../domain/errors.js'

/** What a producer waits for. */
export interface Hold {
  kind: 'queue full' | 'no worker' | 'paused' | 'leaving' | 'away' | 'moved' | 'lost'
  /** For people: what it waits for, and what to do about it. */
  message: string
}

/** Called with every change of what is waited for; null: it goes on. */
export type OnHold = (hold: Hold | null) => void

/** @throws AppError INTERRUPTED when the signal is aborted */
export function throwIfStopped(
  signal: AbortSignal | undefined,
  message = 'Stopped. What was enqueued until here stays; the same command goes on where it stopped.',
): void {
  if (signal?.aborted) throw new AppError('INTERRUPTED', message, { cause: signal.reason })
}

/** Waits so long, or until the signal is aborted. */
export async function waitUnlessStopped(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {})
}
