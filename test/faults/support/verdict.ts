import { appendFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { Command } from './command.js'
import type { Crew } from './crew.js'
import { compareStates, type EndState } from './end-state.js'
import type { Pipeline } from './pipeline.js'

export interface Observed {
  /** What was done to it. */
  fault: string
  /** How often. */
  events: number
  /** From the end of each fault to the next photo settled. */
  recoverySeconds: number[]
  /** Default: what an undisturbed pipeline leaves behind. */
  expected?: EndState
}

/**
 * Fails unless a disturbed pipeline left exactly what an undisturbed one does, and prints what it survived. With
 * FAULTS_REPORT set, the same goes into that file, one JSON object a line.
 */
export async function expectNothingLost(pipeline: Pipeline, observed: Observed): Promise<void> {
  const { fault, events, recoverySeconds } = observed
  const expected = observed.expected ?? (await pipeline.stage.undisturbed(pipeline.photos))
  const { lost, surplus } = compareStates(await pipeline.endState(), expected)
  const slowest = recoverySeconds.length === 0 ? null : Math.max(...recoverySeconds)
  const line = { fault, photos: pipeline.photos, events, lost: lost.length, duplicates: surplus.length, slowest }
  console.log(
    `${fault}: ${events} survived, ${pipeline.photos} photos, ${lost.length} lost, ${surplus.length} duplicates` +
      (slowest === null ? '' : `, at work again after ${slowest.toFixed(1)} s at most`),
  )
  const file = process.env.FAULTS_REPORT
  if (file) appendFileSync(file, `${JSON.stringify(line)}\n`)
  expect({ lost, surplus }).toEqual({ lost: [], surplus: [] })
}

/** Waits for the end of a run and of its two workers, none of which may have been killed or have failed. */
export async function expectOrderlyEnd(pipeline: Pipeline, run: Command, crew: Crew): Promise<void> {
  const { code, stderr } = await run.ended
  expect(code, stderr).toBe(0)
  await pipeline.isIdle()
  expect(await crew.stop()).toEqual([0, 0])
  expect(crew.deaths).toBe(0)
}
