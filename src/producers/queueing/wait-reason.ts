import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../../domain/errors.js'

/** Why a producer waits. */
export interface WaitReason {
  kind: 'queue full' | 'no worker' | 'paused' | 'leaving' | 'away' | 'moved' | 'lost'
  /** For people: the reason and the way out. */
  message: string
}

/** Called when the reason changes; null: the producer continues. */
export type OnWait = (hold: WaitReason | null) => void

/** @throws AppError INTERRUPTED when the signal is aborted */
export function throwIfStopped(
  signal: AbortSignal | undefined,
  message = 'Stopped. What was enqueued until here stays; the same command goes on where it stopped.',
): void {
  if (signal?.aborted) throw new AppError('INTERRUPTED', message, { cause: signal.reason })
}

/** Waits until the time is over or the signal is aborted. */
export async function waitUnlessStopped(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {})
}
